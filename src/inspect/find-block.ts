import { readU32 } from '../base/bytes.js';
import { checksumSeed, type FileId } from '../base/checksum.js';
import { runAsync } from '../base/task.js';
import type { File } from '../fs/file-system.js';
import { readFromFile } from '../sstable/file-steps.js';
import { blockTrailerBytes, maxCompressibleBytes, maxRawBlockBytes } from '../sstable/format.js';
import { crcOfRange } from '../wal/crc-range.js';

/** Blocks are mostly smaller: a file of many small ones is not to be read many times. */
const firstReadBytes = 8 * 1024;
const newestCodec = 2;

/**
 * The stored bytes of the block that begins at `start`, found without an index: a
 * block ends where its checksum matches everything before it (5 ns per byte
 * tried). Undefined when none ends before `end`.
 */
export async function findBlock(
  file: File,
  tableId: FileId,
  start: number,
  end: number,
): Promise<Uint8Array | undefined> {
  const most = Math.min(end - start, maxRawBlockBytes + blockTrailerBytes);
  let crc = checksumSeed(tableId, start);
  let at = 0;
  for (let length = firstReadBytes; ; length *= 4) {
    const bytes = await runAsync(readFromFile(file, start, Math.min(length, most)));
    for (; at + 4 <= bytes.length; at++) {
      if (readU32(bytes, at) === crc && isTrailer(bytes, at)) return bytes.subarray(0, at + 4);
      crc = crcOfRange(bytes, at, at + 1, crc);
    }
    if (length >= most) return undefined;
  }
}

/** Whether codec, flags and raw length in front of a checksum at `at` are possible. */
function isTrailer(bytes: Uint8Array, at: number): boolean {
  if (at + 4 < blockTrailerBytes) return false;
  const codec = bytes[at - 6];
  const rawLength = readU32(bytes, at - 4);
  if (codec > newestCodec || bytes[at - 5] !== 0) return false;
  return codec === 0 ? rawLength === at - 6 : rawLength <= maxCompressibleBytes;
}

/** Ends of blocks that are only tried so often: bytes made up for it are full of them. */
const maxTries = 1000;
/** Behind a damaged block as much is looked through. */
const maxSkippedBytes = 2 ** 22;

/**
 * Where the first whole block behind a damaged one begins that stands at `start`:
 * behind something that can be the end of one. A damaged trailer takes the block behind
 * it along. Undefined when there is none before `end`, or none is found in reasonable time.
 */
export async function findNextBlock(
  file: File,
  tableId: FileId,
  start: number,
  end: number,
): Promise<number | undefined> {
  const length = Math.min(end - start, maxSkippedBytes);
  const bytes = await runAsync(readFromFile(file, start, length));
  let triesLeft = maxTries;
  for (let at = blockTrailerBytes - 4; at + 4 <= bytes.length && triesLeft > 0; at++) {
    if (bytes[at - 6] > newestCodec || bytes[at - 5] !== 0) continue;
    const rawLength = readU32(bytes, at - 4);
    const isStored = bytes[at - 6] === 0;
    // A block stored as it is says where it begins.
    if (isStored ? rawLength > at - 6 : rawLength > maxCompressibleBytes) continue;
    triesLeft--;
    const begin = at - 6 - rawLength;
    if (isStored && begin > 0) {
      const crc = crcOfRange(bytes, begin, at, checksumSeed(tableId, start + begin));
      if (readU32(bytes, at) === crc) return start + begin;
    }
    const next = start + at + 4;
    if (next < end && (await findBlock(file, tableId, next, end)) !== undefined) return next;
  }
  return undefined;
}
