import { compareBytes, concatBytes } from '../../src/base/bytes.js';
import { Prng } from '../../src/base/prng.js';

const pool = new Uint8Array(32 * 1024);
const filler = new Prng(0x5eed);
for (let i = 0; i < pool.length; i++) pool[i] = filler.u32();

/**
 * The value number `id` (above 0): a function of its number, so that a model
 * keeps numbers only. Mostly short, now and then some KiB, sometimes empty.
 */
export function valueOf(id: number): Uint8Array {
  const value = new Uint8Array(valueLength(id));
  for (let i = 0; i < value.length && i < 4; i++) value[i] = id >>> (8 * i);
  if (value.length > 4) value.set(pool.subarray(id % 8192, (id % 8192) + value.length - 4), 4);
  return value;
}

export function isValueOf(id: number, value: Uint8Array): boolean {
  const length = valueLength(id);
  if (value.length !== length) return false;
  for (let i = 0; i < length && i < 4; i++)
    if (value[i] !== ((id >>> (8 * i)) & 0xff)) return false;
  const at = (id % 8192) - 4;
  for (let i = 4; i < length; i++) if (value[i] !== pool[at + i]) return false;
  return true;
}

function valueLength(id: number): number {
  const mixed = Math.imul(id, 0x9e37_79b1) >>> 0;
  const kind = mixed % 128;
  const spread = mixed >>> 7;
  if (kind < 6) return 0;
  if (kind < 90) return spread % 40;
  if (kind < 120) return 40 + (spread % 160);
  if (kind < 127) return 200 + (spread % 1300);
  return 1500 + (spread % 8000);
}

/**
 * The keys of one run, sorted and distinct: few, so that they are overwritten and
 * deleted often, and of the kinds that break searches.
 */
export class Universe {
  readonly keys: readonly Uint8Array[];

  constructor(random: Prng, count: number) {
    const keys: Uint8Array[] = [];
    const seen = new Set<string>();
    const add = (key: Uint8Array): void => {
      const text = Buffer.from(key).toString('latin1');
      if (seen.has(text)) return;
      seen.add(text);
      keys.push(key);
    };
    add(new Uint8Array(0));
    while (keys.length < count) add(nastyKey(random, keys));
    this.keys = keys.sort(compareBytes);
  }

  get size(): number {
    return this.keys.length;
  }

  /** Index of the first key that is not below `key`. */
  lowerBound(key: Uint8Array): number {
    let low = 0;
    let high = this.keys.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compareBytes(this.keys[middle], key) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** A key of the universe, or one close to it that is likely in no database. */
  nearKey(random: Prng): Uint8Array {
    const key = this.keys[random.below(this.size)];
    switch (random.below(6)) {
      case 0:
        return concatBytes([key, Uint8Array.of(0)]);
      case 1:
        return key.subarray(0, Math.max(0, key.length - 1));
      case 2:
        return concatBytes([key, Uint8Array.of(0xff)]);
      default:
        return key;
    }
  }
}

const longPrefix = Buffer.alloc(300, 'the same beginning, again and again, ');
const veryLongPrefix = Buffer.alloc(2000, 0xff);

function nastyKey(random: Prng, keys: readonly Uint8Array[]): Uint8Array {
  switch (random.below(12)) {
    case 0:
      return new Uint8Array(1 + random.below(9)).fill(0xff);
    case 1:
      return new Uint8Array(1 + random.below(5));
    case 2:
      return new Uint8Array(1 + random.below(12)).fill(0x61);
    case 3:
      return concatBytes([longPrefix, Uint8Array.of(random.below(256), random.below(4))]);
    case 4:
      return random.chance(0.1)
        ? concatBytes([veryLongPrefix, Uint8Array.of(random.below(256))])
        : concatBytes([longPrefix.subarray(0, random.below(300)), Uint8Array.of(0xff)]);
    case 5:
    case 6:
      return concatBytes([
        keys[random.below(keys.length)].subarray(0, 40),
        Uint8Array.of(random.below(256)),
      ]);
    case 7: {
      const alphabet = [0, 1, 0x7f, 0x80, 0xfe, 0xff];
      return Uint8Array.from({ length: 1 + random.below(6) }, () => alphabet[random.below(6)]);
    }
    case 8:
      return Uint8Array.from({ length: 1 + random.below(30) }, () => random.below(256));
    default:
      return Buffer.from(`user:${String(random.below(1e6)).padStart(8, '0')}`);
  }
}
