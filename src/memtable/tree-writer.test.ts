import { afterEach, describe, expect, it, vi } from 'vitest';
import { kindPut, maxSeq } from '../base/internal-key.js';
import { CursorEntry } from '../iterator/cursor.js';
import { ArenaPool, minArenaBytes } from './arena-pool.js';
import { Memtable } from './memtable.js';
import { innerCapacity, leafCapacity } from './node.js';

class FailingPool extends ArenaPool {
  isFull = false;
  override acquire(): SharedArrayBuffer {
    if (this.isFull) throw new RangeError('no memory');
    return super.acquire();
  }
}

const key = new Uint8Array(4);
const value = new Uint8Array(20_000);

function add(memtable: Memtable, number: number, valueLength = 4): void {
  new DataView(key.buffer).setUint32(0, number);
  const seq = memtable.entries + 1;
  memtable.add(key, 0, 4, seq, kindPut, value, 0, valueLength);
}

/** The newest version of each key, in order, walking forward; checked to be the same backward, and to be found. */
function numbersIn(memtable: Memtable): number[] {
  const numbers: number[] = [];
  const backward: number[] = [];
  const cursor = memtable.cursor();
  const read = (): number => {
    const { keyBytes, keyStart } = cursor.entry;
    return new DataView(keyBytes.buffer).getUint32(keyStart);
  };
  for (cursor.first(); cursor.valid; cursor.next()) {
    if (read() !== numbers.at(-1)) numbers.push(read());
  }
  for (cursor.last(); cursor.valid; cursor.prev()) {
    if (read() !== backward.at(-1)) backward.push(read());
  }
  expect(backward.reverse()).toEqual(numbers);
  const entry = new CursorEntry();
  for (const number of numbers) {
    new DataView(key.buffer).setUint32(0, number);
    if (!memtable.get(key, 0, 4, maxSeq, entry)) expect.fail(`${number} is not found`);
  }
  return numbers;
}

const fullLeaves = innerCapacity + 1;
const fullCount = leafCapacity * fullLeaves;

/** A root with as many children as it can have, all of them full: even numbers, ascending. */
function fillRoot(memtable: Memtable): number[] {
  const numbers = Array.from({ length: fullCount }, (_, i) => 2 * i);
  for (const number of numbers) add(memtable, number);
  return numbers;
}

afterEach(() => vi.unstubAllGlobals());

describe('a split of a full root', () => {
  const middle = innerCapacity >>> 1;
  const leaves = [0, 1, middle - 1, middle, middle + 1, innerCapacity - 1, innerCapacity];
  it.each(leaves)('below child %i', (leaf) => {
    const memtable = new Memtable(new ArenaPool({ arenaBytes: 2 ** 20 }));
    const numbers = fillRoot(memtable);
    for (const slot of [0, leafCapacity >>> 1, leafCapacity - 1]) {
      const number = 2 * (leaf * leafCapacity + slot) + 1;
      add(memtable, number);
      numbers.push(number);
    }
    expect(numbersIn(memtable)).toEqual(numbers.sort((a, b) => a - b));
  });

  it('happens whole or not at all when memory runs out', () => {
    let failures = 0;
    for (let free = 32; free <= 6 * 1024; free += 224) {
      const pool = new FailingPool({ arenaBytes: minArenaBytes });
      const memtable = new Memtable(pool);
      const numbers = fillRoot(memtable);
      // A last version that leaves `free` bytes of the arena: 24 are its own.
      let unused = pool.usedBytes - memtable.usedBytes;
      while (unused > 10_000) {
        add(memtable, 0, 4096);
        unused = pool.usedBytes - memtable.usedBytes;
      }
      if (unused - free - 28 < 0) continue;
      add(memtable, 0, (unused - free - 28) & ~3);
      expect(pool.usedBytes - memtable.usedBytes - free).toBeLessThan(4);
      pool.isFull = true;
      const entries = memtable.entries;
      try {
        add(memtable, 1001);
        numbers.push(1001);
      } catch {
        failures++;
        expect(memtable.entries).toBe(entries);
      }
      pool.isFull = false;
      numbers.sort((a, b) => a - b);
      expect(numbersIn(memtable)).toEqual(numbers);
      if (!numbers.includes(1001)) add(memtable, 1001);
      expect(numbersIn(memtable)).toContain(1001);
    }
    expect(failures).toBeGreaterThan(5);
  });
});

it('begins again when there was no memory for the very first value', () => {
  const pool = new ArenaPool({ arenaBytes: minArenaBytes });
  const arena = pool.acquire();
  new Uint8Array(arena).fill(0xee);
  pool.release(arena);
  const memtable = new Memtable(pool);
  vi.stubGlobal('SharedArrayBuffer', function fail() {
    throw new RangeError('no memory');
  });
  expect(() => add(memtable, 5, 20_000)).toThrow('no memory');
  vi.unstubAllGlobals();
  expect(numbersIn(memtable)).toEqual([]);
  add(memtable, 7);
  add(memtable, 3, 20_000);
  expect(numbersIn(memtable)).toEqual([3, 7]);
});
