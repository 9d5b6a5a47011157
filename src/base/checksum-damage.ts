import { crc32 } from 'node:zlib';
import { readU32 } from './bytes.js';
import { corruption, type ChecksumDamage, type FlippedBit, type LsmError } from './errors.js';

/** Longer stretches of bytes are not searched for a flipped bit. */
export const maxSearchedBytes: number = 64 * 1024;

/** polynomial of CRC-32, reflected */
const polynomial = 0xedb8_8320 | 0;

/** Bytes with a checksum over them, somewhere in a buffer. */
export interface ChecksummedBytes {
  readonly bytes: Uint8Array;
  /** The checksum covers `bytes[start..end)`. */
  readonly start: number;
  readonly end: number;
  /** It stands at `bytes[checksumAt..checksumAt + 4)`. */
  readonly checksumAt: number;
  /** What its CRC begins from: `checksumSeed`. */
  readonly seed: number;
  /** Place of `bytes[0]` in the file; below 0 where the buffer begins before the file does. */
  readonly origin: number;
}

/** Describes a checksum that does not match; for the making of an error, not for a hot path. */
export function examineChecksum(place: ChecksummedBytes): ChecksumDamage {
  const { bytes, start, end, checksumAt, seed } = place;
  const expected = readU32(bytes, checksumAt);
  const found = crc32(bytes.subarray(start, end), seed) >>> 0;
  if (end - start > maxSearchedBytes) return { expected, found };
  return { expected, found, flippedBit: findFlippedBit(place, expected ^ found) ?? null };
}

/** A checksum that does not match, as an error; `what` is what it covers. */
export function checksumMismatch(what: string, file: string, place: ChecksummedBytes): LsmError {
  const damage = examineChecksum(place);
  const offset = place.origin + Math.min(place.start, place.checksumAt);
  return corruption(describeMismatch(what, damage), file, offset, undefined, damage);
}

/** What does not match, for a message of an error that also gets the damage. */
export function describeMismatch(what: string, { expected, found }: ChecksumDamage): string {
  return `${what} checksum ${hex(expected)} expected, ${hex(found)} found`;
}

function hex(checksum: number | undefined): string {
  return `0x${(checksum ?? 0).toString(16).padStart(8, '0')}`;
}

/**
 * The bit whose flip alone explains that the checksum is off by `syndrome` (the
 * two checksums XORed, not 0). A CRC is linear: whatever the bytes are, a flipped bit
 * changes it by a word that depends only on how far the bit is from the end, and
 * these words differ for all bits of less than 512 MiB. So they are gone through from
 * the last bit on, 1–2 ns each: half a millisecond for 64 KiB.
 */
function findFlippedBit(place: ChecksummedBytes, syndrome: number): FlippedBit | undefined {
  const { start, end, checksumAt, origin } = place;
  const wanted = syndrome | 0;
  if ((wanted & (wanted - 1)) === 0) {
    const bit = 31 - Math.clz32(wanted);
    return { offset: origin + checksumAt + (bit >>> 3), bit: bit & 7 };
  }
  let word = polynomial;
  const bits = 8 * (end - start);
  for (let i = 0; i < bits; i++) {
    if (word === wanted) return { offset: origin + end - 1 - (i >>> 3), bit: 7 - (i & 7) };
    word = word & 1 ? (word >>> 1) ^ polynomial : word >>> 1;
  }
  return undefined;
}

/**
 * The one bit of `bytes[from..to)` after whose flip `isSound` says yes; for bytes
 * that change what is covered, or where the checksum begins. `bytes` is changed
 * and changed back.
 */
export function tryFlips(
  bytes: Uint8Array,
  from: number,
  to: number,
  origin: number,
  isSound: () => boolean,
): FlippedBit | undefined {
  for (let at = from; at < to && at < bytes.length; at++) {
    for (let bit = 0; bit < 8; bit++) {
      bytes[at] ^= 1 << bit;
      const explains = isSound();
      bytes[at] ^= 1 << bit;
      if (explains) return { offset: origin + at, bit };
    }
  }
  return undefined;
}
