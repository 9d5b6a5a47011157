import { expect, test } from 'vitest';
import { writeU32 } from './bytes.js';
import { checksumAt, checksumSeed, type FileId } from './checksum.js';
import { examineChecksum, maxSearchedBytes, type ChecksummedBytes } from './checksum-damage.js';
import type { LsmError } from './errors.js';
import { decodeFileHeader, encodeFileHeader } from './file-header.js';
import { Prng } from './prng.js';

const id: FileId = { low: 0x1234_5678, high: 0x9abc_def0 };

/** Some random bytes with a checksum behind them, or in front. */
function checksummed(random: Prng, length: number, isInFront: boolean): ChecksummedBytes {
  const bytes = Uint8Array.from({ length: length + 4 }, () => random.below(256));
  const origin = random.below(2 ** 31);
  const start = isInFront ? 4 : 0;
  const at = isInFront ? 0 : length;
  const end = start + length;
  writeU32(bytes, at, checksumAt(bytes.subarray(start, end), id, origin));
  return { bytes, start, end, checksumAt: at, seed: checksumSeed(id, origin), origin };
}

test('one flipped bit is found, wherever it is', () => {
  const random = new Prng(7);
  for (const length of [1, 2, 30, 300, 5000, maxSearchedBytes]) {
    for (const isInFront of [false, true]) {
      const place = checksummed(random, length, isInFront);
      const total = 8 * place.bytes.length;
      const step = Math.max(1, Math.floor(total / 60));
      for (let nth = 0; nth < total; nth += step) {
        place.bytes[nth >>> 3] ^= 1 << (nth & 7);
        const { flippedBit, expected, found } = examineChecksum(place);
        expect(expected).not.toBe(found);
        expect(flippedBit).toEqual({ offset: place.origin + (nth >>> 3), bit: nth & 7 });
        place.bytes[nth >>> 3] ^= 1 << (nth & 7);
      }
    }
  }
});

test('of two flipped bits none is blamed', () => {
  const random = new Prng(8);
  for (let round = 0; round < 200; round++) {
    const place = checksummed(random, 4 + random.below(500), false);
    const total = 8 * place.bytes.length;
    const first = random.below(total);
    const second = (first + 1 + random.below(total - 1)) % total;
    for (const nth of [first, second]) place.bytes[nth >>> 3] ^= 1 << (nth & 7);
    expect(examineChecksum(place).flippedBit).toBeNull();
  }
});

test('more than 64 KiB are not searched', () => {
  const place = checksummed(new Prng(9), maxSearchedBytes + 1, false);
  place.bytes[5] ^= 1;
  expect(examineChecksum(place)).not.toHaveProperty('flippedBit');
});

test('every flipped bit of a file header is named', () => {
  const extension = Uint8Array.from({ length: 48 }, (_, i) => i);
  const header = encodeFileHeader({ kind: 'log', fileId: id, databaseId: id, extension });
  // What follows may look like more header.
  const bytes = new Uint8Array(5000).fill(0xa5);
  bytes.set(header);
  for (let nth = 0; nth < 8 * header.length; nth++) {
    bytes[nth >>> 3] ^= 1 << (nth & 7);
    let error: LsmError | undefined;
    try {
      decodeFileHeader(bytes, 'log', 'x');
    } catch (thrown) {
      error = thrown as LsmError;
    }
    const flippedBit = { offset: nth >>> 3, bit: nth & 7 };
    expect(error?.damage?.flippedBit).toEqual(flippedBit);
    expect(error?.message).toContain(`bit ${nth & 7} of byte ${nth >>> 3}`);
    bytes[nth >>> 3] ^= 1 << (nth & 7);
  }
});
