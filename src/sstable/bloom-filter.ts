import { readU16, readU32, readU64, writeU16, writeU32, writeU64 } from '../base/bytes.js';
import { corruption, invalidArgument } from '../base/errors.js';
import { KeyHash } from '../base/hash.js';
import { unsupported } from './block-frame.js';

/*
 * Filter block, raw (little-endian):
 *
 *   0  hash id   u16, 1 = the pair of base/hash.ts
 *   2  probes    u16
 *   4  seed      u32, 0
 *   8  keys      u64, how many the filter was sized for
 *  16  bits      u32, a multiple of 32
 *  20  words     bits / 32 x u32
 *
 * Probe i of a key with the hash pair (low, high) looks at bit
 * floor(h x bits / 2^32) with h = low + i x high + (i^3 - i) / 6 mod 2^32
 * (enhanced double hashing: Dillinger and Manolios, "Bloom Filters in
 * Probabilistic Verification", 2004); the product is a double.
 */

const headerBytes = 20;
const hashId = 1;
const maxProbes = 30;
const maxBits = 2 ** 31;

/**
 * A standard Bloom filter: says "not in the set" with certainty, and "perhaps"
 * for some keys that are not (0.8 % at 10 bits per key).
 */
export class BloomFilter {
  readonly #words: Uint32Array;
  readonly #probes: number;
  readonly #keys: number;
  readonly #scale: number;

  private constructor(words: Uint32Array, probes: number, keys: number) {
    this.#words = words;
    this.#probes = probes;
    this.#keys = keys;
    this.#scale = (words.length * 32) / 0x1_0000_0000;
  }

  /**
   * An empty filter with room for `keys` keys at `bitsPerKey` (1–20) bits each.
   * More keys may be added; false positives then rise.
   * @throws LsmError `LSM_INVALID_ARGUMENT`
   */
  static create(keys: number, bitsPerKey: number): BloomFilter {
    if (!Number.isSafeInteger(keys) || keys < 0) {
      throw invalidArgument('keys must be an integer from 0');
    }
    if (!(bitsPerKey >= 1 && bitsPerKey <= 20)) {
      throw invalidArgument('bitsPerKey must be from 1 to 20');
    }
    // Below 64 bits the rounding of a few keys would make false positives likely.
    const bits = Math.min(Math.max(64, Math.ceil((keys * bitsPerKey) / 32) * 32), maxBits);
    // ln 2 x bits per key is the number of probes with the fewest false positives.
    const probes = Math.max(1, Math.round(bitsPerKey * Math.LN2));
    return new BloomFilter(new Uint32Array(bits / 32), probes, keys);
  }

  /** Number of keys it was sized for. */
  get keys(): number {
    return this.#keys;
  }

  /** Bits looked at for each key. */
  get probes(): number {
    return this.#probes;
  }

  /** Size of its bit array, in bits. */
  get bits(): number {
    return this.#words.length * 32;
  }

  /** Size of its bit array, in bytes. */
  get memoryBytes(): number {
    return this.#words.buffer.byteLength;
  }

  /** Puts `key` into the set. */
  add(key: string | Uint8Array): void {
    const bytes = toBytes(key);
    const hash = new KeyHash();
    hash.compute(bytes, 0, bytes.length);
    this.addHash(hash.low, hash.high);
  }

  /** False only when `key` was never added. */
  mayContain(key: string | Uint8Array): boolean {
    const bytes = toBytes(key);
    const hash = new KeyHash();
    hash.compute(bytes, 0, bytes.length);
    return this.mayContainHash(hash.low, hash.high);
  }

  /** As `add`, for a key whose hash pair is known. */
  addHash(low: number, high: number): void {
    const words = this.#words;
    const scale = this.#scale;
    for (let i = 1; i <= this.#probes; i++) {
      const bit = (low * scale) >>> 0;
      words[bit >>> 5] |= 1 << (bit & 31);
      low = (low + high) >>> 0;
      high = (high + i) >>> 0;
    }
  }

  /** As `mayContain`, for a key whose hash pair is known. */
  mayContainHash(low: number, high: number): boolean {
    const words = this.#words;
    const scale = this.#scale;
    const probes = this.#probes;
    for (let i = 1; i <= probes; i++) {
      const bit = (low * scale) >>> 0;
      if ((words[bit >>> 5] & (1 << (bit & 31))) === 0) return false;
      low = (low + high) >>> 0;
      high = (high + i) >>> 0;
    }
    return true;
  }

  /** The filter as it stands in a table. */
  toBytes(): Uint8Array {
    const words = this.#words;
    const bytes = new Uint8Array(headerBytes + words.byteLength);
    writeU16(bytes, 0, hashId);
    writeU16(bytes, 2, this.#probes);
    writeU64(bytes, 8, this.#keys);
    writeU32(bytes, 16, this.bits);
    bytes.set(new Uint8Array(words.buffer, words.byteOffset, words.byteLength), headerBytes);
    return bytes;
  }

  /**
   * Reads what `toBytes` wrote. `file` and `offset` go into the error.
   * @throws LsmError `LSM_CORRUPTION`, `LSM_UNSUPPORTED_FORMAT`
   */
  static fromBytes(bytes: Uint8Array, file = 'filter', offset = 0): BloomFilter {
    if (bytes.length < headerBytes) throw corruption('filter cut off', file, offset);
    const probes = readU16(bytes, 2);
    const bits = readU32(bytes, 16);
    const keys = readU64(bytes, 8);
    if (readU16(bytes, 0) !== hashId || readU32(bytes, 4) !== 0) {
      throw unsupported(`filter hash ${readU16(bytes, 0)}`, file, offset);
    }
    const isPossible =
      probes >= 1 &&
      probes <= maxProbes &&
      bits >= 32 &&
      bits % 32 === 0 &&
      bits / 8 === bytes.length - headerBytes &&
      keys >= 0;
    if (!isPossible) throw corruption('impossible filter header', file, offset);
    const at = bytes.byteOffset + headerBytes;
    const words =
      at % 4 === 0
        ? new Uint32Array(bytes.buffer, at, bits / 32)
        : new Uint32Array(bytes.slice(headerBytes).buffer);
    return new BloomFilter(words, probes, keys);
  }
}

function toBytes(key: string | Uint8Array): Uint8Array {
  return typeof key === 'string' ? new TextEncoder().encode(key) : key;
}
