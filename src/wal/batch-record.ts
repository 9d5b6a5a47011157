import { assert } from '../base/assert.js';
import { readU64, writeU64 } from '../base/bytes.js';
import { corruption, LsmError } from '../base/errors.js';
import { maxSeq } from '../base/internal-key.js';
import { VarintReader, writeVarint } from '../base/varint.js';
import { recordPrefixBytes } from './log-format.js';
import type { LogWriter } from './log-writer.js';
import type { WriteBatch } from './write-batch.js';

/*
 * A record of a write-ahead log:
 *
 *   type           u8      1 = batch; 128 and above may be skipped by who does not know them
 *   synced offset  u64     this log was on disk up to there when the record was made
 *
 * and, for a batch:
 *
 *   first seq      varint  of its operations, which take one each, in order
 *   count          varint
 *   extension      varint length, then {tag varint, length varint, bytes}*: a reader
 *                  must know an even tag, and may skip an odd one
 *   operations     to the end of the record (write-batch.ts)
 */

export const typeBatch = 1;
const firstSkippedType = 128;

// type, synced offset, two varints of up to 8 bytes, an empty extension
const maxHeadBytes = recordPrefixBytes + 8 + 8 + 1;
const head = new Uint8Array(maxHeadBytes);

export interface BatchHead {
  readonly firstSeq: number;
  readonly count: number;
  /** `syncedEnd` of the log's writer. */
  readonly syncedOffset: number;
}

/** Appends `batch` to the log as one record. */
export function appendBatch(writer: LogWriter, fields: BatchHead, batch: WriteBatch): void {
  const headLength = encodeBatchHead(head, fields);
  writer.beginRecord(headLength + batch.byteLength);
  writer.addBytes(head, 0, headLength);
  batch.writeTo(writer);
}

/** As `appendBatch`, for operations that are encoded already: a record that recovery copies. */
export function appendEncodedBatch(
  writer: LogWriter,
  fields: BatchHead,
  operations: Uint8Array,
  start: number,
  end: number,
): void {
  const headLength = encodeBatchHead(head, fields);
  writer.beginRecord(headLength + end - start);
  writer.addBytes(head, 0, headLength);
  writer.addBytes(operations, start, end);
}

function encodeBatchHead(target: Uint8Array, fields: BatchHead): number {
  assert(fields.count > 0, 'an empty batch is not logged');
  target[0] = typeBatch;
  writeU64(target, 1, fields.syncedOffset);
  let at = writeVarint(target, recordPrefixBytes, fields.firstSeq);
  at = writeVarint(target, at, fields.count);
  target[at++] = 0;
  return at;
}

/** A decoded batch record, used again for each one. */
export class BatchRecord {
  syncedOffset = 0;
  firstSeq = 0;
  count = 0;
  /** The operations are `bytes[operationsStart..end)` of the record that was decoded. */
  operationsStart = 0;
  readonly #varints = new VarintReader(new Uint8Array(0));

  /**
   * Decodes the record `bytes[start..end)`, which stands at `offset` of `file`.
   * Returns false for a record of a type that may be skipped.
   * @throws LsmError `LSM_CORRUPTION`, or `LSM_UNSUPPORTED_FORMAT` on a type or an extension that a newer version made.
   */
  decode(bytes: Uint8Array, start: number, end: number, file: string, offset: number): boolean {
    if (end - start < recordPrefixBytes) throw corruption('record without its head', file, offset);
    const type = bytes[start];
    this.syncedOffset = readU64(bytes, start + 1);
    if (!(this.syncedOffset <= offset)) {
      throw corruption('record that claims synced bytes behind itself', file, offset);
    }
    if (type >= firstSkippedType) return false;
    if (type === 0) throw corruption('record of type 0', file, offset);
    if (type !== typeBatch) throw unsupported(`a record of type ${type}`, file, offset);
    const varints = this.#varints;
    varints.bytes = bytes;
    varints.position = start + recordPrefixBytes;
    varints.end = end;
    this.firstSeq = varints.next();
    this.count = varints.next();
    const extensionLength = varints.next();
    if (extensionLength < 0 || varints.position + extensionLength > end) {
      throw corruption('batch with an impossible head', file, offset);
    }
    if (this.firstSeq < 1 || this.count < 1 || this.firstSeq + this.count - 1 > maxSeq) {
      throw corruption('batch with impossible sequence numbers', file, offset);
    }
    this.operationsStart = varints.position + extensionLength;
    if (extensionLength > 0) this.#checkExtension(file, offset);
    return true;
  }

  #checkExtension(file: string, offset: number): void {
    const varints = this.#varints;
    varints.end = this.operationsStart;
    while (varints.position < varints.end) {
      const tag = varints.next();
      const length = varints.next();
      if (tag < 0 || length < 0 || varints.position + length > varints.end) {
        throw corruption('batch with an impossible extension', file, offset);
      }
      if (tag % 2 === 0) throw unsupported(`a batch with extension ${tag}`, file, offset);
      varints.position += length;
    }
  }
}

function unsupported(what: string, file: string, offset: number): LsmError {
  const message = `${file} holds ${what}, which this nori-lsm does not read; open it with a newer one`;
  return new LsmError('LSM_UNSUPPORTED_FORMAT', message, { file, offset });
}
