import { copyOf, copyRange, emptyBytes } from '../base/bytes.js';
import { LsmError } from '../base/errors.js';
import {
  kindDelete,
  kindPut,
  maxBatchBytes,
  maxKeyBytes,
  maxValueBytes,
  type EntryKind,
} from '../base/internal-key.js';
import { varintLength, writeVarint } from '../base/varint.js';
import { largeValueBytes, type BatchReader } from './batch-reader.js';

/*
 * Operation := kind u8, keyspace varint, key length varint, key, value length varint, value
 *
 * One shape for all kinds; a delete has an empty value. Kinds: internal-key.ts.
 */

const firstBufferBytes = 1024;
/** A batch that was larger gives its memory back when it is cleared. */
const keptBufferBytes = 256 * 1024;

/** Where a batch's bytes go: a log writer, between `beginRecord` and the next record. */
export interface ByteSink {
  addBytes(bytes: Uint8Array, start: number, end: number): void;
}

/**
 * A group of operations, encoded as they come, to be written as one record.
 * Keys and values are copied; the batch can be used again after `clear`.
 */
export class WriteBatch {
  readonly #maxBytes: number;
  #bytes: Uint8Array = emptyBytes;
  #length = 0;
  #count = 0;
  #keyspaceId = -1;
  #large: Uint8Array[] = [];
  /** Where in `#bytes` each large value belongs. */
  #largeAt: number[] = [];
  #largeBytes = 0;

  /** `maxBytes` caps `byteLength`; default, and most, 2^30. */
  constructor(maxBytes = maxBatchBytes) {
    this.#maxBytes = Math.min(maxBytes, maxBatchBytes);
  }

  /** The keyspace that all operations go to; -1 when there is none, or more than one. */
  get keyspaceId(): number {
    return this.#keyspaceId;
  }

  /** Operations, each of which takes one sequence number. */
  get count(): number {
    return this.#count;
  }

  /** Bytes of the operations in a record. */
  get byteLength(): number {
    return this.#length + this.#largeBytes;
  }

  /** @throws LsmError `LSM_TOO_LARGE`: key above 65,535 bytes, value above 2^28, batch above 2^30; the batch stays as it was. */
  put(keyspaceId: number, key: Uint8Array, value: Uint8Array): void {
    const valueLength = value.length;
    if (valueLength > maxValueBytes) throw tooLarge('value', valueLength, maxValueBytes);
    const isLarge = valueLength >= largeValueBytes;
    const copy = isLarge ? copyOf(value) : value;
    this.#addHead(kindPut, keyspaceId, key, valueLength, isLarge);
    if (isLarge) {
      this.#large.push(copy);
      this.#largeAt.push(this.#length);
      this.#largeBytes += valueLength;
    } else {
      // Whole, it needs no view to be made of it: 40 ns.
      if (valueLength < 48) copyRange(value, 0, valueLength, this.#bytes, this.#length);
      else this.#bytes.set(value, this.#length);
      this.#length += valueLength;
    }
    this.#count++;
  }

  /** @throws LsmError `LSM_TOO_LARGE`, as `put` */
  delete(keyspaceId: number, key: Uint8Array): void {
    this.#addHead(kindDelete, keyspaceId, key, 0, false);
    this.#count++;
  }

  clear(): void {
    this.#length = this.#count = this.#largeBytes = 0;
    this.#keyspaceId = -1;
    if (this.#large.length > 0) {
      this.#large = [];
      this.#largeAt = [];
    }
    if (this.#bytes.length > keptBufferBytes) this.#bytes = emptyBytes;
  }

  /** Hands the encoded operations, `byteLength` bytes, to `sink` piece by piece. */
  writeTo(sink: ByteSink): void {
    let from = 0;
    for (let i = 0; i < this.#large.length; i++) {
      sink.addBytes(this.#bytes, from, this.#largeAt[i]);
      sink.addBytes(this.#large[i], 0, this.#large[i].length);
      from = this.#largeAt[i];
    }
    sink.addBytes(this.#bytes, from, this.#length);
  }

  /** Sets `reader` before the first operation; it is valid until the batch changes. */
  read(reader: BatchReader): void {
    reader.resetToBatch(this.#bytes, this.#length, this.#count, this.#large);
  }

  #addHead(
    kind: EntryKind,
    keyspaceId: number,
    key: Uint8Array,
    valueLength: number,
    isLarge: boolean,
  ): void {
    const keyLength = key.length;
    if (keyLength > maxKeyBytes) throw tooLarge('key', keyLength, maxKeyBytes);
    const headLength =
      1 +
      varintLength(keyspaceId) +
      varintLength(keyLength) +
      keyLength +
      varintLength(valueLength);
    const length = this.byteLength + headLength + valueLength;
    if (length > this.#maxBytes) throw tooLarge('batch', length, this.#maxBytes);
    const needed = this.#length + headLength + (isLarge ? 0 : valueLength);
    if (needed > this.#bytes.length) this.#grow(needed);
    if (this.#count === 0) this.#keyspaceId = keyspaceId;
    else if (this.#keyspaceId !== keyspaceId) this.#keyspaceId = -1;
    const bytes = this.#bytes;
    let at = this.#length;
    bytes[at++] = kind;
    at = writeVarint(bytes, at, keyspaceId);
    at = writeVarint(bytes, at, keyLength);
    copyRange(key, 0, keyLength, bytes, at);
    this.#length = writeVarint(bytes, at + keyLength, valueLength);
  }

  #grow(needed: number): void {
    const size = this.#bytes.length;
    // Doubles while small; a batch of hundreds of megabytes grows by half of itself.
    const wanted = size < 2 ** 26 ? 2 * size : size + (size >>> 1);
    const grown = new Uint8Array(
      Math.max(needed, firstBufferBytes, Math.min(wanted, this.#maxBytes)),
    );
    copyRange(this.#bytes, 0, this.#length, grown, 0);
    this.#bytes = grown;
  }
}

function tooLarge(what: string, bytes: number, most: number): LsmError {
  return new LsmError('LSM_TOO_LARGE', `${what} of ${bytes} bytes; at most ${most} are possible`);
}
