import { assert } from '../base/assert.js';
import { emptyBytes } from '../base/bytes.js';

/** Bytes to be written to the file at `start`; the first `length` of them are filled. */
export interface PendingChunk {
  readonly bytes: Uint8Array;
  start: number;
  length: number;
}

/** Chunks of this size are used again; a record that is larger gets one of its own. */
export const chunkBytes: number = 256 * 1024;

/**
 * What was appended to a log and is not written yet, in chunks that follow each
 * other in the file. A record never spans two chunks, so one large record costs
 * one allocation and no second copy.
 *
 * At most one chunk is lent to a write in the thread pool. It may grow behind
 * the part that is being written, but is not used again before it is given back.
 */
export class PendingBytes {
  /** Never empty after `begin`; the last one is being filled. */
  readonly #chunks: PendingChunk[] = [];
  #last: PendingChunk = { bytes: emptyBytes, start: 0, length: 0 };
  #lent: PendingChunk | undefined;
  #spare: Uint8Array | undefined;
  #start = 0;
  #end = 0;

  /** Offset of the first record. */
  get start(): number {
    return this.#start;
  }

  /** Offset in the file behind the last complete record. */
  get end(): number {
    return this.#end;
  }

  begin(offset: number): void {
    this.#start = this.#end = offset;
    this.#push(chunkBytes);
  }

  /** The chunk that has room for `span` bytes at `end`. */
  reserve(span: number): PendingChunk {
    const last = this.#last;
    if (last.length + span <= last.bytes.length) return last;
    return this.#push(span);
  }

  /** The offset in the file of byte `at` of the chunk that was reserved last. */
  offsetOf(at: number): number {
    return this.#last.start + at;
  }

  /** A record is complete: it ends at byte `at` of the chunk that was reserved last. */
  commit(at: number): void {
    this.#last.length = at;
    this.#end = this.#last.start + at;
  }

  /** The chunk that holds `offset`, the first one that is not written. */
  chunkAt(offset: number): PendingChunk {
    for (const chunk of this.#chunks) {
      if (offset < chunk.start + chunk.length) return chunk;
    }
    assert(false, 'nothing is pending');
  }

  lend(offset: number): PendingChunk {
    assert(this.#lent === undefined, 'one write at a time');
    return (this.#lent = this.chunkAt(offset));
  }

  giveBack(): void {
    this.#lent = undefined;
  }

  /** Everything below `writtenEnd` is written: its memory may be used again, unless it is lent. */
  release(writtenEnd: number): void {
    const chunks = this.#chunks;
    while (chunks.length > 1 && chunks[0].start + chunks[0].length <= writtenEnd) {
      this.#keep(chunks.shift()!);
    }
    const last = this.#last;
    if (writtenEnd < this.#end || last === this.#lent) return;
    if (last.bytes.length === chunkBytes) {
      last.start = this.#end;
      last.length = 0;
    } else {
      chunks.pop();
      this.#push(chunkBytes);
    }
  }

  #push(span: number): PendingChunk {
    const spare = span <= chunkBytes ? this.#spare : undefined;
    const bytes = spare ?? new Uint8Array(Math.max(span, chunkBytes));
    if (spare !== undefined) this.#spare = undefined;
    const chunk = { bytes, start: this.#end, length: 0 };
    this.#chunks.push(chunk);
    this.#last = chunk;
    return chunk;
  }

  #keep(chunk: PendingChunk): void {
    if (chunk.bytes.length === chunkBytes && chunk !== this.#lent) this.#spare = chunk.bytes;
  }
}
