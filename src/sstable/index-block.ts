import { readU32 } from '../base/bytes.js';
import { corruption } from '../base/errors.js';
import { maxSeq } from '../base/internal-key.js';
import { unsupported } from './block-frame.js';
import { readHead } from './bytes-column.js';
import { alignWord, blockTrailerBytes, firstBlockOffset } from './format.js';

/*
 * Index block, raw (little-endian, n = count):
 *
 *   0  count        u32; 0 in an empty table
 *   4  column mask  u32, M: 1 seq, 2 offset high, 4 data offset
 *   8  prefix size  u32
 *  12  prefix       what all separators begin with, zeros up to a multiple of 4
 *  ..  high         u32 x n: first four bytes behind the prefix, big-endian
 *  ..  low          u32 x n: the next four
 *  ..  bounds       u32 x (n + 1): tail of separator i is [bounds[i], bounds[i + 1])
 *  ..  offset low   u32 x n
 *  ..  size         u32 x n, with the trailer
 *  ..  raw length   u32 x n
 *  ..  offset high  u32 x n with mask 2
 *  ..  seq          {low u32, high u32} x n with mask 1
 *  ..  data offset  {low u32, high u32} x n with mask 4: top only, where a part's first data block is
 *  ..  tails        up to the block's end
 *
 * The same block serves three purposes: the index of data blocks (whole, or a part
 * of it), the top that leads to parts of the index, and the top that leads to parts
 * of the filter.
 *
 * A separator is the shortest prefix of its block's first user key that is above
 * the last key of the block before (the first one is the whole key). Where the
 * versions of one key spread over blocks, the separator is that key itself with
 * the block's first sequence number; all others have 2^53 - 1, before any version.
 */

export const indexHeaderBytes = 12;
export const indexColumnSeq = 1;
export const indexColumnOffsetHigh = 2;
export const indexColumnDataOffset = 4;
const knownColumns = 7;

/** Finds the block for a key; used in place like a data block. */
export class IndexBlock {
  readonly bytes: Uint8Array;
  readonly words: Uint32Array;
  readonly count: number;
  readonly #prefixLength: number;
  readonly #high: number;
  readonly #low: number;
  readonly #bounds: number;
  readonly #offsetLow: number;
  readonly #sizes: number;
  readonly #rawLengths: number;
  readonly #offsetHigh: number;
  readonly #seqs: number;
  readonly #dataOffsets: number;

  /**
   * Takes over `raw`, which begins at offset 0 of its buffer. What it leads to
   * stands in [`placeStart`, `placeEnd`) of the file, in order.
   * @throws LsmError `LSM_CORRUPTION` when columns, handles or separators are out of place or order.
   */
  constructor(
    raw: Uint8Array,
    placeEnd: number,
    file: string,
    offset: number,
    placeStart: number = firstBlockOffset,
  ) {
    const fail = (what: string): Error => corruption(`index: ${what}`, file, offset);
    if (raw.length < indexHeaderBytes) throw fail('header cut off');
    const count = readU32(raw, 0);
    const mask = readU32(raw, 4);
    const prefixLength = readU32(raw, 8);
    if ((mask & ~knownColumns) !== 0) {
      throw unsupported(`index columns 0x${mask.toString(16)}`, file, offset);
    }
    if (count > raw.length / 24 || prefixLength > raw.length) throw fail('impossible count');
    this.bytes = raw;
    this.words = new Uint32Array(raw.buffer, 0, raw.length >>> 2);
    this.count = count;
    this.#prefixLength = prefixLength;
    let at = (indexHeaderBytes + alignWord(prefixLength)) / 4;
    this.#high = at;
    this.#low = at += count;
    this.#bounds = at += count;
    this.#offsetLow = at += count + 1;
    this.#sizes = at += count;
    this.#rawLengths = at += count;
    at += count;
    this.#offsetHigh = mask & indexColumnOffsetHigh ? at : 0;
    if (mask & indexColumnOffsetHigh) at += count;
    this.#seqs = mask & indexColumnSeq ? at : 0;
    if (mask & indexColumnSeq) at += 2 * count;
    this.#dataOffsets = mask & indexColumnDataOffset ? at : 0;
    if (mask & indexColumnDataOffset) at += 2 * count;
    if (4 * at > raw.length) throw fail('columns cut off');
    this.#checkHandles(4 * at, placeStart, placeEnd, fail);
    this.#checkOrder(fail);
  }

  get memoryBytes(): number {
    return this.bytes.buffer.byteLength;
  }

  /** Number of the last block whose separator is at or before (key, seq); -1 when there is none. */
  findBlock(key: Uint8Array, seq: number): number {
    const bytes = this.bytes;
    const prefixLength = this.#prefixLength;
    const shared = prefixLength < key.length ? prefixLength : key.length;
    for (let i = 0; i < shared; i++) {
      const difference = key[i] - bytes[indexHeaderBytes + i];
      if (difference !== 0) return difference < 0 ? -1 : this.count - 1;
    }
    if (key.length < prefixLength) return -1;
    const words = this.words;
    const high = readHead(key, prefixLength, key.length);
    const low = readHead(key, prefixLength + 4, key.length);
    const highs = this.#high;
    const lows = this.#low;
    let from = 0;
    let to = this.count;
    while (from < to) {
      const middle = (from + to) >>> 1;
      const found = words[highs + middle];
      let isAfter = found > high;
      if (found === high) {
        const second = words[lows + middle];
        isAfter = second > low || (second === low && this.#isAfter(middle, key, seq));
      }
      if (isAfter) to = middle;
      else from = middle + 1;
    }
    return from - 1;
  }

  /** Whether block `number` begins with an older version of `key`, which must be the key searched in the block before. */
  continuesKey(number: number, key: Uint8Array): boolean {
    return (
      this.#seqs !== 0 && this.seqAt(number) !== maxSeq && this.#compareTail(number, key) === 0
    );
  }

  offsetAt(number: number): number {
    const low = this.words[this.#offsetLow + number];
    if (this.#offsetHigh === 0) return low;
    return low + this.words[this.#offsetHigh + number] * 0x1_0000_0000;
  }

  /** Stored size of a block, with its trailer. */
  sizeAt(number: number): number {
    return this.words[this.#sizes + number];
  }

  rawLengthAt(number: number): number {
    return this.words[this.#rawLengths + number];
  }

  seqAt(number: number): number {
    if (this.#seqs === 0) return maxSeq;
    const at = this.#seqs + 2 * number;
    return this.words[at] + this.words[at + 1] * 0x1_0000_0000;
  }

  get hasDataOffsets(): boolean {
    return this.#dataOffsets !== 0;
  }

  /** Of a top: where the first data block of a part of the index is in the file. */
  dataOffsetAt(number: number): number {
    const at = this.#dataOffsets + 2 * number;
    return this.words[at] + this.words[at + 1] * 0x1_0000_0000;
  }

  separatorAt(number: number): Uint8Array {
    const start = this.words[this.#bounds + number];
    const end = this.words[this.#bounds + number + 1];
    const separator = new Uint8Array(this.#prefixLength + end - start);
    separator.set(this.bytes.subarray(indexHeaderBytes, indexHeaderBytes + this.#prefixLength));
    separator.set(this.bytes.subarray(start, end), this.#prefixLength);
    return separator;
  }

  /** Whether separator `number` is after (key, seq), given that the key has the prefix. */
  #isAfter(number: number, key: Uint8Array, seq: number): boolean {
    const order = this.#compareTail(number, key);
    return order !== 0 ? order > 0 : this.#seqs !== 0 && this.seqAt(number) < seq;
  }

  /** Compares separator `number` with `key`, which has the prefix. */
  #compareTail(number: number, key: Uint8Array): number {
    const bytes = this.bytes;
    const start = this.words[this.#bounds + number];
    const length = this.words[this.#bounds + number + 1] - start;
    const skip = this.#prefixLength;
    const keyLength = key.length - skip;
    const shared = length < keyLength ? length : keyLength;
    for (let i = 0; i < shared; i++) {
      const difference = bytes[start + i] - key[skip + i];
      if (difference !== 0) return difference;
    }
    return length - keyLength;
  }

  #checkHandles(
    tails: number,
    placeStart: number,
    placeEnd: number,
    fail: (what: string) => Error,
  ): void {
    const words = this.words;
    const bounds = this.#bounds;
    if (words[bounds] !== tails || words[bounds + this.count] !== this.bytes.length) {
      throw fail('unsorted bounds');
    }
    let end = placeStart;
    for (let i = 0; i < this.count; i++) {
      if (words[bounds + i] > words[bounds + i + 1]) throw fail('unsorted bounds');
      const size = this.sizeAt(i);
      const offset = this.offsetAt(i);
      if (offset < end || size < blockTrailerBytes) throw fail(`impossible handle of block ${i}`);
      end = offset + size;
      if (end > placeEnd) throw fail(`block ${i} reaches too far`);
    }
  }

  #checkOrder(fail: (what: string) => Error): void {
    const words = this.words;
    for (let i = 1; i < this.count; i++) {
      const high = words[this.#high + i];
      const before = words[this.#high + i - 1];
      if (high > before) continue;
      const isSorted =
        high === before &&
        (words[this.#low + i] > words[this.#low + i - 1] ||
          (words[this.#low + i] === words[this.#low + i - 1] &&
            this.#isAfter(i, this.separatorAt(i - 1), this.seqAt(i - 1))));
      if (!isSorted) throw fail(`separators of blocks ${i - 1} and ${i} are not in order`);
    }
  }
}
