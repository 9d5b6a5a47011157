/** The value below which a share of the numbers lies, between two of them where it falls there. */
export function quantile(numbers, share) {
  const sorted = numbers.toSorted((a, b) => a - b);
  const at = (sorted.length - 1) * share;
  const below = Math.floor(at);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below] + (sorted[above] - sorted[below]) * (at - below);
}

export const median = (numbers) => quantile(numbers, 0.5);

/** Median and quartiles. */
export function spread(numbers) {
  return {
    median: median(numbers),
    lower: quantile(numbers, 0.25),
    upper: quantile(numbers, 0.75),
  };
}
