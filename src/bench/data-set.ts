import { Draws, shuffled } from './draws.js';
import type { BenchDriver, BenchKey, BenchKind } from './store.js';

/** What a data set is made of. */
export interface DataSetShape {
  /** What keys and values are. */
  readonly kind: BenchKind;
  /** How many there are. */
  readonly entries: number;
  /** Of each value; JSON objects have their own size. */
  readonly valueBytes: number;
}

const keyDigits = 16;
/** Distinct values; a prime, so that a key does not keep to one of them. */
const valueCount = 1021;
const gap = 1000;
const keySeed = 0x51ab3c27;

/**
 * Keys and values, made before any clock starts, the same in every run. Keys are
 * 16 digits in the order of their index, with gaps of random width, in which lie
 * the keys that are looked for in vain. Half of each value compresses away.
 */
export class DataSet {
  /** What it was made for. */
  readonly shape: DataSetShape;
  /** What `weigh` gives for each value. */
  readonly weight: number;
  /** Makes sure that a value was really handed out, and read. */
  readonly weigh: (value: unknown) => number;
  readonly #values: readonly unknown[];
  readonly #makesViews: boolean;
  #lookupKeys: readonly BenchKey[] = [];

  constructor(shape: DataSetShape, bytes: BenchDriver['bytes'] = 'view') {
    this.shape = shape;
    this.#makesViews = bytes === 'view';
    const draws = new Draws(0x2545f491);
    if (shape.kind === 'json') {
      this.#values = Array.from({ length: valueCount }, () => makeObject(draws));
      this.weigh = weighObject;
      this.weight = nameLength;
    } else {
      this.#values = Array.from({ length: valueCount }, () => this.#makeValue(draws));
      this.weigh = weighLength;
      this.weight = shape.valueBytes;
    }
  }

  /** The key of an index, which may be above `entries`. */
  key(index: number): BenchKey {
    return this.#makeKey(index * gap + scatter(index));
  }

  /** A key that is not stored, behind the one of `index`. */
  missingKey(index: number): BenchKey {
    return this.#makeKey(index * gap + scatter(index) + 1);
  }

  /** The value of an index; another one for each `round`. */
  value(index: number, round = 0): unknown {
    return this.#values[(index + round) % valueCount];
  }

  /** Keys of the indexes, in their order: in memory they lie one behind the other. */
  keys(indexes: ArrayLike<number>): BenchKey[] {
    return Array.from(indexes, (index) => this.key(index));
  }

  /** The values of many indexes. */
  values(indexes: ArrayLike<number>, round = 0): unknown[] {
    return Array.from(indexes, (index) => this.value(index, round));
  }

  /** All indexes in the order in which they are filled in: ascending, or at random. */
  fillOrder(order: 'ascending' | 'random', entries = this.shape.entries): Uint32Array {
    return order === 'random'
      ? shuffled(entries, new Draws(0x68e31da4))
      : Uint32Array.from({ length: entries }, (_, i) => i);
  }

  /** `count` indexes of entries, each drawn at random. */
  lookups(count: number, seed = 0x1b56c4e9): Uint32Array {
    const draws = new Draws(seed);
    return Uint32Array.from({ length: count }, () => draws.below(this.shape.entries));
  }

  /** Keys of `lookups`, kept for the next workload: a million takes half a second to make. */
  lookupKeys(count: number): readonly BenchKey[] {
    if (this.#lookupKeys.length < count) this.#lookupKeys = this.keys(this.lookups(count));
    return this.#lookupKeys.slice(0, count);
  }

  #makeKey(number: number): BenchKey {
    const text = String(number).padStart(keyDigits, '0');
    if (this.shape.kind !== 'bytes') return text;
    if (!this.#makesViews) return Buffer.from(text, 'latin1');
    const key = new Uint8Array(keyDigits);
    for (let i = 0; i < keyDigits; i++) key[i] = text.charCodeAt(i);
    return key;
  }

  #makeValue(draws: Draws): unknown {
    const { kind, valueBytes } = this.shape;
    const half = Math.ceil(valueBytes / 2);
    if (kind === 'utf8') {
      return Array.from({ length: half }, () => alphabet[draws.below(alphabet.length)])
        .join('')
        .padEnd(valueBytes, '.');
    }
    const value = this.#makesViews ? new Uint8Array(valueBytes) : Buffer.alloc(valueBytes);
    for (let i = 0; i < half; i++) value[i] = draws.next();
    return value;
  }
}

const alphabet = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_';
const nameLength = 20;

interface SampleObject {
  readonly name: string;
}

function makeObject(draws: Draws): SampleObject {
  const word = (length: number): string =>
    Array.from({ length }, () => alphabet[draws.below(52)]).join('');
  return Object.freeze({
    id: draws.below(1e9),
    name: word(nameLength),
    email: `${word(8)}@example.org`,
    age: 18 + draws.below(60),
    isActive: draws.below(2) === 1,
    score: draws.below(10_000) / 100,
    tags: [word(5), word(7)],
  });
}

function weighObject(value: unknown): number {
  return (value as SampleObject).name.length;
}

function weighLength(value: unknown): number {
  return (value as ArrayLike<unknown>).length;
}

/** 0 to `gap - 2`, by index. */
function scatter(index: number): number {
  return (Math.imul(index ^ keySeed, 0x85ebca6b) >>> 0) % (gap - 1);
}
