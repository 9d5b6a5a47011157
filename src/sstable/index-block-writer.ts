import { copyRange, writeU32, writeU64 } from '../base/bytes.js';
import { maxSeq } from '../base/internal-key.js';
import { BytesColumn, grown, readHead } from './bytes-column.js';
import { padWord } from './data-block-writer.js';
import { alignWord } from './format.js';
import { indexColumnOffsetHigh, indexColumnSeq, indexHeaderBytes } from './index-block.js';

/** Collects separators and handles; the layout stands at the head of index-block.ts. */
export class IndexBlockWriter {
  readonly #separators = new BytesColumn(4096);
  #offsets = new Float64Array(64);
  #seqs = new Float64Array(64);
  #sizes = new Uint32Array(64);
  #rawLengths = new Uint32Array(64);
  #hasSeqs = false;
  #hasHighOffsets = false;

  get count(): number {
    return this.#separators.count;
  }

  /** Raw size if it were built now, before the prefix is taken out. */
  get rawBytes(): number {
    return indexHeaderBytes + 8 + this.#separators.count * 36 + this.#separators.length;
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
    if (seq !== maxSeq) this.#hasSeqs = true;
    if (offset > 0xffff_ffff) this.#hasHighOffsets = true;
  }

  build(): Uint8Array {
    const separators = this.#separators;
    const count = separators.count;
    const prefixLength = separators.commonPrefixLength();
    const columns = 24 + (this.#hasHighOffsets ? 4 : 0) + (this.#hasSeqs ? 8 : 0);
    const tailsStart = indexHeaderBytes + alignWord(prefixLength) + columns * count + 4;
    const bytes = new Uint8Array(tailsStart + separators.length - count * prefixLength);
    writeU32(bytes, 0, count);
    writeU32(
      bytes,
      4,
      (this.#hasSeqs ? indexColumnSeq : 0) | (this.#hasHighOffsets ? indexColumnOffsetHigh : 0),
    );
    writeU32(bytes, 8, prefixLength);
    copyRange(separators.bytes, 0, prefixLength, bytes, indexHeaderBytes);
    let at = padWord(bytes, 0, indexHeaderBytes + prefixLength);
    for (let skip = prefixLength; skip <= prefixLength + 4; skip += 4) {
      for (let i = 0; i < count; i++, at += 4) {
        const start = separators.startOf(i) + skip;
        writeU32(bytes, at, readHead(separators.bytes, start, separators.ends[i]));
      }
    }
    let tail = tailsStart;
    for (let i = 0; i < count; i++, at += 4) {
      writeU32(bytes, at, tail);
      const start = separators.startOf(i) + prefixLength;
      copyRange(separators.bytes, start, separators.ends[i], bytes, tail);
      tail += separators.ends[i] - start;
    }
    writeU32(bytes, at, tail);
    at += 4;
    for (let i = 0; i < count; i++, at += 4) writeU32(bytes, at, this.#offsets[i] % 0x1_0000_0000);
    for (let i = 0; i < count; i++, at += 4) writeU32(bytes, at, this.#sizes[i]);
    for (let i = 0; i < count; i++, at += 4) writeU32(bytes, at, this.#rawLengths[i]);
    if (this.#hasHighOffsets) {
      for (let i = 0; i < count; i++, at += 4) {
        writeU32(bytes, at, Math.floor(this.#offsets[i] / 0x1_0000_0000));
      }
    }
    if (this.#hasSeqs) {
      for (let i = 0; i < count; i++, at += 8) writeU64(bytes, at, this.#seqs[i]);
    }
    return bytes;
  }
}
