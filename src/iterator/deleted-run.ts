import { compareBytes, copyOf, keySuccessor } from '../base/bytes.js';
import type { EmptyRange, EmptyRanges, RangeWatch } from './empty-ranges.js';
import { KeyBuffer } from './key-buffer.js';

/** Deleted keys in a row that are worth remembering; a power of two. */
const minRun = 16;

/**
 * What a scan at `seq` learns from the deleted keys it meets between two visible
 * ones, and where it can jump. A run reaches from where the walk began (the
 * target of a positioning call, which is part of what was found empty) to the
 * last deleted key, inclusive. Not further, although the walk may have gone on to
 * the end of everything: a range up to there would be cut by every key appended.
 */
export class DeletedRun {
  /** There is something to end. */
  isBegun = false;
  /** Deleted keys since the run began, or since its last jump. */
  #count = 0;
  readonly #ranges: EmptyRanges;
  readonly #seq: number;
  #isForward = true;
  /** Where the run begins: inclusive walking forward, exclusive walking back. Undefined: not known yet. */
  #near: Uint8Array | undefined;
  /** The run began with a positioning call, so that nothing lies between its target and the first key. */
  #isAnchored = false;
  /** The last deleted key; kept once the run will be added. Made late: most scans are short and meet none. */
  #last: KeyBuffer | undefined;
  /** The run continues a known range, which grows with every key. */
  #hasJumped = false;
  #watch: RangeWatch | undefined;
  /** Puts were missed; what was learnt by others can still be used. */
  #isLearning = true;

  /** `seq` is not newer than the newest number given out. */
  constructor(ranges: EmptyRanges, seq: number) {
    this.#ranges = ranges;
    this.#seq = seq;
  }

  /** A positioning call to `near`, or off either end (undefined). Returns the range to jump over, if there is one. */
  begin(near: Uint8Array | undefined, isForward: boolean): EmptyRange | undefined {
    this.drop();
    this.isBegun = true;
    this.#isForward = isForward;
    this.#isAnchored = true;
    this.#near = near;
    if (near === undefined || this.#ranges.count === 0) return undefined;
    const range = isForward
      ? this.#ranges.find(near, 0, near.length, this.#seq)
      : this.#ranges.findBefore(near, this.#seq);
    this.#hasJumped = range !== undefined;
    return range;
  }

  /** A key that is deleted for the reader. Returns the range to jump over, if there is one. */
  meet(bytes: Uint8Array, start: number, end: number, isForward: boolean): EmptyRange | undefined {
    const count = ++this.#count;
    this.isBegun = true;
    this.#isForward = isForward;
    if (this.#isLearning && (count >= minRun || this.#hasJumped || this.#isAnchored)) {
      if (this.#near === undefined) {
        const key = copyOf(bytes, start, end);
        this.#near = isForward ? key : keySuccessor(key);
      }
      this.#last ??= new KeyBuffer();
      this.#last.holdRange(bytes, start, end);
    }
    if ((count & (minRun - 1)) !== 0 && !(count === 1 && this.#isAnchored)) return undefined;
    const range = this.#ranges.find(bytes, start, end, this.#seq);
    if (range === undefined) return undefined;
    // Joins what lies before the range with it; the run then goes on behind it.
    if (this.#isLearning) this.#record();
    this.#count = 0;
    this.#hasJumped = true;
    return range;
  }

  /** The walk must wait for a block: others may write meanwhile. */
  pause(): void {
    if (this.#near === undefined || this.#watch !== undefined || !this.#isLearning) return;
    if (this.#ranges.isUnchangedSince(this.#seq)) {
      this.#watch = this.#ranges.watch(this.#near, this.#isForward);
      // Until now it may have been the caller's.
      this.#near = this.#watch.near;
    } else this.#giveUp();
  }

  /** The walk has come to a visible key, or to its end. */
  end(): void {
    if (this.#count > 0 && this.#isLearning && (this.#hasJumped || this.#count >= minRun)) {
      this.#record();
    }
    this.drop();
  }

  /** The walk is over, or another one begins. */
  drop(): void {
    this.isBegun = false;
    this.#count = 0;
    this.#near = undefined;
    this.#isAnchored = false;
    this.#hasJumped = false;
    if (this.#watch === undefined) return;
    this.#ranges.unwatch(this.#watch);
    this.#watch = undefined;
  }

  #record(): void {
    const near = this.#near!;
    const watch = this.#watch;
    if (watch === undefined ? !this.#ranges.isUnchangedSince(this.#seq) : watch.isSpoiled) {
      this.#giveUp();
      return;
    }
    const { bytes, length } = this.#last!;
    const last = copyOf(bytes, 0, length);
    let from = this.#isForward ? copyOf(near) : last;
    let to = this.#isForward ? keySuccessor(last) : copyOf(near);
    const barrier = watch?.barrier;
    if (barrier !== undefined) {
      if (this.#isForward) to = lower(to, barrier);
      else from = higher(from, keySuccessor(barrier));
    }
    if (compareBytes(from, to) < 0) this.#ranges.add(from, to, this.#seq, this.#count);
  }

  /** The next put is newer still: this scan will not learn any more. */
  #giveUp(): void {
    this.#isLearning = false;
    this.#near = undefined;
  }
}

function lower(a: Uint8Array, b: Uint8Array): Uint8Array {
  return compareBytes(a, b) <= 0 ? a : b;
}

function higher(a: Uint8Array, b: Uint8Array): Uint8Array {
  return compareBytes(a, b) >= 0 ? a : b;
}
