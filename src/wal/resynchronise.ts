import { readU16, readU32 } from '../base/bytes.js';
import { checksumSeed, type FileId } from '../base/checksum.js';
import { CrcRanges } from './crc-range.js';
import {
  fragmentChecksum,
  fragmentHeaderBytes,
  kindFirst,
  kindFull,
  logBlockBytes,
  recordStartRoom,
  roomInBlock,
} from './log-format.js';

/** Bytes checksummed one range at a time in a block, before its prefixes are computed instead. */
const directBytesPerBlock = 4 * logBlockBytes;

/**
 * Finds where a record begins in a damaged block, trying every offset.
 *
 * Bounded work: a header is plausible only when its fragment stays in the block
 * (and, for FIRST, fills it), which of random bytes 1 in 1,000 does. Bytes made
 * up so that every second offset is plausible would cost 16 KiB of checksum
 * each; so after four blocks' worth the CRCs of all prefixes are computed once,
 * and each further offset costs about 50 ns whatever its length: at most
 * 2 ms for a block.
 */
export class Resynchroniser {
  readonly #fileId: FileId;
  #ranges: CrcRanges | undefined;

  constructor(fileId: FileId) {
    this.#fileId = fileId;
  }

  /**
   * The first index in `bytes[from..end)` at which a FULL or FIRST fragment checks
   * out, or -1. The range lies in one block; index 0 is byte `start` of the file.
   */
  find(bytes: Uint8Array, start: number, from: number, end: number): number {
    const room = roomInBlock(start + from);
    const blockEnd = from + room;
    const last = Math.min(end - fragmentHeaderBytes - 1, blockEnd - recordStartRoom);
    let directLeft = directBytesPerBlock;
    let isLoaded = false;
    for (let at = from; at <= last; at++) {
      const kind = bytes[at + 6];
      if (kind !== kindFull && kind !== kindFirst) continue;
      const length = readU16(bytes, at + 4);
      const fragmentEnd = at + fragmentHeaderBytes + length;
      if (length === 0 || fragmentEnd > end) continue;
      if (kind === kindFirst && fragmentEnd !== blockEnd) continue;
      let crc: number;
      if (directLeft > 0) {
        directLeft -= length;
        crc = fragmentChecksum(bytes, at, length, this.#fileId, start + at);
      } else {
        const ranges = (this.#ranges ??= new CrcRanges(logBlockBytes));
        if (!isLoaded) ranges.load(bytes, from, end);
        isLoaded = true;
        const seed = checksumSeed(this.#fileId, start + at);
        crc = ranges.crc(at + 4 - from, fragmentEnd - from, seed);
      }
      if (crc === readU32(bytes, at)) return at;
    }
    return -1;
  }
}
