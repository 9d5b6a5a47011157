import { copyOf } from '../../src/base/bytes.js';
import { Entry } from '../../src/base/entry.js';
import { compareInternal, kindDelete } from '../../src/base/internal-key.js';
import type { Prng } from '../../src/base/prng.js';
import { CursorEntry, type Cursor } from '../../src/iterator/cursor.js';

/** Readable form of an entry, for comparisons in tests. */
export function show(entry: Entry): string {
  const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');
  const value = entry.kind === kindDelete ? 'deleted' : text(entry.value);
  return `${text(entry.key)}@${entry.seq}=${value}`;
}

/** A copy of what a cursor shows. */
export function entryOf(entry: CursorEntry): Entry {
  return {
    key: copyOf(entry.keyBytes, entry.keyStart, entry.keyEnd),
    seq: entry.seq,
    kind: entry.kind,
    value: copyOf(entry.valueBytes, entry.valueStart, entry.valueEnd),
  };
}

export function compareEntries(a: Entry, b: Entry): number {
  return compareInternal(a.key, 0, a.key.length, a.seq, b.key, 0, b.key.length, b.seq);
}

export function textKey(text: string): Uint8Array {
  return Buffer.from(text, 'latin1');
}

/** Repeats a positioning call until it is complete. */
export function complete(waiter: { waitSync(): void }, call: () => boolean): void {
  for (let tries = 0; !call(); tries++) {
    if (tries > 1000) throw new Error('a positioning call never completes');
    waiter.waitSync();
  }
}

/** All entries of a cursor from its first to its last. */
export function drain(cursor: {
  readonly valid: boolean;
  readonly entry: CursorEntry;
  first(): boolean;
  next(): boolean;
  waitSync(): void;
}): Entry[] {
  const entries: Entry[] = [];
  complete(cursor, () => cursor.first());
  while (cursor.valid) {
    entries.push(entryOf(cursor.entry));
    complete(cursor, () => cursor.next());
  }
  return entries;
}

/**
 * Few keys with many versions, with all corners: the empty key, 0xff bytes, keys
 * that are prefixes of others. Sequence numbers are unique, so that any way of
 * dealing the entries out to sources keeps each source sorted.
 */
export function randomEntries(random: Prng, count: number): Entry[] {
  const keys = [
    '',
    '\0',
    'a',
    'aa',
    'ab',
    'b',
    'ba\0',
    'bb',
    'c',
    'c'.repeat(90),
    `${'c'.repeat(90)}1`,
    `${'c'.repeat(90)}2`,
    'c'.repeat(300),
    '\xff',
    '\xff\xff',
  ];
  const entries: Entry[] = [];
  for (let seq = 1; seq <= count; seq++) {
    const key = textKey(keys[random.below(keys.length)]);
    const isDeletion = random.chance(0.3);
    entries.push(isDeletion ? Entry.delete(key, seq) : Entry.put(key, `v${seq}`, seq));
  }
  return entries.sort(compareEntries);
}

/** Many keys of text, in order, with one version each. */
export function manyEntries(count: number, valueBytes = 20): Entry[] {
  return Array.from({ length: count }, (_, i) =>
    Entry.put(`key${String(i).padStart(6, '0')}`, 'x'.repeat(valueBytes), i + 1),
  );
}

/** Deals sorted entries out to `count` sources, some of them possibly empty. */
export function deal(random: Prng, entries: readonly Entry[], count: number): Entry[][] {
  const sources: Entry[][] = Array.from({ length: count }, () => []);
  for (const entry of entries) sources[random.below(count)].push(entry);
  return sources;
}

/**
 * A cursor over an array that holds its callers to the contract: entries turn to
 * rubbish with the next call, a step from an invalid position throws.
 */
export class ArrayCursor implements Cursor {
  isClosed = false;
  readonly #entries: readonly Entry[];
  #index = -1;
  readonly #entry = new CursorEntry();

  constructor(entries: readonly Entry[]) {
    this.#entries = entries;
  }

  get valid(): boolean {
    return this.#index >= 0 && this.#index < this.#entries.length;
  }

  get entry(): CursorEntry {
    if (!this.valid) throw new Error('read an invalid cursor');
    return this.#entry;
  }

  first(): boolean {
    return this.#moveTo(0);
  }

  last(): boolean {
    return this.#moveTo(this.#entries.length - 1);
  }

  seek(key: Uint8Array, seq: number): boolean {
    return this.#moveTo(this.#countBefore(key, seq));
  }

  seekBefore(key: Uint8Array, seq: number): boolean {
    return this.#moveTo(this.#countBefore(key, seq) - 1);
  }

  next(): boolean {
    if (!this.valid) throw new Error('next from an invalid position');
    return this.#moveTo(this.#index + 1);
  }

  prev(): boolean {
    if (!this.valid) throw new Error('prev from an invalid position');
    return this.#moveTo(this.#index - 1);
  }

  wait(): Promise<void> {
    return Promise.reject(new Error('an array cursor needs no block'));
  }

  waitSync(): void {
    throw new Error('an array cursor needs no block');
  }

  close(): void {
    this.isClosed = true;
  }

  #countBefore(key: Uint8Array, seq: number): number {
    const isBefore = (entry: Entry): boolean =>
      compareInternal(entry.key, 0, entry.key.length, entry.seq, key, 0, key.length, seq) < 0;
    return this.#entries.filter(isBefore).length;
  }

  #moveTo(index: number): boolean {
    if (this.isClosed) throw new Error('used a closed cursor');
    this.#entry.keyBytes.fill(0xee);
    this.#entry.valueBytes.fill(0xee);
    this.#index = index;
    if (!this.valid) return true;
    const { key, value, seq, kind } = this.#entries[index];
    const bytes = new Uint8Array(3 + key.length + value.length + 3).fill(0xdd);
    bytes.set(key, 3);
    bytes.set(value, 3 + key.length);
    const entry = this.#entry;
    entry.keyBytes = bytes;
    entry.keyStart = 3;
    entry.keyEnd = 3 + key.length;
    entry.valueBytes = bytes;
    entry.valueStart = entry.keyEnd;
    entry.valueEnd = entry.keyEnd + value.length;
    entry.seq = seq;
    entry.kind = kind;
    return true;
  }
}

/**
 * Answers false at random before it makes a move, as a table does whose block is
 * not there, and holds its caller to the rules for that.
 */
export class StutteringCursor implements Cursor {
  readonly #child: Cursor;
  readonly #random: Prng;
  #suspended: string | undefined;
  #hasWaited = false;

  constructor(child: Cursor, random: Prng) {
    this.#child = child;
    this.#random = random;
  }

  get valid(): boolean {
    if (this.#suspended !== undefined) throw new Error('read valid during a call');
    return this.#child.valid;
  }

  get entry(): CursorEntry {
    if (this.#suspended !== undefined) throw new Error('read entry during a call');
    return this.#child.entry;
  }

  first(): boolean {
    return this.#perform('first', () => this.#child.first());
  }

  last(): boolean {
    return this.#perform('last', () => this.#child.last());
  }

  seek(key: Uint8Array, seq: number): boolean {
    return this.#perform(`seek ${key.join()} ${seq}`, () => this.#child.seek(key, seq));
  }

  seekBefore(key: Uint8Array, seq: number): boolean {
    return this.#perform(`seekBefore ${key.join()} ${seq}`, () => this.#child.seekBefore(key, seq));
  }

  next(): boolean {
    return this.#perform('next', () => this.#child.next());
  }

  prev(): boolean {
    return this.#perform('prev', () => this.#child.prev());
  }

  async wait(): Promise<void> {
    this.waitSync();
  }

  waitSync(): void {
    if (this.#suspended === undefined) throw new Error('waited without a call under way');
    this.#hasWaited = true;
  }

  close(): void {
    this.#child.close();
  }

  #perform(name: string, move: () => boolean): boolean {
    if (this.#suspended === name) {
      // Nobody has fetched the block yet.
      if (!this.#hasWaited) return false;
    } else if (this.#suspended !== undefined && (name === 'next' || name === 'prev')) {
      throw new Error(`${name} during ${this.#suspended}`);
    }
    if (this.#random.chance(0.4)) {
      this.#suspended = name;
      this.#hasWaited = false;
      return false;
    }
    this.#suspended = undefined;
    return move();
  }
}
