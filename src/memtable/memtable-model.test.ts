import { describe, expect, it } from 'vitest';
import { compareBytes, copyOf, emptyBytes } from '../base/bytes.js';
import {
  compareInternal,
  kindDelete,
  kindPut,
  maxSeq,
  type EntryKind,
} from '../base/internal-key.js';
import { Prng } from '../base/prng.js';
import { CursorEntry, type Cursor } from '../iterator/cursor.js';
import { ArenaPool, minArenaBytes } from './arena-pool.js';
import { FrozenMemtableReader } from './frozen-memtable.js';
import { Memtable } from './memtable.js';

/*
 * Random memtables against a sorted array. A failure names its seed; replay it
 * with NORI_SEED=<seed>.
 */
const seeds =
  process.env.NORI_SEED === undefined
    ? Array.from({ length: 22 }, (_, i) => i + 1)
    : [Number(process.env.NORI_SEED)];

interface ModelEntry {
  readonly key: Uint8Array;
  readonly seq: number;
  readonly kind: EntryKind;
  readonly value: Uint8Array;
}

type KeyMaker = (random: Prng) => Uint8Array;

const text = (s: string): Uint8Array => new TextEncoder().encode(s);
const joined = (a: Uint8Array, b: Uint8Array): Uint8Array => Uint8Array.from([...a, ...b]);

function bytesOf(random: Prng, length: number, alphabet: readonly number[]): Uint8Array {
  return Uint8Array.from({ length }, () => alphabet[random.below(alphabet.length)]);
}

const everyByte = Array.from({ length: 256 }, (_, i) => i);
const longPrefix = text('https://example.org/a/rather/long/common/prefix/');

const keyMakers: Readonly<Record<string, KeyMaker>> = {
  'random bytes': (random) => bytesOf(random, random.below(20), everyByte),
  'few bytes, prefixes of each other': (random) => bytesOf(random, random.below(14), [0, 1, 0xff]),
  'nothing but zeros': (random) => new Uint8Array(random.below(1500)),
  'nothing but 0xff': (random) => new Uint8Array(random.below(1500)).fill(0xff),
  'padded numbers': (random) => text(`user:${String(random.below(100_000)).padStart(12, '0')}`),
  'numbers of any length': (random) => text(`${random.below(30_000)}`),
  families: (random) =>
    text(`${['order', 'user', 'userx', ''][random.below(4)]}:00000000${random.below(2000)}`),
  'a few outside the common prefix': (random) =>
    random.chance(0.002)
      ? bytesOf(random, random.below(3), everyByte)
      : joined(longPrefix, text(`${random.below(50_000)}`)),
  'differing in one bit of a head': (random) =>
    joined(new Uint8Array(random.below(9)), bytesOf(random, 9, [0, 1, 2, 0x80])),
  'a hot few': (random) => text(`key${random.below(6)}`),
  'very long': (random) =>
    joined(
      new Uint8Array((random.chance(0.1) ? 20_000 : 3000) + random.below(3)).fill(7),
      bytesOf(random, 3, everyByte),
    ),
};
const makerNames = Object.keys(keyMakers);

function compareEntries(a: ModelEntry, b: ModelEntry): number {
  return compareBytes(a.key, b.key) || b.seq - a.seq;
}

/** Index of the first entry at or after (key, seq). */
function lowerBound(model: readonly ModelEntry[], key: Uint8Array, seq: number): number {
  let low = 0;
  let high = model.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const entry = model[middle];
    const order = compareInternal(
      entry.key,
      0,
      entry.key.length,
      entry.seq,
      key,
      0,
      key.length,
      seq,
    );
    if (order < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

function read(entry: CursorEntry): ModelEntry {
  return {
    key: copyOf(entry.keyBytes, entry.keyStart, entry.keyEnd),
    seq: entry.seq,
    kind: entry.kind,
    value: copyOf(entry.valueBytes, entry.valueStart, entry.valueEnd),
  };
}

function expectSame(actual: ModelEntry | undefined, expected: ModelEntry | undefined): void {
  // `expect` costs microseconds: it only speaks when something is wrong.
  const isSame =
    actual === undefined || expected === undefined
      ? actual === expected
      : actual.seq === expected.seq &&
        actual.kind === expected.kind &&
        compareBytes(actual.key, expected.key) === 0 &&
        compareBytes(actual.value, expected.value) === 0;
  if (!isSame) expect(actual).toEqual(expected);
}

const at = (cursor: Cursor): ModelEntry | undefined =>
  cursor.valid ? read(cursor.entry) : undefined;

class Subject {
  readonly random: Prng;
  readonly memtable: Memtable;
  model: ModelEntry[] = [];
  readonly #makeKey: KeyMaker;
  readonly #ascending: boolean;
  #seq: number;
  #last: Uint8Array = emptyBytes;

  constructor(seed: number, pool: ArenaPool) {
    this.random = new Prng(seed);
    this.memtable = new Memtable(pool);
    this.#makeKey = keyMakers[makerNames[seed % makerNames.length]];
    this.#ascending = this.random.chance(0.2);
    this.#seq = this.random.chance(0.3) ? 2 ** 32 - 500 : 1;
  }

  key(): Uint8Array {
    return this.#makeKey(this.random);
  }

  /** Adds one entry to the memtable, and to the model's end. */
  add(): void {
    const { random } = this;
    let key = this.key();
    if (this.#ascending && random.chance(0.9))
      key = joined(this.#last, Uint8Array.of(random.below(3)));
    if (key.length > 200 && this.#ascending) key = this.key();
    this.#last = key;
    const kind = random.chance(0.1) ? kindDelete : kindPut;
    const length = random.chance(0.003) ? random.below(200_000) : random.below(220);
    const value = kind === kindDelete ? emptyBytes : new Uint8Array(length).fill(this.#seq);
    if (value.length > 0) value[0] = random.u32();
    // Passed as ranges of larger arrays, with garbage around.
    const front = random.below(5);
    const padded = new Uint8Array(front + key.length + 3).fill(0xaa);
    padded.set(key, front);
    const paddedValue = new Uint8Array(front + value.length + 1).fill(0xbb);
    paddedValue.set(value, front);
    this.#seq += random.chance(0.01) ? random.below(1000) + 1 : 1;
    const seq = this.#seq;
    this.memtable.add(
      padded,
      front,
      front + key.length,
      seq,
      kind,
      paddedValue,
      front,
      front + value.length,
    );
    // Input is copied: nobody minds what becomes of it.
    padded.fill(0xcc);
    paddedValue.fill(0xcc);
    this.model.push({ key, seq, kind, value });
  }

  get seq(): number {
    return this.#seq;
  }
}

/** Walks both ways, and makes random moves, comparing each with the sorted model. */
function checkCursor(
  cursor: Cursor,
  model: readonly ModelEntry[],
  random: Prng,
  makeKey: () => Uint8Array,
): void {
  cursor.first();
  for (const entry of model) {
    expectSame(at(cursor), entry);
    cursor.next();
  }
  expect(cursor.valid).toBe(false);
  cursor.last();
  for (let i = model.length - 1; i >= 0; i--) {
    expectSame(at(cursor), model[i]);
    cursor.prev();
  }
  expect(cursor.valid).toBe(false);

  let index = -1;
  for (let i = 0; i < 500; i++) {
    const some =
      model.length > 0 && random.chance(0.7) ? model[random.below(model.length)] : undefined;
    const key = some?.key ?? makeKey();
    const seq = random.chance(0.3) ? maxSeq : (some?.seq ?? 5) + random.below(3) - 1;
    switch (random.below(6)) {
      case 0:
        cursor.seek(key, seq);
        index = lowerBound(model, key, seq);
        break;
      case 1:
        cursor.seekBefore(key, seq);
        index = lowerBound(model, key, seq) - 1;
        break;
      case 2:
      case 3:
        if (!cursor.valid) continue;
        cursor.next();
        index++;
        break;
      default:
        if (!cursor.valid) continue;
        cursor.prev();
        index--;
    }
    expectSame(at(cursor), model[index]);
  }
}

function checkGets(subject: Subject, model: readonly ModelEntry[]): void {
  const entry = new CursorEntry();
  for (let i = 0; i < 500; i++) {
    const some = subject.random.chance(0.8) ? model[subject.random.below(model.length)] : undefined;
    const key = some?.key ?? subject.key();
    const seq = subject.random.chance(0.3)
      ? maxSeq
      : (some?.seq ?? 1) + subject.random.below(3) - 1;
    const expected = model[lowerBound(model, key, seq)];
    const isHit = expected !== undefined && compareBytes(expected.key, key) === 0;
    const found = subject.memtable.get(key, 0, key.length, seq, entry);
    expectSame(found ? read(entry) : undefined, isHit ? expected : undefined);
  }
}

function poolOfGarbage(random: Prng): ArenaPool {
  const pool = new ArenaPool({ arenaBytes: minArenaBytes, maxPooledBytes: 2 ** 22 });
  const arenas = Array.from({ length: 20 }, () => pool.acquire());
  for (const arena of arenas) {
    new Uint32Array(arena).forEach((_, i, words) => (words[i] = random.u32()));
    pool.release(arena);
  }
  return pool;
}

describe.each(seeds)('a random memtable, seed %i', (seed) => {
  it(`behaves as a sorted array (${makerNames[seed % makerNames.length]})`, () => {
    const random = new Prng(seed + 1000);
    const subject = new Subject(seed, poolOfGarbage(random));
    const count =
      makerNames[seed % makerNames.length] === 'very long' ? 200 : 500 + random.below(6000);
    for (let i = 0; i < count; i++) subject.add();
    const model = subject.model.sort(compareEntries);
    checkGets(subject, model);
    checkCursor(subject.memtable.cursor(), model, random, () => subject.key());
    expect(subject.memtable.entries).toBe(model.length);

    const frozen = structuredClone(subject.memtable.freeze());
    const reader = new FrozenMemtableReader(frozen);
    expect(reader.entries).toBe(model.length);
    checkCursor(reader.cursor(), model, random, () => subject.key());
  });

  it('keeps cursors right while entries are added', () => {
    const random = new Prng(seed + 2000);
    const subject = new Subject(seed, poolOfGarbage(random));
    for (let i = random.below(300); i > 0; i--) subject.add();
    const steps = makerNames[seed % makerNames.length] === 'very long' ? 150 : 1500;
    const open = Array.from({ length: 4 }, () => {
      const seq = subject.seq;
      const model = subject.model.filter((entry) => entry.seq <= seq).sort(compareEntries);
      const cursor = subject.memtable.cursor();
      for (let i = random.below(200); i > 0; i--) subject.add();
      return { cursor, seq, model, index: -1 };
    });
    // What was added after a cursor was opened is stepped over, as a reader at `seq` does.
    const skip = (cursor: Cursor, seq: number, isForward: boolean): void => {
      while (cursor.valid && cursor.entry.seq > seq) {
        if (isForward) cursor.next();
        else cursor.prev();
      }
    };
    for (let i = 0; i < steps; i++) {
      for (let n = random.below(3); n > 0; n--) subject.add();
      const one = open[random.below(open.length)];
      const { cursor, seq, model } = one;
      const isForward = random.chance(0.5);
      if (one.index >= 0 && one.index < model.length && random.chance(0.9)) {
        if (isForward) cursor.next();
        else cursor.prev();
        one.index += isForward ? 1 : -1;
      } else if (isForward) {
        const key = subject.key();
        cursor.seek(key, seq);
        one.index = lowerBound(model, key, seq);
      } else {
        const key = subject.key();
        cursor.seekBefore(key, maxSeq);
        one.index = lowerBound(model, key, maxSeq) - 1;
      }
      skip(cursor, seq, isForward);
      expectSame(at(cursor), model[one.index]);
    }
  });
});

describe('pooled arenas', () => {
  it('serve one memtable after the other', () => {
    const pool = new ArenaPool({ arenaBytes: minArenaBytes });
    for (const seed of [3, 4, 5, 6]) {
      const subject = new Subject(seed, pool);
      for (let i = 0; i < 1000; i++) subject.add();
      const model = subject.model.sort(compareEntries);
      checkGets(subject, model);
      checkCursor(subject.memtable.cursor(), model, subject.random, () => subject.key());
      subject.memtable.release();
      expect(pool.usedBytes).toBe(0);
      expect(pool.pooledBytes).toBeGreaterThan(0);
    }
  });
});
