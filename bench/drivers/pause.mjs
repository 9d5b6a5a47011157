/** For stores that do not tell when their background work has come to rest. */
export function pause() {
  return new Promise((resolve) => setTimeout(resolve, 2000));
}
