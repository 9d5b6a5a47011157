import type { BenchKey, BenchStore } from './store.js';

/** One synchronous get of a store. */
export type GetSync = (key: BenchKey) => unknown;

/** Undefined where the store has no such call. */
export function getSyncOf(store: BenchStore): GetSync | undefined {
  return store.getSync === undefined ? undefined : (key) => store.getSync?.(key);
}

/** As `getSyncOf`, for values that are looked at and let go. */
export function getBorrowedSyncOf(store: BenchStore): GetSync | undefined {
  return store.getBorrowedSync === undefined ? undefined : (key) => store.getBorrowedSync?.(key);
}

/** The quickest get of a program that looks at a value and lets it go. */
export function quickestGetOf(store: BenchStore): GetSync | undefined {
  return getBorrowedSyncOf(store) ?? getSyncOf(store);
}
