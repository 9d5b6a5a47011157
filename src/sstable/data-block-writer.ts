import { copyRange, writeU32, writeU64 } from '../base/bytes.js';
import { kindPut, maxSeq, type EntryKind } from '../base/internal-key.js';
import { BytesColumn, grown, readHead } from './bytes-column.js';
import { alignWord } from './format.js';

/*
 * Data block, raw (little-endian, every column 4-byte aligned, n = count):
 *
 *   0  count        u32, at least 1
 *   4  column mask  u32, M: 1 kinds, 2 seq low, 4 seq high
 *   8  base seq     u64, the smallest in the block
 *  16  prefix size  u32
 *  20  prefix       what all keys begin with, zeros up to a multiple of 4
 *  ..  head         u32 x n: first four bytes behind the prefix, big-endian, zeros behind the end
 *  ..  bounds       u32 x (2n + 1): key tail i is [bounds[i], bounds[i + 1]),
 *                   value i is [bounds[n + i], bounds[n + i + 1]), from the block's start
 *  ..  seq low      u32 x n with mask 2: added to the base seq
 *  ..  seq high     u32 x n with mask 4: times 2^32, added too
 *  ..  kind         u8 x n with mask 1, zeros up to a multiple of 4; all puts without it
 *  ..  key tails    all behind the prefix
 *  ..  values       up to the block's end
 */

export const dataBlockHeaderBytes = 20;
export const columnKinds = 1;
export const columnSeqLow = 2;
export const columnSeqHigh = 4;
export const knownColumns = 7;

/** From this length on a value is not copied into the builder: its block is cut at once. */
export const referencedValueBytes = 65_536;

/** Collects the entries of one data block and lays them out. */
export class DataBlockWriter {
  readonly #keys = new BytesColumn(8192);
  readonly #values = new BytesColumn(8192);
  #seqs = new Float64Array(64);
  #kinds = new Uint8Array(64);
  #lowestSeq = maxSeq;
  #highestSeq = 0;
  #hasTombstones = false;
  /** A long value that stays with the caller until `build`. */
  #referenced: Uint8Array | undefined;
  #mask = 0;
  #prefixLength = 0;

  get count(): number {
    return this.#keys.count;
  }

  get firstSeq(): number {
    return this.#seqs[0];
  }

  /** Raw size of the block if it were cut now, before its keys' prefix is taken out. */
  get rawBytes(): number {
    return (
      dataBlockHeaderBytes +
      4 +
      this.#keys.count * 16 +
      this.#keys.length +
      this.#values.length +
      (this.#referenced?.length ?? 0)
    );
  }

  /** A value of `referencedValueBytes` and more must be the only one, and `build` called before it changes. */
  add(
    keyBytes: Uint8Array,
    keyStart: number,
    keyEnd: number,
    seq: number,
    kind: EntryKind,
    valueBytes: Uint8Array,
    valueStart: number,
    valueEnd: number,
  ): void {
    const at = this.#keys.count;
    if (at === this.#seqs.length) {
      this.#seqs = grown(this.#seqs, at + 1);
      this.#kinds = grown(this.#kinds, at + 1);
    }
    this.#keys.append(keyBytes, keyStart, keyEnd);
    if (valueEnd - valueStart >= referencedValueBytes) {
      this.#referenced = valueBytes.subarray(valueStart, valueEnd);
      this.#values.append(valueBytes, valueStart, valueStart);
    } else {
      this.#values.append(valueBytes, valueStart, valueEnd);
    }
    this.#seqs[at] = seq;
    this.#kinds[at] = kind;
    if (seq < this.#lowestSeq) this.#lowestSeq = seq;
    if (seq > this.#highestSeq) this.#highestSeq = seq;
    if (kind !== kindPut) this.#hasTombstones = true;
  }

  /** Decides the layout and returns the block's raw length. */
  measure(): number {
    const count = this.#keys.count;
    const spread = this.#highestSeq - this.#lowestSeq;
    this.#mask =
      (this.#hasTombstones ? columnKinds : 0) |
      (spread > 0 ? columnSeqLow : 0) |
      (spread > 0xffff_ffff ? columnSeqHigh : 0);
    this.#prefixLength = this.#keys.commonPrefixLength();
    return (
      dataBlockHeaderBytes +
      alignWord(this.#prefixLength) +
      4 * count +
      4 * (2 * count + 1) +
      (this.#mask & columnSeqLow ? 4 * count : 0) +
      (this.#mask & columnSeqHigh ? 4 * count : 0) +
      (this.#mask & columnKinds ? alignWord(count) : 0) +
      (this.#keys.length - count * this.#prefixLength) +
      this.#values.length +
      (this.#referenced?.length ?? 0)
    );
  }

  /** Writes the block measured last to `target` at `start`. */
  build(target: Uint8Array, start: number): void {
    const keys = this.#keys;
    const values = this.#values;
    const count = keys.count;
    const prefixLength = this.#prefixLength;
    writeU32(target, start, count);
    writeU32(target, start + 4, this.#mask);
    writeU64(target, start + 8, this.#lowestSeq);
    writeU32(target, start + 16, prefixLength);
    let at = start + dataBlockHeaderBytes;
    copyRange(keys.bytes, 0, prefixLength, target, at);
    at = padWord(target, start, at + prefixLength);
    for (let i = 0; i < count; i++, at += 4) {
      writeU32(target, at, readHead(keys.bytes, keys.startOf(i) + prefixLength, keys.ends[i]));
    }
    const bounds = at;
    at = this.#writeSeqsAndKinds(target, start, at + 4 * (2 * count + 1));
    for (let i = 0; i < count; i++) {
      writeU32(target, bounds + 4 * i, at - start);
      const from = keys.startOf(i) + prefixLength;
      copyRange(keys.bytes, from, keys.ends[i], target, at);
      at += keys.ends[i] - from;
    }
    const valuesStart = at - start;
    writeU32(target, bounds + 4 * count, valuesStart);
    const referenced = this.#referenced;
    for (let i = 0; i < count; i++) {
      const end = valuesStart + (referenced === undefined ? values.ends[i] : referenced.length);
      writeU32(target, bounds + 4 * (count + i + 1), end);
    }
    if (referenced === undefined) copyRange(values.bytes, 0, values.length, target, at);
    else target.set(referenced, at);
  }

  clear(): void {
    this.#keys.clear();
    this.#values.clear();
    this.#lowestSeq = maxSeq;
    this.#highestSeq = 0;
    this.#hasTombstones = false;
    this.#referenced = undefined;
  }

  #writeSeqsAndKinds(target: Uint8Array, start: number, at: number): number {
    const count = this.#keys.count;
    if (this.#mask & columnSeqLow) {
      for (let i = 0; i < count; i++, at += 4) {
        writeU32(target, at, (this.#seqs[i] - this.#lowestSeq) % 0x1_0000_0000);
      }
    }
    if (this.#mask & columnSeqHigh) {
      for (let i = 0; i < count; i++, at += 4) {
        writeU32(target, at, Math.floor((this.#seqs[i] - this.#lowestSeq) / 0x1_0000_0000));
      }
    }
    if (this.#mask & columnKinds) {
      copyRange(this.#kinds, 0, count, target, at);
      at = padWord(target, start, at + count);
    }
    return at;
  }
}

/** Writes zeros up to the next multiple of four from `start`. */
export function padWord(target: Uint8Array, start: number, at: number): number {
  while ((at - start) % 4 !== 0) target[at++] = 0;
  return at;
}
