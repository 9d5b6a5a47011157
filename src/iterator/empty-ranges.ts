import { compareBytes, compareRanges, copyOf, keySuccessor } from '../base/bytes.js';

/** No reader at `since` or later sees a key in [`from`, `to`). Immutable. */
export interface EmptyRange {
  readonly from: Uint8Array;
  readonly to: Uint8Array;
  readonly since: number;
}

/** A put takes 2 ns without ranges, 32 with one, 107 with 64; each keeps two keys in memory. */
const maxRanges = 64;
/** Walks that wait for a block and hope to learn all the same: 43 ns each for a put meanwhile. */
const maxWatches = 4;

/**
 * Where readers of one keyspace met nothing but deleted keys: the consumed head
 * of a queue, say, whose tombstones stay in memtables and upper levels until
 * they have been merged down, 800,000 of them in a memtable of 32 MiB. Scans jump
 * over these ranges instead of stepping over every tombstone again.
 *
 * Why a range may be believed. A scan at `seq` has walked over it and seen no
 * key; so no reader at `seq` does. A reader at a later number sees a key there
 * only if it was put after `seq`, since deletions only take keys away. So the
 * range holds for all readers from `seq` on (that is its `since`; earlier readers
 * may still see what was deleted, and must not use it), as long as
 * 1. no put of a number above `seq` went into it before it was added: either no
 *    such put went anywhere into the keyspace (`isUnchangedSince`), or all of them
 *    came while a `RangeWatch` was kept, which says where they went, and
 * 2. every put into it since then cuts it (`onPut`).
 * Nothing else matters: not which memtables and tables the scan walked over, nor
 * whether it waited in between, as flushes and compactions show readers no change.
 *
 * It is kept in memory only. After reopening, the first scan learns it again.
 */
export class EmptyRanges {
  /** Ascending, disjoint, not touching. */
  readonly #ranges: KnownRange[] = [];
  readonly #watches: RangeWatch[] = [];
  #lastPutSeq = 0;
  /** The priority at which the last range was given up; see `#makeRoom`. */
  #floor = 0;

  get count(): number {
    return this.#ranges.length;
  }

  /** For tests and messages; ascending. */
  get ranges(): readonly EmptyRange[] {
    return this.#ranges;
  }

  /** The key `bytes[start..end)` was put at `seq`, into this keyspace: to be called before the next read. */
  onPut(bytes: Uint8Array, start: number, end: number, seq: number): void {
    this.#lastPutSeq = seq;
    if (this.#ranges.length !== 0) this.#cutAt(bytes, start, end);
    if (this.#watches.length !== 0) {
      for (const watch of this.#watches) watch.onPut(bytes, start, end);
    }
  }

  /** True when no put has come since the reader's `seq`, which was the newest number once. */
  isUnchangedSince(seq: number): boolean {
    return this.#lastPutSeq <= seq;
  }

  /** The range with the key `bytes[start..end)` in it, for a reader at `seq`. */
  find(bytes: Uint8Array, start: number, end: number, seq: number): EmptyRange | undefined {
    const index = this.#countAtOrBefore(bytes, start, end) - 1;
    if (index < 0) return undefined;
    const range = this.#ranges[index];
    if (range.since > seq) return undefined;
    if (compareRanges(bytes, start, end, range.to, 0, range.to.length) >= 0) return undefined;
    range.priority = this.#floor + range.weight;
    return range;
  }

  /** The range with the keys right before `key` in it, for a reader at `seq`. */
  findBefore(key: Uint8Array, seq: number): EmptyRange | undefined {
    let index = this.#countAtOrBefore(key, 0, key.length) - 1;
    if (index >= 0 && compareBytes(this.#ranges[index].from, key) === 0) index--;
    if (index < 0) return undefined;
    const range = this.#ranges[index];
    if (range.since > seq || compareBytes(key, range.to) > 0) return undefined;
    range.priority = this.#floor + range.weight;
    return range;
  }

  /**
   * Adds a range for which the conditions above hold, and joins it with those it
   * touches. Keeps both keys as they are. `weight` is the number of steps it
   * saves: the lightest go first.
   */
  add(from: Uint8Array, to: Uint8Array, since: number, weight: number): void {
    const ranges = this.#ranges;
    const end = this.#countAtOrBefore(to, 0, to.length);
    let begin = end;
    while (begin > 0 && compareBytes(ranges[begin - 1].to, from) >= 0) {
      const range = ranges[--begin];
      const isLonger = compareBytes(range.from, from) <= 0;
      const reachesFurther = compareBytes(range.to, to) >= 0;
      if (isLonger && reachesFurther && range.since <= since) return;
      if (isLonger) from = range.from;
      if (reachesFurther) to = range.to;
      since = Math.max(since, range.since);
      weight += range.weight;
    }
    const joined = new KnownRange(from, to, since, weight, this.#floor + weight);
    // A queue's head grows like this with each key that is taken: no new array.
    if (end === begin + 1) ranges[begin] = joined;
    else ranges.splice(begin, end - begin, joined);
    if (ranges.length > maxRanges) this.#makeRoom();
  }

  /** Notes all puts from now on, until `unwatch`; forward: at or after `near`, else before it. */
  watch(near: Uint8Array, isForward: boolean): RangeWatch {
    const watch = new RangeWatch(near, isForward);
    this.#watches.push(watch);
    // A scan that was forgotten while it waited must not stay here for ever.
    if (this.#watches.length > maxWatches) this.#watches.shift()!.isSpoiled = true;
    return watch;
  }

  unwatch(watch: RangeWatch): void {
    const index = this.#watches.indexOf(watch);
    if (index >= 0) this.#watches.splice(index, 1);
  }

  /** Ranges that begin at or before the key. */
  #countAtOrBefore(bytes: Uint8Array, start: number, end: number): number {
    const ranges = this.#ranges;
    let low = 0;
    let high = ranges.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const { from } = ranges[middle];
      if (compareRanges(from, 0, from.length, bytes, start, end) <= 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** What is left of the range with this key in it lies on both sides of the key. */
  #cutAt(bytes: Uint8Array, start: number, end: number): void {
    const index = this.#countAtOrBefore(bytes, start, end) - 1;
    if (index < 0) return;
    const { from, to, since, weight, priority } = this.#ranges[index];
    if (compareRanges(bytes, start, end, to, 0, to.length) >= 0) return;
    const key = copyOf(bytes, start, end);
    const behind = keySuccessor(key);
    const parts: KnownRange[] = [];
    // Nobody knows on which side the tombstones are.
    const half = weight / 2;
    if (compareBytes(from, key) < 0) {
      parts.push(new KnownRange(from, key, since, half, priority - half));
    }
    if (compareBytes(behind, to) < 0) {
      parts.push(new KnownRange(behind, to, since, half, priority - half));
    }
    this.#ranges.splice(index, 1, ...parts);
    if (this.#ranges.length > maxRanges) this.#makeRoom();
  }

  /**
   * GreedyDual (N. Young, "The k-server dual and loose competitiveness for paging",
   * 1994): what is given up raises the floor to which weights are added, so that a
   * heavy range outlives many light ones, but not for ever without being used.
   */
  #makeRoom(): void {
    const ranges = this.#ranges;
    let least = 0;
    for (let i = 1; i < ranges.length; i++) {
      if (ranges[i].priority < ranges[least].priority) least = i;
    }
    this.#floor = Math.max(this.#floor, ranges[least].priority);
    ranges.splice(least, 1);
  }
}

class KnownRange implements EmptyRange {
  readonly from: Uint8Array;
  readonly to: Uint8Array;
  readonly since: number;
  readonly weight: number;
  priority: number;

  constructor(from: Uint8Array, to: Uint8Array, since: number, weight: number, priority: number) {
    this.from = from;
    this.to = to;
    this.since = since;
    this.weight = weight;
    this.priority = priority;
  }
}

/** The put that came nearest to where a walk began, while it was waiting. */
export class RangeWatch {
  /** A copy of where the walk began. */
  readonly near: Uint8Array;
  /** Lowest key put at or after `near`; walking back, the highest before it. */
  barrier: Uint8Array | undefined;
  /** Puts may have been missed. */
  isSpoiled = false;
  readonly #isForward: boolean;

  constructor(near: Uint8Array, isForward: boolean) {
    this.near = copyOf(near);
    this.#isForward = isForward;
  }

  onPut(bytes: Uint8Array, start: number, end: number): void {
    const { near, barrier } = this;
    const isAhead = compareRanges(bytes, start, end, near, 0, near.length) >= 0;
    if (isAhead !== this.#isForward) return;
    if (barrier !== undefined) {
      const order = compareRanges(bytes, start, end, barrier, 0, barrier.length);
      if (this.#isForward ? order >= 0 : order <= 0) return;
    }
    this.barrier = copyOf(bytes, start, end);
  }
}
