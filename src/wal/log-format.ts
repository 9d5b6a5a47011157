import type { FileId } from '../base/checksum.js';
import { checksumAt, checksumSeed } from '../base/checksum.js';
import { assert } from '../base/assert.js';
import { readU64, writeU64 } from '../base/bytes.js';
import { corruption } from '../base/errors.js';
import { fileHeaderBytes, type FileHeader } from '../base/file-header.js';
import { maxBatchBytes } from '../base/internal-key.js';
import { crcOfRange, shortRangeBytes } from './crc-range.js';

/*
 * A log, used by the write-ahead log and by the manifest (docs/format/log.md):
 *
 *   log       := file header, record*, end
 *   record    := FULL | FIRST MIDDLE* LAST
 *   fragment  := checksum u32, length u16 (at least 1), kind u8, bytes
 *   end       := the end of the file, or zeros up to it
 *
 * The file is cut into blocks of 32 KiB, counted from its first byte, so that the
 * first block contains the file header. No fragment crosses a block. A record
 * never begins in the last 15 bytes of a block (they are zero then): so the first
 * fragment of a record always holds its first 9 bytes, or all of it. FIRST and
 * MIDDLE reach to the end of their block; MIDDLE and LAST begin one.
 *
 * The checksum covers length, kind and bytes, and is bound to the file's id and
 * to the fragment's offset (base/checksum.ts).
 *
 * Every record of a write-ahead log begins with {type u8, synced offset u64}: the
 * offset below which this very log was known to be on disk when the record was made.
 */

export const logBlockBytes = 32_768;
export const fragmentHeaderBytes = 7;

export const kindEnd = 0;
export const kindFull = 1;
export const kindFirst = 2;
export const kindMiddle = 3;
export const kindLast = 4;

/** A record needs this much room in a block to begin there. */
export const recordStartRoom = 16;

/** Bytes of {type, synced offset}, with which every record of a write-ahead log begins. */
export const recordPrefixBytes = 9;

/** The longest record: a batch at its cap and the head in front of it. */
export const maxRecordBytes: number = maxBatchBytes + 65_536;

/** Bytes from `offset` up to the end of its block. */
export function roomInBlock(offset: number): number {
  return logBlockBytes - (offset % logBlockBytes);
}

/** Bytes that a record of `length` bytes takes in the file when it is appended at `offset`. */
export function recordSpan(offset: number, length: number): number {
  const left = roomInBlock(offset);
  const filler = left < recordStartRoom ? left : 0;
  const room = filler > 0 ? logBlockBytes : left;
  const first = room - fragmentHeaderBytes;
  if (length <= first) return filler + fragmentHeaderBytes + length;
  const rest = length - first;
  const fragments = Math.ceil(rest / (logBlockBytes - fragmentHeaderBytes));
  return filler + room + rest + fragments * fragmentHeaderBytes;
}

/** The checksum of the fragment whose header is at `bytes[at..]` and whose place in the file is `offset`. */
export function fragmentChecksum(
  bytes: Uint8Array,
  at: number,
  length: number,
  id: FileId,
  offset: number,
): number {
  const start = at + 4;
  const end = at + fragmentHeaderBytes + length;
  return end - start <= shortRangeBytes
    ? crcOfRange(bytes, start, end, checksumSeed(id, offset))
    : checksumAt(new Uint8Array(bytes.buffer, bytes.byteOffset + start, end - start), id, offset);
}

/** What the header of a write-ahead log says besides the fields of every file; 0 = none. */
export interface LogLinks {
  /** Number of the log before this one. */
  readonly previousLog: number;
  /** Its end: the offset behind its last record. */
  readonly previousEnd: number;
  /** The offset below which it was synced when this log began. */
  readonly previousSynced: number;
  /** The first sequence number that this log may hold. */
  readonly firstSeq: number;
  /** The current manifest, and how much of it was synced, when this log began. */
  readonly manifestNumber: number;
  readonly manifestSynced: number;
}

const linkFields = [
  'previousLog',
  'previousEnd',
  'previousSynced',
  'firstSeq',
  'manifestNumber',
  'manifestSynced',
] as const;

const linkBytes = linkFields.length * 8;

/** Size of the header of a write-ahead log: its first record begins here. */
export const logHeaderBytes: number = fileHeaderBytes + linkBytes;

export function encodeLogLinks(links: LogLinks): Uint8Array {
  const bytes = new Uint8Array(linkBytes);
  linkFields.forEach((field, i) => {
    assert(Number.isSafeInteger(links[field]) && links[field] >= 0, `${field} is no u53`);
    writeU64(bytes, i * 8, links[field]);
  });
  return bytes;
}

/**
 * Reads the links out of a log's header. An extension longer than ours is fine:
 * what a later version adds without a feature bit may be ignored.
 * @throws LsmError `LSM_CORRUPTION`
 */
export function decodeLogLinks(header: FileHeader, file: string): LogLinks {
  const bytes = header.extension;
  if (bytes.length < linkBytes) throw corruption('log header without links', file, 0);
  const field = (i: number): number => {
    const value = readU64(bytes, i * 8);
    if (Number.isNaN(value)) throw corruption(`impossible ${linkFields[i]}`, file, 52 + i * 8);
    return value;
  };
  return {
    previousLog: field(0),
    previousEnd: field(1),
    previousSynced: field(2),
    firstSeq: field(3),
    manifestNumber: field(4),
    manifestSynced: field(5),
  };
}
