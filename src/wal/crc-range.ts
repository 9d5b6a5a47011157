/*
 * CRC-32 (the polynomial of zlib) over ranges, computed so as to suit a log:
 * short ranges without a native call, and, for a reader that must try every
 * offset of a damaged block, any range of it in constant time.
 */

/** polynomial, reflected */
const polynomial = 0xedb8_8320 | 0;

/** Slicing by 8 (Kounavis and Berry, 2008): eight tables of 256. */
const tables: Int32Array = makeTables();

function makeTables(): Int32Array {
  const made = new Int32Array(8 * 256);
  for (let i = 0; i < 256; i++) {
    let crc = i;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ polynomial : crc >>> 1;
    made[i] = crc;
  }
  for (let i = 256; i < made.length; i++) {
    made[i] = (made[i - 256] >>> 8) ^ made[made[i - 256] & 0xff];
  }
  return made;
}

/**
 * Up to here the tables win: 16 / 64 / 158 bytes take 17 / 60 / 142 ns, against
 * 85 / 170 / 220 ns for a view and the native call of `checksumAt`.
 */
export const shortRangeBytes = 224;

/** `crc32(bytes[start..end), seed)` of zlib, as an unsigned number; for short ranges. */
export function crcOfRange(bytes: Uint8Array, start: number, end: number, seed: number): number {
  let crc = ~seed;
  let at = start;
  for (; at + 8 <= end; at += 8) {
    crc ^= bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24);
    crc =
      tables[1792 + (crc & 0xff)] ^
      tables[1536 + ((crc >>> 8) & 0xff)] ^
      tables[1280 + ((crc >>> 16) & 0xff)] ^
      tables[1024 + (crc >>> 24)] ^
      tables[768 + bytes[at + 4]] ^
      tables[512 + bytes[at + 5]] ^
      tables[256 + bytes[at + 6]] ^
      tables[bytes[at + 7]];
  }
  for (; at < end; at++) crc = (crc >>> 8) ^ tables[(crc ^ bytes[at]) & 0xff];
  return ~crc >>> 0;
}

/** a * b modulo the polynomial, in the bit order of the CRC (as in zlib's `multmodp`). */
function multiply(a: number, b: number): number {
  let product = 0;
  for (let bit = 0x8000_0000 | 0; bit !== 0; bit >>>= 1) {
    if ((a & bit) !== 0) product ^= b;
    b = b & 1 ? (b >>> 1) ^ polynomial : b >>> 1;
  }
  return product;
}

/**
 * The CRC of every range of one block, each in constant time (about 50 ns): from
 * the CRCs of all its prefixes P, crc(a..b, seed) = P[b] ^ (P[a] ^ seed) * x^(8(b-a)).
 */
export class CrcRanges {
  readonly #prefix: Int32Array;
  /** x^(8n) for each length n. */
  readonly #power: Int32Array;

  constructor(maxBytes: number) {
    this.#prefix = new Int32Array(maxBytes + 1);
    this.#power = new Int32Array(maxBytes + 1);
    this.#power[0] = 0x8000_0000 | 0;
    const byte = 0x0080_0000;
    for (let n = 1; n <= maxBytes; n++) this.#power[n] = multiply(this.#power[n - 1], byte);
  }

  /** Takes the block `bytes[start..end)`: 2–3 ns per byte. */
  load(bytes: Uint8Array, start: number, end: number): void {
    let crc = -1;
    for (let at = start; at < end; at++) {
      crc = (crc >>> 8) ^ tables[(crc ^ bytes[at]) & 0xff];
      this.#prefix[at - start + 1] = ~crc;
    }
  }

  /** The CRC of `[from, to)`, counted from the start of the block. */
  crc(from: number, to: number, seed: number): number {
    const moved = multiply(this.#prefix[from] ^ seed, this.#power[to - from]);
    return (this.#prefix[to] ^ moved) >>> 0;
  }
}
