import { crc32 } from 'node:zlib';
import { expect, it } from 'vitest';
import { toHex } from '../../src/base/bytes.js';
import { decodeFileHeader, encodeFileHeader } from '../../src/base/file-header.js';
import { fenced, readPage } from './page.js';

const page = readPage('docs/format/file-header.md');
const databaseId = { low: 0xd4c3_b2a1, high: 0x0807_f6e5 };
const fileId = { low: 0x4433_2211, high: 0x8877_6655 };

/** The bytes of the page's example. */
function example(): Uint8Array {
  const [hex] = fenced(page, 'hex');
  return Uint8Array.from(Buffer.from(hex.replace(/^[0-9a-f]{4}|\s/gm, ''), 'hex'));
}

/** The mixing function as the page tells it, in numbers without a width. */
function mix(hash: bigint, word: bigint): bigint {
  const cut = (value: bigint): bigint => BigInt.asUintN(32, value);
  hash = cut((hash ^ word) * 0x85eb_ca6bn);
  hash = cut((hash ^ (hash >> 13n)) * 0xc2b2_ae35n);
  return hash ^ (hash >> 16n);
}

it('the page on the file header shows what the code writes', () => {
  const written = encodeFileHeader({ kind: 'table', databaseId, fileId });
  expect(toHex(example())).toBe(toHex(written));
});

it('and what the code reads', () => {
  expect(decodeFileHeader(example(), 'table', 'example')).toMatchObject({
    kind: 'table',
    version: 1,
    size: 56,
    mustBits: 0,
    skipBits: 0,
    databaseId,
    fileId,
  });
});

it('tells how the checksum is made', () => {
  const [recipe] = fenced(page, '');
  for (const constant of ['0x85ebca6b', '0xc2b2ae35', '0x9747b28c']) {
    expect(recipe).toContain(constant);
  }
  const words = [fileId.low, fileId.high, 0, 0].map(BigInt);
  const seed = Number(words.reduce(mix, 0x9747_b28cn));
  const bytes = example();
  const stored = new DataView(bytes.buffer).getUint32(52, true);
  expect(crc32(bytes.subarray(0, 52), seed) >>> 0).toBe(stored);
});

it('says in which order damage and newer files are told apart', () => {
  const codeOf = (change: (bytes: Uint8Array) => void): unknown => {
    const bytes = example();
    change(bytes);
    try {
      return decodeFileHeader(bytes, 'table', 'example').kind;
    } catch (error) {
      return (error as { code?: unknown }).code;
    }
  };
  const resealed = (at: number, value: number) => (bytes: Uint8Array) => {
    bytes[at] = value;
    const words = [fileId.low, fileId.high, 0, 0].map(BigInt);
    const crc = crc32(bytes.subarray(0, 52), Number(words.reduce(mix, 0x9747_b28cn)));
    new DataView(bytes.buffer).setUint32(52, crc, true);
  };
  expect(codeOf(() => undefined)).toBe('table');
  expect(codeOf((bytes) => (bytes[8] = 2))).toBe('LSM_CORRUPTION');
  expect(codeOf(resealed(8, 2))).toBe('LSM_UNSUPPORTED_FORMAT');
  expect(codeOf(resealed(12, 1))).toBe('LSM_UNSUPPORTED_FORMAT');
  expect(codeOf(resealed(36, 1))).toBe('LSM_UNSUPPORTED_FORMAT');
  expect(codeOf(resealed(16, 1))).toBe('table');
});
