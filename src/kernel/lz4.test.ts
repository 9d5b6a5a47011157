import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { compressTwin, decompressTwin } from '../../test/support/lz4-twin.js';
import { readU32, writeU32 } from '../base/bytes.js';
import { Prng } from '../base/prng.js';
import { compressLz4, decompressLz4 } from './lz4.js';

/** Another implementation of the format; puts the raw length before the block, u32. */
const others = createRequire(import.meta.url)('lz4-wasm-nodejs') as {
  compress(raw: Uint8Array): Uint8Array;
  decompress(packed: Uint8Array): Uint8Array;
};

/** What a target is filled with around the bytes that may change. */
const guard = 0xa5;
const guardBytes = 70;

/** Compresses from and to the middle of larger arrays. */
function compress(raw: Uint8Array, limit = raw.length + (raw.length >> 7) + 16): Uint8Array {
  const source = new Uint8Array(raw.length + 2 * guardBytes).fill(guard);
  source.set(raw, guardBytes);
  const target = new Uint8Array(limit + 2 * guardBytes).fill(guard);
  const end = guardBytes + raw.length;
  const length = compressLz4(source, guardBytes, end, target, guardBytes, limit);
  expectGuarded(target, guardBytes, guardBytes + length);
  return target.slice(guardBytes, guardBytes + length);
}

function decompress(packed: Uint8Array, rawLength: number): Uint8Array | undefined {
  const source = new Uint8Array(packed.length + 2 * guardBytes).fill(guard);
  source.set(packed, guardBytes);
  const around = new Uint8Array(rawLength + 2 * guardBytes).fill(guard);
  const target = around.subarray(guardBytes, guardBytes + rawLength);
  const isBlock = decompressLz4(source, guardBytes, guardBytes + packed.length, target);
  expectGuarded(around, guardBytes, isBlock ? guardBytes + rawLength : guardBytes);
  return isBlock ? target : undefined;
}

function expectGuarded(bytes: Uint8Array, start: number, end: number): void {
  const isGuard = (byte: number): boolean => byte === guard;
  if (bytes.subarray(0, start).every(isGuard) && bytes.subarray(end).every(isGuard)) return;
  throw new Error(`bytes outside ${start}..${end} were written`);
}

function expectSame(got: Uint8Array | undefined, expected: Uint8Array | undefined, what: string) {
  if (got === undefined || expected === undefined) {
    if (got !== expected) throw new Error(`${what}: one refuses, the other does not`);
  } else if (Buffer.compare(got, expected) !== 0) {
    throw new Error(`${what}: other bytes`);
  }
}

function withLength(packed: Uint8Array, rawLength: number): Uint8Array {
  const bytes = new Uint8Array(4 + packed.length);
  writeU32(bytes, 0, rawLength);
  bytes.set(packed, 4);
  return bytes;
}

/** Both directions, against the twin and the other implementation. */
function check(raw: Uint8Array, what: string): void {
  const packed = compress(raw);
  expectSame(packed, compressTwin(raw), `${what}, compressed`);
  expectSame(decompress(packed, raw.length), raw, `${what}, restored`);
  expectEndRules(packed, raw.length, what);
  if (raw.length === 0) return;
  expectSame(others.decompress(withLength(packed, raw.length)), raw, `${what}, read by others`);
  const theirs = others.compress(raw);
  expect(readU32(theirs, 0)).toBe(raw.length);
  expectSame(decompress(theirs.subarray(4), raw.length), raw, `${what}, written by others`);
}

/** Fast decoders count on them: no match begins in the last 12 bytes or reaches into the last 5. */
function expectEndRules(packed: Uint8Array, rawLength: number, what: string): void {
  let at = 0;
  let done = 0;
  const lengthOf = (nibble: number): number => {
    let length = nibble;
    if (nibble === 15)
      do length += packed[at];
      while (packed[at++] === 255);
    return length;
  };
  for (;;) {
    const token = packed[at++];
    const literals = lengthOf(token >> 4);
    at += literals;
    done += literals;
    if (at === packed.length) return;
    if (done > rawLength - 12) throw new Error(`${what}: a match begins too late`);
    at += 2;
    done += lengthOf(token & 15) + 4;
    if (done > rawLength - 5) throw new Error(`${what}: a match ends too late`);
  }
}

/** Bytes of every temper: random, of few values, runs, repeats from near and far. */
function randomBytes(prng: Prng, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let at = 0;
  while (at < length) {
    const count = Math.min(length - at, 1 + prng.below(prng.chance(0.05) ? 2000 : 60));
    const temper = prng.below(4);
    const far = 1 + prng.below(prng.chance(0.5) ? 20 : 70_000);
    const one = prng.below(256);
    for (let i = 0; i < count; i++, at++) {
      if (temper === 0) bytes[at] = prng.below(256);
      else if (temper === 1) bytes[at] = prng.below(3);
      else if (temper === 2) bytes[at] = one;
      else bytes[at] = at >= far ? bytes[at - far] : 0;
    }
  }
  return bytes;
}

describe('a block', () => {
  const seed = Number(process.env.NORI_SEED ?? 1);

  it('is the twin’s, and can be read by others, at every length up to 300', () => {
    const prng = new Prng(seed);
    for (let length = 0; length <= 300; length++) {
      check(new Uint8Array(length), `${length} zeros`);
      for (let i = 0; i < 5; i++) check(randomBytes(prng, length), `seed ${seed}, ${length} bytes`);
    }
  });

  it('is so at lengths where something changes', () => {
    const prng = new Prng(seed);
    const lengths = [4096, 16_384, 65_535, 65_536, 65_537, 131_072, 1_000_000, 2_200_000];
    for (const length of lengths) {
      check(randomBytes(prng, length), `seed ${seed}, ${length} bytes`);
      const random = Uint8Array.from({ length: Math.min(length, 200_000) }, () => prng.u32());
      check(random, `seed ${seed}, ${random.length} random bytes`);
    }
    for (const length of [65_536, 65_537, 2_200_000]) {
      check(new Uint8Array(length), `${length} zeros`);
    }
  });

  it('reaches back by each offset, up to 65,535 and not further', () => {
    const prng = new Prng(seed);
    const offsets = [...Array(40).keys()].map((i) => i + 1);
    for (const offset of [...offsets, 255, 256, 65_534, 65_535, 65_536, 65_537]) {
      for (const repeats of [20, 100, 400]) {
        const pattern = Uint8Array.from({ length: offset }, () => prng.u32());
        const raw = new Uint8Array(offset + repeats);
        for (let at = 0; at < raw.length; at++) raw[at] = pattern[at % offset];
        check(raw, `seed ${seed}, offset ${offset}, ${repeats} bytes`);
      }
    }
  });

  it('carries runs of literals and matches of each length around those that take one more byte', () => {
    const prng = new Prng(seed);
    for (const count of [14, 15, 16, 269, 270, 271, 524, 525, 526, 65_000]) {
      for (const run of [18, 19, 20, 273, 274, 275, 528, 529, 530]) {
        const raw = new Uint8Array(count + run + 13).fill(7);
        for (let i = 0; i < count; i++) raw[i] = prng.below(256);
        check(raw, `seed ${seed}, ${count} literals, ${run} of one byte`);
      }
    }
  });

  it('is the same whatever was compressed before', () => {
    const prng = new Prng(seed);
    const raw = randomBytes(prng, 5000);
    const packed = compress(raw);
    for (const length of [10, 5000, 70_000, 3_000_000]) {
      compress(randomBytes(prng, length));
      expectSame(compress(raw), packed, `after ${length} bytes`);
    }
  });

  it('fits its own length as the limit, and no lower one', () => {
    const prng = new Prng(seed);
    for (let i = 0; i < 200; i++) {
      const raw = randomBytes(prng, 1 + prng.below(1000));
      const packed = compress(raw);
      expectSame(compress(raw, packed.length), packed, 'at the limit');
      for (let less = 1; less <= 20 && less <= packed.length; less++) {
        expect(compress(raw, packed.length - less)).toHaveLength(0);
      }
    }
  });
});

describe('damaged and hostile bytes', () => {
  const seed = Number(process.env.NORI_SEED ?? 2);

  it('give what the twin makes of them, and touch nothing else', () => {
    const prng = new Prng(seed);
    let read = 0;
    for (let i = 0; i < 6000; i++) {
      const raw = randomBytes(prng, prng.below(400));
      const packed = prng.chance(0.2) ? randomBytes(prng, prng.below(60)) : compress(raw);
      const changes = prng.below(4);
      for (let j = 0; j < changes && packed.length > 0; j++) {
        const at = prng.below(Math.min(packed.length, prng.chance(0.5) ? 4 : packed.length));
        packed[at] = prng.chance(0.3) ? [0, 15, 240, 255][prng.below(4)] : prng.below(256);
      }
      const cut = prng.chance(0.2) ? packed.subarray(0, prng.below(packed.length + 1)) : packed;
      for (const length of [raw.length, raw.length + 1, Math.max(0, raw.length - 1)]) {
        const expected = decompressTwin(cut, length);
        if (expected !== undefined) read++;
        expectSame(decompress(cut, length), expected, `seed ${seed}, round ${i}, length ${length}`);
      }
    }
    // Both answers are met.
    expect(read).toBeGreaterThan(1000);
    expect(read).toBeLessThan(12_000);
  });

  it('are refused', () => {
    const refused: readonly (readonly [string, readonly number[], number])[] = [
      ['nothing', [], 0],
      ['fewer literals than claimed', [0x40, 1, 2, 3], 4],
      ['more literals than room', [0x40, 1, 2, 3, 4], 3],
      ['fewer than the room', [0x40, 1, 2, 3, 4], 5],
      ['a length without its end', [0xf0, 255, 255], 525],
      ['literals of 255 bytes of length', [0xf0, ...Array<number>(255).fill(255), 0], 65_040],
      ['offset 0', [0x10, 1, 0, 0, 0x10, 1], 6],
      ['half an offset', [0x10, 1, 1], 5],
      ['an offset before the start', [0x10, 1, 2, 0, 0x10, 1], 6],
      ['an offset where nothing is', [0x00, 1, 0, 0x10, 1], 5],
      ['a match beyond the room', [0x1f, 1, 1, 0, 200, 0x10, 1], 100],
      ['a match length without its end', [0x1f, 1, 1, 0, 255], 300],
      ['a match at the end', [0x10, 1, 1, 0], 5],
    ];
    for (const [what, bytes, length] of refused) {
      const packed = Uint8Array.from(bytes);
      expect(decompress(packed, length), what).toBeUndefined();
      expect(decompressTwin(packed, length), what).toBeUndefined();
    }
  });

  it('take memory for the longest block once, whatever becomes of it', () => {
    const raw = new Uint8Array(2 ** 23);
    const packed = compress(raw);
    decompressLz4(packed, 0, packed.length, raw);
    const before = process.memoryUsage().arrayBuffers;
    for (let i = 0; i < 20; i++) {
      packed[packed.length - 1 - (i % 7)] ^= 64;
      decompressLz4(packed, 0, packed.length, raw);
    }
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 ** 20);
  });
});

describe('lz4-wasm.ts', () => {
  it('is what lz4.as gives', () => {
    const script = fileURLToPath(new URL('../../scripts/build-kernel.mjs', import.meta.url));
    const { status, stderr } = spawnSync(process.execPath, [script, '--check'], {
      encoding: 'utf8',
    });
    expect(stderr).toBe('');
    expect(status).toBe(0);
  });
});
