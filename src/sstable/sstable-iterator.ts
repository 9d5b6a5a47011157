import { compareBytes, compareRanges, emptyBytes, keySuccessor } from '../base/bytes.js';
import type { Entry } from '../base/entry.js';
import { invalidArgument, LsmError } from '../base/errors.js';
import { maxSeq } from '../base/internal-key.js';
import type { Cursor } from '../iterator/cursor.js';
import { ByteSlab } from '../base/byte-slab.js';

/** Which entries, in which order. Keys are bytes or UTF-8 strings. */
export interface SSTableRange {
  /** Only keys behind this one. */
  readonly gt?: string | Uint8Array;
  /** Only this key and those behind it. */
  readonly gte?: string | Uint8Array;
  /** Only keys before this one. */
  readonly lt?: string | Uint8Array;
  /** Only this key and those before it. */
  readonly lte?: string | Uint8Array;
  /** From the largest key down; versions of one key then come oldest first. Default false. */
  readonly reverse?: boolean;
  /** At most so many entries. Default: all. */
  readonly limit?: number;
  /**
   * False leaves the values out: each entry's is empty, and none is copied. Keys and
   * values share blocks, so blocks are read, checked and decompressed all the same;
   * but a long scan over long values makes less garbage. Default true.
   */
  readonly values?: boolean;
}

/** A range as keys in order see it. */
export interface SSTableBounds {
  readonly lower: Uint8Array | undefined;
  /** Exclusive. */
  readonly upper: Uint8Array | undefined;
}

/** @throws LsmError `LSM_INVALID_ARGUMENT` */
export function boundsOf({ gt, gte, lt, lte }: SSTableRange): SSTableBounds {
  return {
    lower: tighter(gte, gt, (a, b) => compareBytes(a, b) > 0),
    upper: tighter(lt, lte, (a, b) => compareBytes(a, b) < 0),
  };
}

export function keyBytesOf(key: string | Uint8Array): Uint8Array {
  if (typeof key === 'string') return new TextEncoder().encode(key);
  if (key instanceof Uint8Array) return key;
  throw invalidArgument('a key must be a string or a Uint8Array');
}

/**
 * Steps through a range of a table: every version of every key, tombstones too.
 * `next` and `nextSync` may be mixed, but not while a `next` is pending. Entries
 * own their bytes (short ones share a slab, as Node's Buffers do).
 */
export class SSTableIterator {
  readonly #cursor: Cursor;
  readonly #lower: Uint8Array | undefined;
  /** Exclusive. */
  readonly #upper: Uint8Array | undefined;
  readonly #isReverse: boolean;
  readonly #hasValues: boolean;
  readonly #slab = new ByteSlab();
  #left: number;
  #start: Uint8Array | undefined;
  #isPositioned = false;
  #isBusy = false;
  #isClosed = false;

  /** @internal Takes over the cursor that `openCursor` makes for the range's bounds. */
  constructor(openCursor: (bounds: SSTableBounds) => Cursor, range: SSTableRange) {
    const { limit = Infinity, reverse = false, values = true } = range;
    if (!(limit >= 0)) throw invalidArgument('limit must be a number from 0');
    const bounds = boundsOf(range);
    this.#lower = bounds.lower;
    this.#upper = bounds.upper;
    this.#isReverse = reverse;
    this.#hasValues = values;
    this.#left = limit;
    this.#cursor = openCursor(bounds);
  }

  /**
   * The next entry, or undefined at the end.
   * @throws LsmError `LSM_CORRUPTION`, `LSM_IO`, `LSM_CLOSED`, `LSM_BUSY`
   */
  async next(): Promise<Entry | undefined> {
    this.#checkUsable();
    this.#isBusy = true;
    try {
      while (!this.#advance()) await this.#cursor.wait();
    } finally {
      this.#isBusy = false;
      if (this.#isClosed) this.#cursor.close();
    }
    if (this.#isClosed) throw closedError();
    return this.#take();
  }

  /** As `next`; reads blocks that are missing before it returns. */
  nextSync(): Entry | undefined {
    this.#checkUsable();
    while (!this.#advance()) this.#cursor.waitSync();
    return this.#take();
  }

  /** The next entry will be the first one at or after `key` (reverse: at or before), inside the range. */
  seek(key: string | Uint8Array): void {
    this.#checkUsable();
    this.#start = keyBytesOf(key).slice();
    this.#isPositioned = false;
  }

  /** Lets go of the table. Closing twice is fine. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (!this.#isBusy) this.#cursor.close();
  }

  #advance(): boolean {
    if (this.#left <= 0) return true;
    const cursor = this.#cursor;
    if (this.#isPositioned) {
      if (!cursor.valid) return true;
      return this.#isReverse ? cursor.prev() : cursor.next();
    }
    if (!(this.#isReverse ? this.#positionAtEnd() : this.#positionAtStart())) return false;
    this.#isPositioned = true;
    return true;
  }

  #positionAtStart(): boolean {
    let key = this.#start ?? this.#lower;
    if (key !== undefined && this.#lower !== undefined && compareBytes(key, this.#lower) < 0) {
      key = this.#lower;
    }
    return key === undefined ? this.#cursor.first() : this.#cursor.seek(key, maxSeq);
  }

  #positionAtEnd(): boolean {
    let bound = this.#start === undefined ? this.#upper : keySuccessor(this.#start);
    if (bound !== undefined && this.#upper !== undefined && compareBytes(bound, this.#upper) > 0) {
      bound = this.#upper;
    }
    return bound === undefined ? this.#cursor.last() : this.#cursor.seekBefore(bound, maxSeq);
  }

  #take(): Entry | undefined {
    const cursor = this.#cursor;
    if (this.#left <= 0 || !cursor.valid || !this.#isInRange()) return undefined;
    this.#left--;
    const entry = cursor.entry;
    return {
      key: this.#slab.copy(entry.keyBytes, entry.keyStart, entry.keyEnd),
      seq: entry.seq,
      kind: entry.kind,
      value: this.#hasValues
        ? this.#slab.copy(entry.valueBytes, entry.valueStart, entry.valueEnd)
        : emptyBytes,
    };
  }

  #isInRange(): boolean {
    const bound = this.#isReverse ? this.#lower : this.#upper;
    if (bound === undefined) return true;
    const { keyBytes, keyStart, keyEnd } = this.#cursor.entry;
    const order = compareRanges(keyBytes, keyStart, keyEnd, bound, 0, bound.length);
    return this.#isReverse ? order >= 0 : order < 0;
  }

  #checkUsable(): void {
    if (this.#isClosed) throw closedError();
    if (this.#isBusy) throw new LsmError('LSM_BUSY', 'await the pending next() first');
  }
}

function closedError(): LsmError {
  return new LsmError('LSM_CLOSED', 'the iterator is closed');
}

/** The tighter of two bounds; the second one's key itself is on the other side of it. */
function tighter(
  plain: string | Uint8Array | undefined,
  stepped: string | Uint8Array | undefined,
  isTighter: (a: Uint8Array, b: Uint8Array) => boolean,
): Uint8Array | undefined {
  const first = plain === undefined ? undefined : keyBytesOf(plain).slice();
  const second = stepped === undefined ? undefined : keySuccessor(keyBytesOf(stepped));
  if (first === undefined) return second;
  return second !== undefined && isTighter(second, first) ? second : first;
}
