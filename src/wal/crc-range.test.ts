import { crc32 } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { Prng } from '../base/prng.js';
import { CrcRanges, crcOfRange } from './crc-range.js';

const seed = Number(process.env.NORI_SEED ?? 20_260);

function randomBytes(random: Prng, length: number): Uint8Array {
  return Uint8Array.from({ length }, () => random.u32());
}

describe(`CRC of ranges (NORI_SEED=${seed})`, () => {
  it('is that of zlib for every length, start and seed', () => {
    const random = new Prng(seed);
    const bytes = randomBytes(random, 1024);
    for (let length = 0; length <= 600; length++) {
      const start = random.below(400);
      const begin = random.u32();
      const expected = crc32(bytes.subarray(start, start + length), begin);
      expect(crcOfRange(bytes, start, start + length, begin), `length ${length}`).toBe(expected);
    }
  });

  it('comes out of prefixes the same, for every range of a small block and some of a large one', () => {
    const random = new Prng(seed);
    const bytes = randomBytes(random, 32_768 + 5);
    const ranges = new CrcRanges(32_768);
    ranges.load(bytes, 5, 5 + 40);
    for (let from = 0; from <= 40; from++) {
      for (let to = from; to <= 40; to++) {
        const begin = random.u32();
        expect(ranges.crc(from, to, begin)).toBe(crcOfRange(bytes, 5 + from, 5 + to, begin));
      }
    }
    ranges.load(bytes, 5, 5 + 32_768);
    for (let i = 0; i < 500; i++) {
      const from = random.below(32_769);
      const to = from + random.below(32_769 - from);
      expect(ranges.crc(from, to, i)).toBe(crcOfRange(bytes, 5 + from, 5 + to, i));
    }
    expect(ranges.crc(0, 32_768, 9)).toBe(crc32(bytes.subarray(5), 9));
  });
});
