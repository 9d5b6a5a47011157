import type { BenchStore } from './store.js';

/** The put that a program would use which awaits each. */
export function putAloneOf(store: BenchStore): BenchStore['put'] {
  return store.putAlone === undefined
    ? (key, value) => store.put(key, value)
    : (key, value) => store.putAlone?.(key, value);
}
