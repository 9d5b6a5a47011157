import { readU16, readU32, readU64, writeU16, writeU32, writeU64 } from '../base/bytes.js';
import { checksumAt, checksumSeed, type FileId } from '../base/checksum.js';
import { describeMismatch, examineChecksum, tryFlips } from '../base/checksum-damage.js';
import { corruption, type ChecksumDamage, type LsmError } from '../base/errors.js';
import {
  formatVersion,
  magics,
  readFileId,
  refuseNewer,
  writeFileId,
} from '../base/file-header.js';
import { blockTrailerBytes, firstBlockOffset, footerBytes, type BlockHandle } from './format.js';

/*
 * Footer, the last 64 bytes. What it says of version and features decides; the
 * file header was written before they were known.
 *
 *   0  format version   u16
 *   2  footer size      u16, 64
 *   4  M feature bits   u32
 *   8  S feature bits   u32
 *  12  encryption key   u32, 0 = none
 *  16  table id         8
 *  24  metaindex offset u64
 *  32  metaindex size   u32, with the trailer
 *  36  metaindex crc    u32, the one in its trailer
 *  40  tail offset      u64: where the data blocks end
 *  48  reserved         4 zeros
 *  52  crc              u32 over all before it, bound to the table id and the footer's offset
 *  56  magic            8, as in the file header
 */

export interface Footer {
  readonly tableId: FileId;
  readonly metaindex: BlockHandle;
  readonly metaindexChecksum: number;
  /** Filter, index, properties and metaindex stand between here and the footer. */
  readonly tailOffset: number;
  /** The footer's own crc: with it the manifest knows the table's whole directory. */
  readonly checksum: number;
}

/** Encodes a footer that will stand at `offset`; its checksum is computed here. */
export function encodeFooter(footer: Omit<Footer, 'checksum'>, offset: number): Uint8Array {
  const bytes = new Uint8Array(footerBytes);
  writeU16(bytes, 0, formatVersion);
  writeU16(bytes, 2, footerBytes);
  writeFileId(bytes, 16, footer.tableId);
  writeU64(bytes, 24, footer.metaindex.offset);
  writeU32(bytes, 32, footer.metaindex.size);
  writeU32(bytes, 36, footer.metaindexChecksum);
  writeU64(bytes, 40, footer.tailOffset);
  writeU32(bytes, 52, checksumAt(bytes.subarray(0, 52), footer.tableId, offset));
  for (let i = 0; i < 8; i++) bytes[56 + i] = magics.table.charCodeAt(i);
  return bytes;
}

/** Decodes the 64 bytes that stand at `offset`, the end of the file less 64. */
export function decodeFooter(bytes: Uint8Array, offset: number, file: string): Footer {
  if (!hasMagic(bytes) || !checksOut(bytes, offset)) throw footerDamage(bytes, offset, file);
  const tableId = readFileId(bytes, 16);
  const checksum = readU32(bytes, 52);
  refuseNewer(readU16(bytes, 0), readU32(bytes, 4), readU32(bytes, 12), file);
  const metaindex = { offset: readU64(bytes, 24), size: readU32(bytes, 32) };
  const tailOffset = readU64(bytes, 40);
  const isInPlace =
    readU16(bytes, 2) === footerBytes &&
    tailOffset >= firstBlockOffset &&
    metaindex.offset >= tailOffset &&
    metaindex.size >= blockTrailerBytes &&
    metaindex.offset + metaindex.size === offset;
  if (!isInPlace) throw corruption('impossible place of the metaindex', file, offset);
  return { tableId, metaindex, metaindexChecksum: readU32(bytes, 36), tailOffset, checksum };
}

function hasMagic(bytes: Uint8Array): boolean {
  for (let i = 0; i < 8; i++) if (bytes[56 + i] !== magics.table.charCodeAt(i)) return false;
  return true;
}

function checksOut(bytes: Uint8Array, offset: number): boolean {
  return readU32(bytes, 52) === checksumAt(bytes.subarray(0, 52), readFileId(bytes, 16), offset);
}

function footerDamage(bytes: Uint8Array, offset: number, file: string): LsmError {
  const isSound = (): boolean => hasMagic(bytes) && checksOut(bytes, offset);
  if (!hasMagic(bytes)) {
    const flippedBit = tryFlips(bytes, 56, 64, offset, isSound) ?? null;
    const what = 'no table: the magic at the end is missing';
    return corruption(what, file, offset + 56, undefined, { flippedBit });
  }
  const seed = checksumSeed(readFileId(bytes, 16), offset);
  const place = { bytes, start: 0, end: 52, checksumAt: 52, seed, origin: offset };
  let damage: ChecksumDamage = examineChecksum(place);
  // A flip in the id changes what the CRC begins from.
  damage = {
    ...damage,
    flippedBit: damage.flippedBit ?? tryFlips(bytes, 16, 24, offset, isSound) ?? null,
  };
  return corruption(describeMismatch('footer', damage), file, offset, undefined, damage);
}
