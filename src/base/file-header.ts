import { checksumAt, checksumSeed, noFileId, type FileId } from './checksum.js';
import { describeMismatch, examineChecksum, tryFlips } from './checksum-damage.js';
import { readU16, readU32, writeU16, writeU32 } from './bytes.js';
import { corruption, LsmError, type ChecksumDamage } from './errors.js';

/*
 * Every file but LOCK and LOCK.owner begins with this header (little-endian):
 *
 *   0  magic            8 bytes of ASCII, one per kind of file
 *   8  format version   u16
 *  10  header size      u16, including the checksum
 *  12  M feature bits   u32: a reader that does not know one must refuse the file
 *  16  S feature bits   u32: a reader may ignore one it does not know
 *  20  database id      8, 0 for a standalone table
 *  28  file id          8, random
 *  36  encryption       key id u32 (0 = none), nonce 12
 *  52  extension        header size - 56 bytes, by kind of file
 *  ..  checksum         u32 over all before it, bound to the file id and offset 0
 */

export const fileHeaderBytes = 56;
export const maxHeaderBytes = 4096;

export const magics = {
  table: 'noriSSTb',
  log: 'noriWLog',
  manifest: 'noriMani',
  current: 'noriCurr',
} as const;

export type FileKind = keyof typeof magics;

/** The format version this code writes, and the newest it reads. */
export const formatVersion = 1;

export interface FileHeader {
  readonly kind: FileKind;
  readonly version: number;
  /** Bytes of the whole header: content begins there. */
  readonly size: number;
  readonly mustBits: number;
  readonly skipBits: number;
  readonly databaseId: FileId;
  readonly fileId: FileId;
  /** The fields that only this kind of file has. */
  readonly extension: Uint8Array;
}

export function readFileId(bytes: Uint8Array, at: number): FileId {
  return { low: readU32(bytes, at), high: readU32(bytes, at + 4) };
}

export function writeFileId(bytes: Uint8Array, at: number, id: FileId): void {
  writeU32(bytes, at, id.low);
  writeU32(bytes, at + 4, id.high);
}

export interface FileHeaderFields {
  readonly kind: FileKind;
  readonly fileId: FileId;
  readonly databaseId?: FileId;
  readonly extension?: Uint8Array;
}

export function encodeFileHeader(fields: FileHeaderFields): Uint8Array {
  const extension = fields.extension ?? new Uint8Array(0);
  const size = fileHeaderBytes + extension.length;
  const bytes = new Uint8Array(size);
  for (let i = 0; i < 8; i++) bytes[i] = magics[fields.kind].charCodeAt(i);
  writeU16(bytes, 8, formatVersion);
  writeU16(bytes, 10, size);
  writeFileId(bytes, 20, fields.databaseId ?? noFileId);
  writeFileId(bytes, 28, fields.fileId);
  bytes.set(extension, 52);
  writeU32(bytes, size - 4, checksumAt(bytes.subarray(0, size - 4), fields.fileId, 0));
  return bytes;
}

/**
 * Reads the header at the front of `bytes`, which may hold more.
 * @throws LsmError `LSM_CORRUPTION` when magic, size or checksum are wrong,
 * `LSM_UNSUPPORTED_FORMAT` when a newer version wrote the file or it needs an unknown feature.
 */
export function decodeFileHeader(bytes: Uint8Array, kind: FileKind, file: string): FileHeader {
  if (bytes.length < fileHeaderBytes) {
    throw corruption(`header cut off after ${bytes.length} of ${fileHeaderBytes} bytes`, file, 0);
  }
  const size = readU16(bytes, 10);
  if (!hasMagic(bytes, kind) || !isPossibleSize(size, bytes.length) || !checksOut(bytes, size)) {
    throw headerDamage(bytes, kind, file);
  }
  const fileId = readFileId(bytes, 28);
  const version = readU16(bytes, 8);
  const mustBits = readU32(bytes, 12);
  refuseNewer(version, mustBits, readU32(bytes, 36), file);
  return {
    kind,
    version,
    size,
    mustBits,
    skipBits: readU32(bytes, 16),
    databaseId: readFileId(bytes, 20),
    fileId,
    extension: bytes.slice(52, size - 4),
  };
}

function hasMagic(bytes: Uint8Array, kind: FileKind): boolean {
  for (let i = 0; i < 8; i++) if (bytes[i] !== magics[kind].charCodeAt(i)) return false;
  return true;
}

function isPossibleSize(size: number, length: number): boolean {
  return size >= fileHeaderBytes && size <= maxHeaderBytes && size <= length;
}

function checksOut(bytes: Uint8Array, size: number): boolean {
  const checksum = checksumAt(bytes.subarray(0, size - 4), readFileId(bytes, 28), 0);
  return readU32(bytes, size - 4) === checksum;
}

function headerDamage(source: Uint8Array, kind: FileKind, file: string): LsmError {
  const bytes = source.slice(0, maxHeaderBytes);
  const isSound = (): boolean => {
    const size = readU16(bytes, 10);
    return hasMagic(bytes, kind) && isPossibleSize(size, bytes.length) && checksOut(bytes, size);
  };
  const fail = (what: string, offset: number, damage: ChecksumDamage): LsmError =>
    corruption(what, file, offset, undefined, damage);
  const tryAt = (from: number, to: number): ChecksumDamage['flippedBit'] =>
    tryFlips(bytes, from, to, 0, isSound) ?? null;
  if (!hasMagic(bytes, kind)) {
    const what = `no ${kind} file: the magic ${magics[kind]} is missing`;
    return fail(what, 0, { flippedBit: tryAt(0, 8) });
  }
  const size = readU16(bytes, 10);
  if (!isPossibleSize(size, bytes.length)) {
    return fail(`impossible header size ${size}`, 10, { flippedBit: tryAt(10, 12) });
  }
  const end = size - 4;
  const seed = checksumSeed(readFileId(bytes, 28), 0);
  const found = examineChecksum({ bytes, start: 0, end, checksumAt: end, seed, origin: 0 });
  // Flips in the size and the id change what the CRC covers, and what it begins from.
  const flippedBit = found.flippedBit ?? tryAt(10, 12) ?? tryAt(28, 36);
  const damage = { ...found, flippedBit };
  return fail(describeMismatch('header', damage), 0, damage);
}

/** Refuses what a newer version wrote. A table's footer repeats these fields and decides with the same rule. */
export function refuseNewer(version: number, mustBits: number, keyId: number, file: string): void {
  const refuse = (what: string): LsmError =>
    new LsmError(
      'LSM_UNSUPPORTED_FORMAT',
      `${file} ${what}; this nori-lsm reads format version ${formatVersion} and no optional feature. Open it with a newer nori-lsm`,
      { file },
    );
  if (version === 0 || version > formatVersion) throw refuse(`has format version ${version}`);
  if (mustBits !== 0) throw refuse(`needs feature bits 0x${mustBits.toString(16)}`);
  if (keyId !== 0) throw refuse(`is encrypted with key ${keyId}`);
}
