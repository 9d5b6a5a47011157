import { beforeAll, describe, expect, test } from 'vitest';
import { concatBytes, writeU32 } from '../base/bytes.js';
import { checksumAt, noFileId } from '../base/checksum.js';
import { Prng } from '../base/prng.js';
import { openBlock } from './block-frame.js';
import { codecById, codecNamed, loadCodecs } from './codecs.js';
import { maxCompressibleBytes } from './format.js';
import { isFrameOf, mostOfFrame } from './zstd.js';

beforeAll(loadCodecs);

describe.each(['lz4', 'zstd'] as const)('the codec %s', (name) => {
  test('gives back what it was given, at any length and place', () => {
    const prng = new Prng(3);
    const codec = codecNamed(name)!;
    for (const length of [1, 5, 63, 64, 4096, 65_537, 300_000]) {
      const source = Uint8Array.from({ length: length + 7 }, () => prng.below(4));
      const target = new Uint8Array(2 * length + 100);
      const packed = codec.compress(source, 3, 3 + length, target, 11, target.length - 11);
      expect(packed).toBeGreaterThan(0);
      expect(codec.mostOf(target, 11, 11 + packed)).toBeGreaterThanOrEqual(length);
      const raw = new Uint8Array(length);
      expect(codec.decompress(target, 11, 11 + packed, raw)).toBe(true);
      expect(Buffer.compare(raw, source.subarray(3, 3 + length))).toBe(0);
      // Another length is refused, and nothing is written behind the limit.
      expect(codec.decompress(target, 11, 11 + packed, new Uint8Array(length + 1))).toBe(false);
      expect(codec.decompress(target, 11, 11 + packed, new Uint8Array(length - 1))).toBe(false);
      const untouched = new Uint8Array(200);
      expect(codec.compress(source, 3, 3 + length, untouched, 0, packed - 1)).toBe(0);
      expect(untouched.every((byte) => byte === 0)).toBe(true);
    }
  });

  test('takes no memory for a block of 31 bytes that claims all a block may have', () => {
    const block = new Uint8Array(31);
    const codec = codecNamed(name)!;
    codec.compress(new Uint8Array(40), 0, 40, block, 0, 21);
    block[21] = codec.id;
    writeU32(block, 23, maxCompressibleBytes);
    writeU32(block, 27, checksumAt(block.subarray(0, 27), noFileId, 56));
    const before = process.memoryUsage().arrayBuffers;
    expect(() => openBlock(block, 0, 31, false, noFileId, 56, 'f')).toThrow(
      'impossible raw length',
    );
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1024 * 1024);
  });

  test('is found by its id', () => {
    const codec = codecNamed(name)!;
    expect(codecById(codec.id)).toBe(codec);
    expect(codecById(0)).toBeUndefined();
    expect(codecById(77)).toBeUndefined();
  });
});

describe('isFrameOf', () => {
  test('reads the content size of a Zstandard frame', () => {
    const packed = new Uint8Array(1000);
    const length = codecNamed('zstd')!.compress(new Uint8Array(700), 0, 700, packed, 0, 1000);
    expect(isFrameOf(packed.subarray(0, length), 700)).toBe(true);
    expect(isFrameOf(packed.subarray(0, length), 701)).toBe(false);
    expect(isFrameOf(packed.subarray(0, 5), 700)).toBe(false);
  });

  test('refuses a window far above the raw length', () => {
    // Descriptor 0: no content size; window 2^(10 + 17) = 128 MiB.
    expect(isFrameOf(Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0, 17 << 3, 0), 4096)).toBe(false);
    expect(isFrameOf(Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0, 3 << 3, 0), 4096)).toBe(true);
  });
});

describe('mostOfFrame', () => {
  test('is 0 for anything but one whole Zstandard frame', () => {
    const packed = new Uint8Array(1000);
    const length = codecNamed('zstd')!.compress(new Uint8Array(700), 0, 700, packed, 0, 1000);
    const frame = packed.subarray(0, length);
    expect(mostOfFrame(frame)).toBeGreaterThanOrEqual(700);
    expect(mostOfFrame(frame)).toBeLessThanOrEqual(128 * 1024);
    for (let cut = 0; cut < length; cut++) expect(mostOfFrame(frame.subarray(0, cut))).toBe(0);
    expect(mostOfFrame(concatBytes([frame, frame]))).toBe(0);
  });

  test('counts each block', () => {
    // Header, then 300 times: not the last, one byte repeated 2,000,000 times, which no block may give.
    const blocks = Array.from({ length: 300 }, () => [0x02, 0x24, 0xf4, 7]).flat();
    const last = [0x01, 0, 0];
    const frame = Uint8Array.from([0x28, 0xb5, 0x2f, 0xfd, 0, 0, ...blocks, ...last]);
    expect(mostOfFrame(frame)).toBe(300 * 128 * 1024);
  });
});
