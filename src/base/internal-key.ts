import { compareRanges } from './bytes.js';

/** Sequence numbers are safe integers, one per operation; 0 is before the first. */
export const maxSeq: number = Number.MAX_SAFE_INTEGER;

/** Longest user key, in bytes. */
export const maxKeyBytes = 65_535;
/** Longest value, in bytes (256 MiB). */
export const maxValueBytes = 2 ** 28;
/** Longest encoded batch, in bytes (1 GiB). */
export const maxBatchBytes = 2 ** 30;

/** What one version of a key is. Only put and delete are written today. */
export const kindPut = 0;
/** The kind of an entry that says: deleted. */
export const kindDelete = 1;
/** What one version of a key is. */
export type EntryKind = typeof kindPut | typeof kindDelete;

/** The order of all entries: key ascending, then sequence number descending. */
export function compareInternal(
  a: Uint8Array,
  aStart: number,
  aEnd: number,
  aSeq: number,
  b: Uint8Array,
  bStart: number,
  bEnd: number,
  bSeq: number,
): number {
  const order = compareRanges(a, aStart, aEnd, b, bStart, bEnd);
  return order !== 0 ? order : bSeq - aSeq;
}
