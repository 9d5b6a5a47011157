import type { BenchStore } from './store.js';

/** The put of a program that wants each acknowledged before the next: at once, where the store can do that. */
export function putAloneOf(store: BenchStore): BenchStore['put'] {
  return store.putSync === undefined
    ? (key, value) => store.put(key, value)
    : (key, value) => {
        store.putSync?.(key, value);
        return undefined;
      };
}
