import { compareBytes, compareRanges } from '../base/bytes.js';

/** Keys and the oldest sequence number of a table outside a compaction's inputs. Plain data. */
export interface OlderRange {
  /** Both inclusive. */
  readonly smallest: Uint8Array;
  readonly largest: Uint8Array;
  readonly smallestSeq: number;
}

/**
 * Answers, for keys asked in ascending order, whether a table outside a
 * compaction's inputs may hold an older entry of a key. Keys only ascend, so
 * each range is taken up once and let go once.
 */
export class OlderRanges {
  readonly #sorted: readonly OlderRange[];
  /** Ranges begun and not yet ended: at most one for each deeper level and L0 table. */
  readonly #open: OlderRange[] = [];
  #next = 0;

  /** `ranges` may overlap, and come in any order. */
  constructor(ranges: readonly OlderRange[]) {
    this.#sorted = [...ranges].sort((a, b) => compareBytes(a.smallest, b.smallest));
  }

  /** True when an entry of the key `bytes[start..end)` not newer than `seq` may exist out there. */
  mayHold(bytes: Uint8Array, start: number, end: number, seq: number): boolean {
    const sorted = this.#sorted;
    const open = this.#open;
    while (
      this.#next < sorted.length &&
      isAtOrBefore(sorted[this.#next].smallest, bytes, start, end)
    ) {
      open.push(sorted[this.#next++]);
    }
    let kept = 0;
    let isFound = false;
    for (const range of open) {
      if (compareRanges(range.largest, 0, range.largest.length, bytes, start, end) < 0) continue;
      open[kept++] = range;
      // Equal counts as older: in tables used alone every entry has number 0.
      if (range.smallestSeq <= seq) isFound = true;
    }
    open.length = kept;
    return isFound;
  }
}

function isAtOrBefore(key: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  return compareRanges(key, 0, key.length, bytes, start, end) <= 0;
}
