import { describe, expect, test } from 'vitest';
import { Prng } from '../base/prng.js';
import { BlockCache, CachedBlocks } from './block-cache.js';
import { DataBlock } from './data-block.js';
import { DataBlockWriter } from './data-block-writer.js';

const key = Uint8Array.of(1);

function block(valueBytes: number): DataBlock {
  const writer = new DataBlockWriter();
  writer.add(key, 0, 1, 1, 0, new Uint8Array(valueBytes), 0, valueBytes);
  const raw = new Uint8Array(writer.measure());
  writer.build(raw, 0);
  return new DataBlock(raw, 'test', 0);
}

const sample = block(1000);
const room = sample.memoryBytes + 40;

describe('BlockCache', () => {
  test('evicts the oldest block that was not used since the hand passed (SIEVE)', () => {
    const cache = new BlockCache({ capacityBytes: 4 * room });
    const table = new CachedBlocks(100, 'normal');
    for (let i = 0; i < 4; i++) cache.insert(table, i, block(1000));
    cache.find(table, 0);
    cache.find(table, 2);
    // The hand: 0 is spared, 1 goes; then 2 is spared, 3 goes; then the hand is at 4.
    cache.insert(table, 4, block(1000));
    expect(held(table)).toEqual([0, 2, 3, 4]);
    cache.insert(table, 5, block(1000));
    expect(held(table)).toEqual([0, 2, 4, 5]);
    cache.insert(table, 6, block(1000));
    expect(held(table)).toEqual([0, 2, 5, 6]);
    expect(cache.usedBytes).toBe(4 * room);
  });

  test('lets a block of high priority survive three passes of the hand', () => {
    const cache = new BlockCache({ capacityBytes: 2 * room });
    const high = new CachedBlocks(1, 'high');
    const normal = new CachedBlocks(100, 'normal');
    cache.insert(high, 0, block(1000));
    cache.find(high, 0);
    let survived = 0;
    for (let i = 0; high.slots[0] !== 0; i++, survived++) cache.insert(normal, i, block(1000));
    expect(survived).toBeGreaterThan(3);
    expect(survived).toBeLessThan(10);
  });

  test('keeps nothing of tables with priority none, and nothing at capacity 0', () => {
    const cache = new BlockCache({ capacityBytes: 100 * room });
    const none = new CachedBlocks(1, 'none');
    cache.insert(none, 0, sample);
    expect(cache.find(none, 0)).toBeUndefined();
    const closed = new BlockCache({ capacityBytes: 0 });
    const normal = new CachedBlocks(1, 'normal');
    closed.insert(normal, 0, sample);
    expect(closed.find(normal, 0)).toBeUndefined();
    expect(closed.usedBytes).toBe(0);
    expect(closed.misses).toBe(1);
  });

  test('makes room for indexes and filters, down to a quarter of the capacity', () => {
    const cache = new BlockCache({ capacityBytes: 8 * room });
    const table = new CachedBlocks(100, 'normal');
    for (let i = 0; i < 8; i++) cache.insert(table, i, block(1000));
    cache.reserve(4 * room);
    expect(held(table)).toHaveLength(4);
    cache.reserve(100 * room);
    expect(held(table)).toHaveLength(2);
    expect(cache.reservedBytes).toBe(104 * room);
    cache.reserve(-104 * room);
    for (let i = 50; i < 60; i++) cache.insert(table, i, block(1000));
    expect(held(table)).toHaveLength(8);
  });

  test('stays inside its capacity and finds only what it was given, over random calls', () => {
    const seed = Number(process.env['NORI_SEED'] ?? 1);
    const prng = new Prng(seed);
    const capacityBytes = 50 * room;
    const cache = new BlockCache({ capacityBytes });
    const tables = Array.from(
      { length: 4 },
      (_, i) => new CachedBlocks(60, i === 0 ? 'high' : 'normal'),
    );
    const blocks = tables.map(() => Array.from({ length: 60 }, () => block(prng.below(3000))));
    let hits = 0;
    for (let step = 0; step < 50_000; step++) {
      const t = prng.below(4);
      const n = prng.below(60);
      const found = cache.find(tables[t], n);
      if (found !== undefined) {
        hits++;
        expect(found === blocks[t][n], `step ${step}`).toBe(true);
      } else {
        cache.insert(tables[t], n, blocks[t][n]);
      }
      if (prng.chance(0.001)) cache.dropAll(tables[t]);
      if (cache.usedBytes > capacityBytes) throw new Error(`step ${step}: ${cache.usedBytes}`);
    }
    expect(hits).toBeGreaterThan(1000);
    for (const table of tables) cache.dropAll(table);
    expect(cache.usedBytes).toBe(0);
  });
});

function held(table: CachedBlocks): number[] {
  return [...table.slots.keys()].filter((number) => table.slots[number] !== 0);
}
