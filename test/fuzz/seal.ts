import { readU16, readU32, writeU32 } from '../../src/base/bytes.js';
import { checksumAt, type FileId } from '../../src/base/checksum.js';
import { fileHeaderBytes, magics, readFileId } from '../../src/base/file-header.js';
import { blockTrailerBytes, footerBytes, type BlockHandle } from '../../src/sstable/format.js';
import {
  fragmentChecksum,
  fragmentHeaderBytes,
  kindFirst,
  kindFull,
  kindMiddle,
  recordStartRoom,
  roomInBlock,
} from '../../src/wal/log-format.js';

/*
 * Nobody gets a checksum right by chance: decoders behind one are reached only
 * when it is computed anew for the bytes as they are. All of these change `bytes`
 * in place, as far as the structure can be made out, and never throw.
 */

/** The header at the front of any file. */
export function sealHeader(bytes: Uint8Array): void {
  if (bytes.length < fileHeaderBytes) return;
  const size = readU16(bytes, 10);
  if (size < fileHeaderBytes || size > bytes.length) return;
  const covered = bytes.subarray(0, size - 4);
  writeU32(bytes, size - 4, checksumAt(covered, readFileId(bytes, 28), 0));
}

/** A log or manifest: its header, and every fragment up to the first impossible length. */
export function sealLog(bytes: Uint8Array): void {
  sealHeader(bytes);
  if (bytes.length >= fileHeaderBytes)
    sealFragments(bytes, readU16(bytes, 10), readFileId(bytes, 28));
}

export function sealFragments(bytes: Uint8Array, start: number, id: FileId): void {
  let isInside = false;
  for (let at = start; at + fragmentHeaderBytes <= bytes.length;) {
    const room = roomInBlock(at);
    if (!isInside && room < recordStartRoom) {
      at += room;
      continue;
    }
    const length = readU16(bytes, at + 4);
    const end = at + fragmentHeaderBytes + length;
    if (length === 0 || end > bytes.length || length + fragmentHeaderBytes > room) return;
    const kind = bytes[at + 6];
    isInside = kind === kindFirst || kind === kindMiddle;
    if (kind === kindFull) isInside = false;
    writeU32(bytes, at, fragmentChecksum(bytes, at, length, id, at));
    at = end;
  }
}

/** One stored block, which stands at `offset` of its file. */
export function sealBlock(block: Uint8Array, id: FileId, offset: number): void {
  if (block.length < blockTrailerBytes) return;
  const covered = block.subarray(0, block.length - 4);
  writeU32(block, covered.length, checksumAt(covered, id, offset));
}

/** The footer at the end of a table. */
export function sealFooter(footer: Uint8Array, offset: number): void {
  const id = readFileId(footer, 16);
  writeU32(footer, 52, checksumAt(footer.subarray(0, 52), id, offset));
}

/** A table: its header, its blocks where they stood in the original, and the footer wherever the file ends now. */
export function sealTable(bytes: Uint8Array, handles: readonly BlockHandle[]): void {
  sealHeader(bytes);
  if (bytes.length < fileHeaderBytes + footerBytes) return;
  const footerOffset = bytes.length - footerBytes;
  const footer = bytes.subarray(footerOffset);
  const id = readFileId(footer, 16);
  for (const { offset, size } of handles) {
    if (offset + size <= footerOffset) sealBlock(bytes.subarray(offset, offset + size), id, offset);
  }
  const metaindex = handles.at(-1)!;
  const crcAt = metaindex.offset + metaindex.size - 4;
  if (crcAt + 4 <= footerOffset) writeU32(footer, 36, readU32(bytes, crcAt));
  for (let i = 0; i < 8; i++) footer[56 + i] = magics.table.charCodeAt(i);
  sealFooter(footer, footerOffset);
}
