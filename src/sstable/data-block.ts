import { assert } from '../base/assert.js';
import { readU32, readU64 } from '../base/bytes.js';
import { corruption } from '../base/errors.js';
import { kindDelete, kindPut, maxKeyBytes, maxSeq, type EntryKind } from '../base/internal-key.js';
import type { CursorEntry } from '../iterator/cursor.js';
import { unsupported } from './block-frame.js';
import { readHead } from './bytes-column.js';
import {
  columnKinds,
  columnSeqHigh,
  columnSeqLow,
  dataBlockHeaderBytes,
  knownColumns,
} from './data-block-writer.js';
import { alignWord } from './format.js';

/** What a cached block costs beside its bytes: buffer, views and this object. */
const objectBytes = 360;
const wordsPerCacheLine = 16;

/**
 * A data block, used in place: two views over one buffer, nothing is decoded per
 * entry. The layout stands at the head of data-block-writer.ts. Fields are
 * public for the cursor's inner loop.
 */
export class DataBlock {
  readonly bytes: Uint8Array;
  readonly words: Uint32Array;
  readonly count: number;
  readonly prefixLength: number;
  /** Indexes into `words` of the columns; `seqLow` and `seqHigh` are 0 when absent. */
  readonly heads: number;
  readonly bounds: number;
  readonly seqLow: number;
  readonly seqHigh: number;
  /** Byte offset of the kind column, 0 when absent. */
  readonly kinds: number;
  readonly baseSeq: number;
  /** Where the columns that every search visits end, in words, at most eight cache lines. */
  readonly touchEnd: number;
  /** Never read: it keeps the compiler from dropping the loads of `#touch`. */
  touched = 0;
  /** Who uses the block beyond the call that found it: its memory is not given to another meanwhile. */
  #holders = 0;

  /**
   * Takes over `raw`, which begins at offset 0 of its buffer.
   * @throws LsmError `LSM_CORRUPTION` when columns overlap, are unsorted or leave the block.
   */
  constructor(raw: Uint8Array, file: string, offset: number) {
    const fail = (what: string): Error => corruption(`data block: ${what}`, file, offset);
    if (raw.length < dataBlockHeaderBytes) throw fail('header cut off');
    const count = readU32(raw, 0);
    const mask = readU32(raw, 4);
    const prefixLength = readU32(raw, 16);
    if ((mask & ~knownColumns) !== 0) {
      throw unsupported(`data block columns 0x${mask.toString(16)}`, file, offset);
    }
    if (count === 0 || count > raw.length / 12 || prefixLength > raw.length) {
      throw fail(`impossible count ${count} or prefix length ${prefixLength}`);
    }
    this.bytes = raw;
    this.words = new Uint32Array(raw.buffer, 0, raw.length >>> 2);
    this.count = count;
    this.prefixLength = prefixLength;
    this.baseSeq = readU64(raw, 8);
    let at = dataBlockHeaderBytes + alignWord(prefixLength);
    this.heads = at / 4;
    at += 4 * count;
    this.bounds = at / 4;
    at += 4 * (2 * count + 1);
    this.touchEnd = Math.min(at / 4, 8 * wordsPerCacheLine);
    this.seqLow = mask & columnSeqLow ? at / 4 : 0;
    if (mask & columnSeqLow) at += 4 * count;
    this.seqHigh = mask & columnSeqHigh ? at / 4 : 0;
    if (mask & columnSeqHigh) at += 4 * count;
    this.kinds = mask & columnKinds ? at : 0;
    if (mask & columnKinds) at += alignWord(count);
    if (at > raw.length) throw fail('columns cut off');
    this.#check(at, file, offset);
  }

  get memoryBytes(): number {
    return this.bytes.buffer.byteLength + objectBytes;
  }

  /** For those who come back to the block later. @internal */
  hold(): void {
    this.#holders++;
  }

  /** Once for each `hold`. @internal */
  letGo(): void {
    assert(this.#holders > 0, 'a block is let go once for each hold');
    this.#holders--;
  }

  /** Taken when the block leaves the cache. @internal */
  get spareBuffer(): ArrayBuffer | undefined {
    return this.#holders === 0 ? (this.bytes.buffer as ArrayBuffer) : undefined;
  }

  seqAt(index: number): number {
    let seq = this.baseSeq;
    if (this.seqLow !== 0) seq += this.words[this.seqLow + index];
    if (this.seqHigh !== 0) seq += this.words[this.seqHigh + index] * 0x1_0000_0000;
    return seq;
  }

  kindAt(index: number): EntryKind {
    return this.kinds === 0 ? kindPut : (this.bytes[this.kinds + index] as EntryKind);
  }

  /** Index of the first entry at or after (key, seq); `count` when there is none. */
  lowerBound(key: Uint8Array, seq: number): number {
    this.#touch();
    const order = this.#comparePrefix(key);
    if (order !== 0) return order < 0 ? 0 : this.count;
    const words = this.words;
    const heads = this.heads;
    const head = readHead(key, this.prefixLength, key.length);
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const found = words[heads + middle];
      if (found < head || (found === head && this.#isBefore(middle, key, seq))) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /**
   * Loads the cache lines of the columns that a search is about to visit one after
   * the other: a load from memory costs 150 ns, but those that do not depend on
   * each other overlap. Random lookups of 1 M entries in six tables: 280 k/s, 256 without.
   */
  #touch(): void {
    const words = this.words;
    const end = this.touchEnd;
    let touched = 0;
    for (let at = 0; at < end; at += wordsPerCacheLine) touched |= words[at];
    this.touched = touched;
  }

  /** Whether the entry's user key is `key`, given that `lowerBound` of that key led there. */
  hasKeyAt(index: number, key: Uint8Array): boolean {
    const start = this.words[this.bounds + index];
    const prefixLength = this.prefixLength;
    const length = this.words[this.bounds + index + 1] - start;
    if (length + prefixLength !== key.length) return false;
    const bytes = this.bytes;
    for (let i = 0; i < length; i++) {
      if (bytes[start + i] !== key[prefixLength + i]) return false;
    }
    // The prefix is compared last: it differs only for keys outside the block.
    return this.#comparePrefix(key) === 0;
  }

  /** Whether entry `index`, whose head equals the key's, comes before (key, seq). */
  #isBefore(index: number, key: Uint8Array, seq: number): boolean {
    const bytes = this.bytes;
    const start = this.words[this.bounds + index];
    const length = this.words[this.bounds + index + 1] - start;
    const skip = this.prefixLength;
    const keyLength = key.length - skip;
    const shared = length < keyLength ? length : keyLength;
    for (let i = 0; i < shared; i++) {
      const difference = bytes[start + i] - key[skip + i];
      if (difference !== 0) return difference < 0;
    }
    if (length !== keyLength) return length < keyLength;
    return this.seqAt(index) > seq;
  }

  /** Below 0 when `key` sorts before all keys with this block's prefix, above 0 when after, 0 when it has it. */
  #comparePrefix(key: Uint8Array): number {
    const bytes = this.bytes;
    const length = this.prefixLength;
    const shared = length < key.length ? length : key.length;
    for (let i = 0; i < shared; i++) {
      const difference = key[i] - bytes[dataBlockHeaderBytes + i];
      if (difference !== 0) return difference;
    }
    return key.length < length ? -1 : 0;
  }

  #check(tails: number, file: string, offset: number): void {
    const words = this.words;
    const bounds = this.bounds;
    const last = 2 * this.count;
    let isSorted = words[bounds] === tails && words[bounds + last] === this.bytes.length;
    for (let i = 0; i < last; i++) {
      if (words[bounds + i] > words[bounds + i + 1]) isSorted = false;
    }
    if (!isSorted) throw corruption('data block: unsorted bounds', file, offset);
    // No smaller block has room for a key that is too long.
    if (this.bytes.length > maxKeyBytes) this.#checkKeyLengths(file, offset);
    if (!(this.baseSeq + (this.seqLow === 0 ? 0 : 0xffff_ffff) <= maxSeq) || this.seqHigh !== 0) {
      for (let i = 0; i < this.count; i++) {
        if (!(this.seqAt(i) <= maxSeq)) {
          throw corruption('data block: sequence number above 2^53 - 1', file, offset);
        }
      }
    }
    if (this.kinds !== 0) this.#checkKinds(file, offset);
  }

  #checkKeyLengths(file: string, offset: number): void {
    const { words, bounds, prefixLength } = this;
    for (let i = 0; i < this.count; i++) {
      const length = prefixLength + words[bounds + i + 1] - words[bounds + i];
      if (length > maxKeyBytes) {
        throw corruption(`data block: key of ${length} bytes`, file, offset);
      }
    }
  }

  #checkKinds(file: string, offset: number): void {
    const values = this.bounds + this.count;
    for (let i = 0; i < this.count; i++) {
      const kind = this.bytes[this.kinds + i];
      if (kind > kindDelete) throw unsupported(`entry kind ${kind}`, file, offset);
      if (kind === kindDelete && this.words[values + i] !== this.words[values + i + 1]) {
        throw corruption('data block: tombstone with a value', file, offset);
      }
    }
  }
}

/** Points `into` at entry `at`; the key is the one searched for, which is contiguous. */
export function fillEntry(into: CursorEntry, key: Uint8Array, block: DataBlock, at: number): void {
  into.keyBytes = key;
  into.keyStart = 0;
  into.keyEnd = key.length;
  into.seq = block.seqAt(at);
  into.kind = block.kindAt(at);
  const values = block.bounds + block.count + at;
  into.valueBytes = block.bytes;
  into.valueStart = block.words[values];
  into.valueEnd = block.words[values + 1];
}
