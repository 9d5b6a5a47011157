import { readU32 } from '../base/bytes.js';
import { checksumSeed, type FileId } from '../base/checksum.js';
import { runAsync } from '../base/task.js';
import type { File } from '../fs/file-system.js';
import { readFromFile } from '../sstable/file-steps.js';
import { blockTrailerBytes, maxCompressibleBytes, maxRawBlockBytes } from '../sstable/format.js';
import { crcOfRange } from '../wal/crc-range.js';

const firstReadBytes = 64 * 1024;
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
