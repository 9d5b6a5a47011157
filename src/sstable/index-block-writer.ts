import { copyRange, writeU32, writeU64 } from '../base/bytes.js';
import { maxSeq } from '../base/internal-key.js';
import { BytesColumn, grown, readHead } from './bytes-column.js';
import { padWord } from './data-block-writer.js';
import { alignWord } from './format.js';
import {
  indexColumnDataOffset,
  indexColumnOffsetHigh,
  indexColumnSeq,
  indexHeaderBytes,
} from './index-block.js';

/**
 * Collects separators and handles, and lays out a block of them or of a range of
 * them; the layout stands at the head of index-block.ts.
 */
export class IndexBlockWriter {
  readonly #separators = new BytesColumn(4096);
  #offsets = new Float64Array(64);
  #seqs = new Float64Array(64);
  #sizes = new Uint32Array(64);
  #rawLengths = new Uint32Array(64);
  /** Only of a top that leads to parts of an index. */
  #dataOffsets: Float64Array | undefined;

  get count(): number {
    return this.#separators.count;
  }

  /** Raw size if it were built now, before the prefix is taken out. */
  get rawBytes(): number {
    return this.rawBytesFrom(0);
  }

  /** The same for the entries from `from` on. */
  rawBytesFrom(from: number): number {
    const separators = this.#separators;
    const bytes = separators.length - separators.startOf(from);
    return indexHeaderBytes + 8 + (separators.count - from) * 36 + bytes;
  }

  offsetAt(number: number): number {
    return this.#offsets[number];
  }

  seqAt(number: number): number {
    return this.#seqs[number];
  }

  /** A view of separator `number`, valid until the next `add`. */
  separatorAt(number: number): Uint8Array {
    const { bytes, ends } = this.#separators;
    return bytes.subarray(this.#separators.startOf(number), ends[number]);
  }

  /** `seq` is `maxSeq` unless the block begins with an older version of the key before it. */
  add(
    key: Uint8Array,
    keyStart: number,
    keyEnd: number,
    seq: number,
    offset: number,
    size: number,
    rawLength: number,
    dataOffset = -1,
  ): void {
    const at = this.#separators.count;
    if (at === this.#offsets.length) {
      this.#offsets = grown(this.#offsets, at + 1);
      this.#seqs = grown(this.#seqs, at + 1);
      this.#sizes = grown(this.#sizes, at + 1);
      this.#rawLengths = grown(this.#rawLengths, at + 1);
    }
    this.#separators.append(key, keyStart, keyEnd);
    this.#offsets[at] = offset;
    this.#seqs[at] = seq;
    this.#sizes[at] = size;
    this.#rawLengths[at] = rawLength;
    if (dataOffset >= 0) {
      this.#dataOffsets = grown(this.#dataOffsets ?? new Float64Array(64), at + 1);
      this.#dataOffsets[at] = dataOffset;
    }
  }

  /** The block of entries `from` to `to`, without it. */
  build(from = 0, to = this.count): Uint8Array {
    const separators = this.#separators;
    const count = to - from;
    const mask = this.#maskOf(from, to);
    const prefixLength = separators.commonPrefixLength(from, to);
    let columns = 24;
    if (mask & indexColumnOffsetHigh) columns += 4;
    if (mask & indexColumnSeq) columns += 8;
    if (mask & indexColumnDataOffset) columns += 8;
    const tailsStart = indexHeaderBytes + alignWord(prefixLength) + columns * count + 4;
    const separatorsStart = separators.startOf(from);
    const separatorsBytes = separators.startOf(to) - separatorsStart;
    const bytes = new Uint8Array(tailsStart + separatorsBytes - count * prefixLength);
    writeU32(bytes, 0, count);
    writeU32(bytes, 4, mask);
    writeU32(bytes, 8, prefixLength);
    const prefixEnd = separatorsStart + prefixLength;
    copyRange(separators.bytes, separatorsStart, prefixEnd, bytes, indexHeaderBytes);
    let at = padWord(bytes, 0, indexHeaderBytes + prefixLength);
    for (let skip = prefixLength; skip <= prefixLength + 4; skip += 4) {
      for (let i = from; i < to; i++, at += 4) {
        const start = separators.startOf(i) + skip;
        writeU32(bytes, at, readHead(separators.bytes, start, separators.ends[i]));
      }
    }
    let tail = tailsStart;
    for (let i = from; i < to; i++, at += 4) {
      writeU32(bytes, at, tail);
      const start = separators.startOf(i) + prefixLength;
      copyRange(separators.bytes, start, separators.ends[i], bytes, tail);
      tail += separators.ends[i] - start;
    }
    writeU32(bytes, at, tail);
    at += 4;
    for (let i = from; i < to; i++, at += 4) writeU32(bytes, at, this.#offsets[i] % 0x1_0000_0000);
    for (let i = from; i < to; i++, at += 4) writeU32(bytes, at, this.#sizes[i]);
    for (let i = from; i < to; i++, at += 4) writeU32(bytes, at, this.#rawLengths[i]);
    if (mask & indexColumnOffsetHigh) {
      for (let i = from; i < to; i++, at += 4) {
        writeU32(bytes, at, Math.floor(this.#offsets[i] / 0x1_0000_0000));
      }
    }
    if (mask & indexColumnSeq) {
      for (let i = from; i < to; i++, at += 8) writeU64(bytes, at, this.#seqs[i]);
    }
    if (mask & indexColumnDataOffset) {
      for (let i = from; i < to; i++, at += 8) writeU64(bytes, at, this.#dataOffsets![i]);
    }
    return bytes;
  }

  #maskOf(from: number, to: number): number {
    let mask = this.#dataOffsets === undefined ? 0 : indexColumnDataOffset;
    for (let i = from; i < to; i++) {
      if (this.#seqs[i] !== maxSeq) mask |= indexColumnSeq;
      if (this.#offsets[i] > 0xffff_ffff) mask |= indexColumnOffsetHigh;
    }
    return mask;
  }
}
