import { readU32, writeU32 } from '../base/bytes.js';
import { checksumAt, checksumSeed, type FileId } from '../base/checksum.js';
import { checksumMismatch } from '../base/checksum-damage.js';
import { corruption, LsmError } from '../base/errors.js';
import { codecById, codecIds, type Codec } from './codecs.js';
import { blockTrailerBytes, maxCompressibleBytes, maxRawBlockBytes } from './format.js';
import type { TableOutput } from './table-output.js';

/*
 * Block on disk: payload, codec u8 (0 none, 1 LZ4, 2 Zstd), flags u8 (0),
 * raw length u32, crc u32.
 */

/** Appends one block to `output`, compressed where that saves an eighth; returns its stored size. */
export function appendBlock(
  output: TableOutput,
  raw: Uint8Array,
  rawLength: number,
  codec: Codec | undefined,
  tableId: FileId,
): number {
  const at = output.reserve(rawLength + blockTrailerBytes);
  const target = output.bytes;
  let length = 0;
  if (codec !== undefined && rawLength <= maxCompressibleBytes) {
    length = codec.compress(raw, 0, rawLength, target, at, rawLength - (rawLength >>> 3) - 1);
  }
  const codecId = length === 0 ? codecIds.none : codec!.id;
  if (length === 0) {
    length = rawLength;
    target.set(raw.subarray(0, rawLength), at);
  }
  return sealBlock(output, at, length, codecId, rawLength, tableId);
}

/** Writes the trailer behind a payload that stands at `at` in the reserved room; returns the stored size. */
export function sealBlock(
  output: TableOutput,
  at: number,
  length: number,
  codecId: number,
  rawLength: number,
  tableId: FileId,
): number {
  const target = output.bytes;
  const trailer = at + length;
  target[trailer] = codecId;
  target[trailer + 1] = 0;
  writeU32(target, trailer + 2, rawLength);
  const covered = target.subarray(at, trailer + 6);
  output.lastChecksum = checksumAt(covered, tableId, output.offset);
  writeU32(target, trailer + 6, output.lastChecksum);
  const size = length + blockTrailerBytes;
  output.commit(size);
  return size;
}

/**
 * Verifies the stored block `source[start..start+size)` and returns its raw
 * bytes at offset 0 of a buffer. With `mayKeep` the source's own buffer is
 * returned when the block is stored uncompressed and begins there. `reuse` takes the
 * raw bytes where it is large enough.
 * @throws LsmError `LSM_CORRUPTION`, `LSM_UNSUPPORTED_FORMAT` for an unknown codec or flag.
 */
export function openBlock(
  source: Uint8Array,
  start: number,
  size: number,
  mayKeep: boolean,
  tableId: FileId,
  offset: number,
  file: string,
  reuse?: ArrayBuffer,
): Uint8Array {
  if (size < blockTrailerBytes || start + size > source.length) {
    throw corruption('block cut off', file, offset);
  }
  const trailer = start + size - blockTrailerBytes;
  if (
    readU32(source, trailer + 6) !==
    checksumAt(source.subarray(start, trailer + 6), tableId, offset)
  ) {
    throw checksumMismatch('block', file, {
      bytes: source,
      start,
      end: trailer + 6,
      checksumAt: trailer + 6,
      seed: checksumSeed(tableId, offset),
      origin: offset - start,
    });
  }
  const codecId = source[trailer];
  const rawLength = readU32(source, trailer + 2);
  const payload = trailer - start;
  if (source[trailer + 1] !== 0) {
    throw unsupported(`block flags 0x${source[trailer + 1].toString(16)}`, file, offset);
  }
  if (codecId === codecIds.none) {
    if (rawLength !== payload || rawLength > maxRawBlockBytes) {
      throw corruption(`impossible raw length ${rawLength} of a stored block`, file, offset);
    }
    if (mayKeep && start === 0 && source.byteOffset === 0) return source.subarray(0, rawLength);
    const copy = takeBytes(rawLength, reuse);
    copy.set(source.subarray(start, trailer));
    return copy;
  }
  const codec = codecById(codecId);
  if (codec === undefined) throw unsupported(`codec ${codecId}`, file, offset);
  if (rawLength > maxCompressibleBytes || rawLength > codec.mostOf(source, start, trailer)) {
    throw corruption(`impossible raw length ${rawLength} of a compressed block`, file, offset);
  }
  const raw = takeBytes(rawLength, reuse);
  if (!codec.decompress(source, start, trailer, raw)) {
    throw corruption('block does not decompress', file, offset);
  }
  return raw;
}

const largestRounded = 2 ** 20;

function takeBytes(length: number, reuse: ArrayBuffer | undefined): Uint8Array {
  const fits = reuse !== undefined && reuse.byteLength >= length;
  if (fits) return new Uint8Array(reuse, 0, length);
  // A little more, so that the next block of about this length fits too.
  const room = length <= largestRounded ? (length + 127) & ~127 : length;
  return new Uint8Array(new ArrayBuffer(room), 0, length);
}

export function unsupported(what: string, file: string, offset?: number): LsmError {
  return new LsmError(
    'LSM_UNSUPPORTED_FORMAT',
    `${file} uses ${what}, which this nori-lsm does not know. Open it with a newer nori-lsm`,
    { file, offset },
  );
}
