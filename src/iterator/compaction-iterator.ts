import { kindDelete } from '../base/internal-key.js';
import type { Waitable } from '../base/task.js';
import type { Cursor, CursorEntry } from './cursor.js';
import { KeyBuffer } from './key-buffer.js';
import type { OlderRanges } from './older-ranges.js';

/**
 * Drops for good what nobody can read any more. Snapshots cut the sequence
 * numbers into stripes; all readers inside one stripe see the same version of a
 * key, the newest in it, so the others go. A tombstone in the oldest stripe has
 * nothing left to hide among the inputs, and goes too when nothing older of its
 * key exists outside them.
 *
 * Forward only, restartable as a `Cursor`: false means wait and repeat.
 */
export class CompactionIterator implements Waitable {
  /** What the inputs held, as far as it was read. */
  entriesIn = 0;
  /** Key and value bytes of `entriesIn`. */
  rawBytesIn = 0;
  droppedTombstones = 0;
  /** Versions hidden from every reader by a newer one. */
  droppedSuperseded = 0;

  readonly #cursor: Cursor;
  readonly #snapshotSeqs: readonly number[];
  readonly #older: OlderRanges | undefined;
  readonly #key = new KeyBuffer();
  /** The stripe of the last version seen of `#key`. */
  #stripe = 0;
  #isNewKey = false;
  /** The child's step is under way, and must complete before its entry is read. */
  #isStepping = false;

  /**
   * `snapshotSeqs` ascend. Without `older` every tombstone is kept unless a newer
   * version hides it. Takes over `cursor`: closing this closes it.
   */
  constructor(cursor: Cursor, snapshotSeqs: readonly number[], older?: OlderRanges) {
    this.#cursor = cursor;
    this.#snapshotSeqs = snapshotSeqs;
    this.#older = older;
  }

  get valid(): boolean {
    return this.#cursor.valid;
  }

  get entry(): CursorEntry {
    return this.#cursor.entry;
  }

  /** False when the entry is a further version of the key of the one before it. */
  get isNewKey(): boolean {
    return this.#isNewKey;
  }

  first(): boolean {
    if (this.#isStepping) return this.next();
    return this.#cursor.first() && this.#settle();
  }

  next(): boolean {
    this.#isStepping = true;
    if (!this.#cursor.next()) return false;
    this.#isStepping = false;
    return this.#settle();
  }

  wait(): Promise<void> {
    return this.#cursor.wait();
  }

  waitSync(): void {
    this.#cursor.waitSync();
  }

  close(): void {
    this.#cursor.close();
  }

  /** Steps over what is dropped. */
  #settle(): boolean {
    const cursor = this.#cursor;
    while (cursor.valid) {
      if (this.#isKept(cursor.entry)) return true;
      this.#isStepping = true;
      if (!cursor.next()) return false;
      this.#isStepping = false;
    }
    return true;
  }

  #isKept(entry: CursorEntry): boolean {
    this.entriesIn++;
    this.rawBytesIn += entry.keyEnd - entry.keyStart + (entry.valueEnd - entry.valueStart);
    const stripe = this.#stripeOf(entry.seq);
    const repeats = this.#cursor.repeatsKey;
    // Where the cursor knows, 5 % of a compaction's time are saved. One that stops knowing does so at
    // the border of two tables, where the key is a new one.
    this.#isNewKey = repeats === undefined ? this.#key.hold(entry) : !repeats;
    if (!this.#isNewKey && stripe === this.#stripe) {
      this.droppedSuperseded++;
      return false;
    }
    this.#stripe = stripe;
    if (entry.kind === kindDelete && stripe === 0 && this.#hidesNothingOutside(entry)) {
      this.droppedTombstones++;
      return false;
    }
    return true;
  }

  #hidesNothingOutside(entry: CursorEntry): boolean {
    const older = this.#older;
    return (
      older !== undefined && !older.mayHold(entry.keyBytes, entry.keyStart, entry.keyEnd, entry.seq)
    );
  }

  /** How many snapshots are too old to see `seq`. */
  #stripeOf(seq: number): number {
    const seqs = this.#snapshotSeqs;
    let low = 0;
    let high = seqs.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (seqs[middle] < seq) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
