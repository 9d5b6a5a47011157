import { emptyBytes } from '../base/bytes.js';
import { corruption, LsmError } from '../base/errors.js';
import {
  kindDelete,
  kindPut,
  maxKeyBytes,
  maxValueBytes,
  type EntryKind,
} from '../base/internal-key.js';
import { VarintReader } from '../base/varint.js';

/** In a batch in memory, values from this size on have a buffer of their own. */
export const largeValueBytes = 65_536;

/** Kinds that have a meaning in the format and are not read today. */
const reservedKinds: Readonly<Record<number, string>> = {
  2: 'range delete',
  3: 'merge',
  4: 'blob reference',
  5: 'put with expiry',
  6: 'single delete',
};

const noLargeValues: readonly Uint8Array[] = [];

/**
 * Walks the operations of a batch, without allocating. After `next` has returned
 * true the fields are those of one operation: views, valid while the bytes are.
 */
export class BatchReader {
  kind: EntryKind = kindPut;
  keyspaceId = 0;
  /** The user key is `keyBytes[keyStart..keyEnd)`. */
  keyBytes: Uint8Array = emptyBytes;
  keyStart = 0;
  keyEnd = 0;
  /** The value is `valueBytes[valueStart..valueEnd)`; empty for a delete. */
  valueBytes: Uint8Array = emptyBytes;
  valueStart = 0;
  valueEnd = 0;
  readonly #varints = new VarintReader(emptyBytes);
  #left = 0;
  #large: readonly Uint8Array[] = noLargeValues;
  #nextLarge = 0;
  #file = '';
  #offset = 0;

  /**
   * To the operations in `bytes[start..end)`, of which there must be `count`.
   * `file` and `offset` (of the record) are for messages.
   */
  reset(
    bytes: Uint8Array,
    start: number,
    end: number,
    count: number,
    file: string,
    offset: number,
  ): void {
    this.#begin(bytes, start, end, count);
    this.#large = noLargeValues;
    this.#file = file;
    this.#offset = offset;
  }

  /** To the operations of a batch in memory, whose large values are apart. */
  resetToBatch(
    bytes: Uint8Array,
    length: number,
    count: number,
    large: readonly Uint8Array[],
  ): void {
    this.#begin(bytes, 0, length, count);
    this.#large = large;
    this.#file = 'a write batch in memory';
    this.#offset = 0;
  }

  /**
   * To the next operation; false behind the last.
   * @throws LsmError `LSM_CORRUPTION` when lengths do not fit, `LSM_UNSUPPORTED_FORMAT` on a kind of a newer version.
   */
  next(): boolean {
    const varints = this.#varints;
    const { bytes, end } = varints;
    if (this.#left === 0) {
      if (varints.position !== end)
        throw this.#corrupt('bytes behind the last operation of a batch');
      return false;
    }
    if (varints.position >= end) throw this.#corrupt('batch with fewer operations than its count');
    const kind = bytes[varints.position++];
    if (kind !== kindPut && kind !== kindDelete) throw this.#unknownKind(kind);
    const keyspaceId = varints.next();
    const keyLength = varints.next();
    const keyStart = varints.position;
    const keyEnd = keyStart + keyLength;
    if (keyspaceId < 0 || keyLength < 0 || keyLength > maxKeyBytes || keyEnd > end) {
      throw this.#corrupt('operation with an impossible key');
    }
    varints.position = keyEnd;
    const valueLength = varints.next();
    if (
      valueLength < 0 ||
      valueLength > maxValueBytes ||
      (kind === kindDelete && valueLength > 0)
    ) {
      throw this.#corrupt('operation with an impossible value');
    }
    this.kind = kind;
    this.keyspaceId = keyspaceId;
    this.keyBytes = bytes;
    this.keyStart = keyStart;
    this.keyEnd = keyEnd;
    this.#left--;
    this.#takeValue(valueLength);
    return true;
  }

  #begin(bytes: Uint8Array, start: number, end: number, count: number): void {
    const varints = this.#varints;
    varints.bytes = bytes;
    varints.position = start;
    varints.end = end;
    this.#left = count;
    this.#nextLarge = 0;
  }

  #takeValue(length: number): void {
    const varints = this.#varints;
    if (length >= largeValueBytes && this.#nextLarge < this.#large.length) {
      this.valueBytes = this.#large[this.#nextLarge++];
      this.valueStart = 0;
      this.valueEnd = length;
      return;
    }
    this.valueBytes = varints.bytes;
    this.valueStart = varints.position;
    this.valueEnd = varints.position + length;
    if (this.valueEnd > varints.end) throw this.#corrupt('operation with a value cut off');
    varints.position = this.valueEnd;
  }

  #unknownKind(kind: number): LsmError {
    const name = reservedKinds[kind];
    if (name === undefined) return this.#corrupt(`operation of unknown kind ${kind}`);
    const message = `${this.#file} holds an operation of kind ${kind} (${name}), which this nori-lsm does not read; open it with a newer one`;
    return new LsmError('LSM_UNSUPPORTED_FORMAT', message, {
      file: this.#file,
      offset: this.#offset,
    });
  }

  #corrupt(what: string): LsmError {
    return corruption(what, this.#file, this.#offset);
  }
}
