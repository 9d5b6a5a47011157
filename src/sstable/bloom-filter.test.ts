import { describe, expect, test } from 'vitest';
import { BloomFilter } from './bloom-filter.js';

/** Keys that differ in few bits, as real ones do. */
function key(i: number): string {
  return `user:${String(i).padStart(12, '0')}`;
}

describe('BloomFilter', () => {
  // Bounds: the theoretical rate plus a third; the keys are fixed, so no run differs from another.
  test.each([
    [5, 0.12],
    [10, 0.0109],
    [15, 0.0011],
    [20, 0.0002],
  ])(
    'at %i bits per key says perhaps for at most %f of the keys that are not in it',
    (bits, most) => {
      const keys = 20_000;
      const filter = BloomFilter.create(keys, bits);
      for (let i = 0; i < keys; i++) filter.add(key(i));
      let known = 0;
      for (let i = 0; i < keys; i++) if (filter.mayContain(key(i))) known++;
      expect(known).toBe(keys);
      const probes = 100_000;
      let positives = 0;
      for (let i = keys; i < keys + probes; i++) if (filter.mayContain(key(i))) positives++;
      expect(positives / probes).toBeLessThan(most);
      // A rate of zero would mean that something else than the filter answers.
      expect(positives / probes).toBeGreaterThan(most / 1000);
    },
  );

  test('is the same after toBytes and fromBytes, at any alignment', () => {
    const filter = BloomFilter.create(100, 10);
    for (let i = 0; i < 100; i++) filter.add(key(i));
    const bytes = filter.toBytes();
    for (let shift = 0; shift < 4; shift++) {
      const moved = new Uint8Array(bytes.length + shift);
      moved.set(bytes, shift);
      const read = BloomFilter.fromBytes(moved.subarray(shift));
      expect(read.keys).toBe(100);
      for (let i = 0; i < 300; i++) {
        expect(read.mayContain(key(i))).toBe(filter.mayContain(key(i)));
      }
    }
  });

  test('without keys contains nothing', () => {
    expect(BloomFilter.create(0, 10).mayContain('')).toBe(false);
  });

  test.each([
    [-1, 10],
    [1.5, 10],
    [10, 0],
    [10, 21],
  ])('refuses %f keys at %f bits', (keys, bits) => {
    expect(() => BloomFilter.create(keys, bits)).toThrow(
      expect.objectContaining({ code: 'LSM_INVALID_ARGUMENT' }),
    );
  });
});
