import { readU32 } from '../base/bytes.js';
import { checksumSeed, type FileId } from '../base/checksum.js';
import { runAsync } from '../base/task.js';
import type { File } from '../fs/file-system.js';
import { readFromFile } from '../sstable/file-steps.js';
import { blockTrailerBytes, maxCompressibleBytes, maxRawBlockBytes } from '../sstable/format.js';
import { crcOfRange, CrcRanges } from '../wal/crc-range.js';

const chunkBytes = 256 * 1024;
const newestCodec = 2;
/** Behind damage, blocks up to half of this are found; larger ones hold one large value. */
const windowBytes = 128 * 1024;
/** Trailers tried behind damage, in one table: what a stranger's file can cost, at 6 ms each. */
const maxTries = 100;

/** The stored bytes of a block that checks out. */
export interface FoundBlock {
  readonly type: 'block';
  readonly offset: number;
  readonly bytes: Uint8Array;
}

/** Bytes between such blocks, or behind the last. */
export interface FoundGap {
  readonly type: 'gap';
  readonly offset: number;
  readonly bytes: number;
  readonly lower: undefined;
  readonly upper: undefined;
}

/**
 * Finds the blocks of a table in [`start`, `end`) without its index. A block ends
 * where its checksum matches all that is before it; where none does, the next
 * block is one whose trailer and checksum fit somewhere behind.
 */
export async function* findBlocks(
  file: File,
  tableId: FileId,
  start: number,
  end: number,
): AsyncGenerator<FoundBlock | FoundGap> {
  const search = new BlockSearch(file, tableId, end);
  let at = start;
  while (at < end) {
    let blockEnd = await findEnd(file, tableId, at, end);
    if (blockEnd === undefined) {
      const next = await search.find(at);
      const offset = next?.start ?? end;
      yield { type: 'gap', offset: at, bytes: offset - at, lower: undefined, upper: undefined };
      if (next === undefined) return;
      at = offset;
      blockEnd = next.end;
    }
    const bytes = await runAsync(readFromFile(file, at, blockEnd - at));
    yield { type: 'block', offset: at, bytes };
    at = blockEnd;
  }
}

/** Where the block that begins at `start` ends: 5 ns per byte tried, one chunk in memory. */
async function findEnd(
  file: File,
  tableId: FileId,
  start: number,
  end: number,
): Promise<number | undefined> {
  const most = Math.min(end - start, maxRawBlockBytes + blockTrailerBytes);
  let crc = checksumSeed(tableId, start);
  // Of the chunk before the last bytes stay, since a trailer may lie across.
  const kept = blockTrailerBytes;
  let from = start;
  let at = 0;
  while (from - start < most) {
    const length = Math.min(chunkBytes, most - (from - start));
    const bytes = await runAsync(readFromFile(file, from, length));
    for (; at + 4 <= bytes.length; at++) {
      const position = from - start + at;
      if (readU32(bytes, at) === crc && isTrailer(bytes, at, position)) return from + at + 4;
      crc = crcOfRange(bytes, at, at + 1, crc);
    }
    if (bytes.length < length || length < chunkBytes) return undefined;
    from += bytes.length - kept;
    at -= bytes.length - kept;
  }
  return undefined;
}

/** Whether codec, flags and raw length in front of a checksum at `at` fit a block that began `length` bytes before. */
function isTrailer(bytes: Uint8Array, at: number, length: number): boolean {
  if (at < 6 || length < 6) return false;
  const codec = bytes[at - 6];
  const rawLength = readU32(bytes, at - 4);
  if (codec > newestCodec || bytes[at - 5] !== 0) return false;
  return codec === 0 ? rawLength === length - 6 : rawLength <= maxCompressibleBytes;
}

/** Looks for a block that begins anywhere behind damage, by the trailer it must end with. */
class BlockSearch {
  readonly #file: File;
  readonly #tableId: FileId;
  readonly #end: number;
  #ranges: CrcRanges | undefined;
  #triesLeft = maxTries;

  constructor(file: File, tableId: FileId, end: number) {
    this.#file = file;
    this.#tableId = tableId;
    this.#end = end;
  }

  async find(after: number): Promise<{ readonly start: number; readonly end: number } | undefined> {
    for (let base = after; base < this.#end; base += windowBytes / 2) {
      const length = Math.min(windowBytes, this.#end - base);
      const bytes = await runAsync(readFromFile(this.#file, base, length));
      const found = this.#findIn(bytes, base, base === after ? 0 : windowBytes / 2);
      if (found !== undefined) return { start: base + found.start, end: base + found.end };
      if (this.#triesLeft <= 0 || bytes.length < windowBytes) return undefined;
    }
    return undefined;
  }

  /** The first trailer that ends behind `from` and has a beginning in these bytes. */
  #findIn(
    bytes: Uint8Array,
    base: number,
    from: number,
  ): { readonly start: number; readonly end: number } | undefined {
    let isLoaded = false;
    for (let at = Math.max(6, from - 3); at + 4 <= bytes.length; at++) {
      const codec = bytes[at - 6];
      if (codec > newestCodec || bytes[at - 5] !== 0) continue;
      const rawLength = readU32(bytes, at - 4);
      if (codec === 0 ? rawLength > at - 6 || rawLength === 0 : rawLength > maxCompressibleBytes) {
        continue;
      }
      const ranges = (this.#ranges ??= new CrcRanges(windowBytes));
      if (!isLoaded) ranges.load(bytes, 0, bytes.length);
      isLoaded = true;
      const checksum = readU32(bytes, at);
      const first = codec === 0 ? at - 6 - rawLength : 0;
      const last = codec === 0 ? first : at - 7;
      if (codec !== 0 && this.#triesLeft-- <= 0) return undefined;
      for (let start = first; start <= last; start++) {
        const seed = checksumSeed(this.#tableId, base + start);
        if (ranges.crc(start, at, seed) === checksum) return { start, end: at + 4 };
      }
    }
    return undefined;
  }
}
