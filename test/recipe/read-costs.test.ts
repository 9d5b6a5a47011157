import { describe, expect, it } from 'vitest';
import type { OpenOptions } from '../../src/index.js';
import { Engine, keyAt } from './engine.js';
import { openSmallRecipe, userKey } from './small-recipe.js';

/** Keys between the stored ones: in the range of a table, but in none. */
function absentKeys(count: number): string[] {
  return [...new Array(count).keys()].map((i) => `${keyAt(i)}?`);
}

describe('"Use bloom filters at all levels (9x fewer disk reads)"', () => {
  /** Reads of the disk for absent keys, of a database with tables at L0 to L4 that are open, without a cache. */
  async function readsForAbsentKeys(options: OpenOptions): Promise<number> {
    const engine = await openSmallRecipe(options, { blockCacheBytes: 0 });
    const keys = [...new Array(2000).keys()].map((i) => `${userKey(7 * i)}?`);
    // Opens the tables and reads their filters.
    for (const key of keys) engine.db.hasSync(key);
    engine.recording.clear();
    for (const key of keys) expect(engine.db.hasSync(key)).toBe(false);
    const reads = engine.recording.lines.filter((line) => line.startsWith('read ')).length;
    await engine.close();
    return reads;
  }

  it('absent keys read no blocks, or far fewer than without filters', async () => {
    const without = await readsForAbsentKeys({ bloomBitsPerKey: 0 });
    const withTen = await readsForAbsentKeys({ bloomBitsPerKey: 10 });
    const byLevel = await readsForAbsentKeys({});
    const times = (reads: number): string => `${(without / reads).toFixed(0)}x fewer`;
    console.log(
      `2000 absent keys, L0 to L4: ${without} disk reads without filters, ` +
        `${withTen} with 10 bits (${times(withTen)}), ` +
        `${byLevel} as the preset has them (${times(byLevel)}); the page: 9x fewer`,
    );
    // One of each level and another of L0, but where a key falls between two tables.
    expect(without).toBeGreaterThan(2000 * 4.5);
    for (const reads of [withTen, byLevel]) {
      expect(reads).toBeLessThan(without / 9);
      // Filters of the wrong size would still do the above.
      expect(reads).toBeLessThan(without / 50);
    }
  });

  it('"Built-in bloom filters → fast negative lookups": stats() say how often they were right', async () => {
    const engine = await Engine.openFilled();
    await engine.reopen();
    for (const key of absentKeys(399)) engine.db.hasSync(key);
    const { checks, negatives, falsePositives } = engine.db.stats().filter;
    expect(checks).toBe(negatives + falsePositives);
    expect(negatives).toBeGreaterThan(380);
    for (let i = 0; i < 400; i++) expect(engine.db.hasSync(keyAt(i))).toBe(true);
    expect(engine.db.stats().filter.falsePositives).toBe(falsePositives);
    await engine.close();
  });
});

describe('the block cache', () => {
  it('a block that was read once is not read again', async () => {
    const engine = await Engine.openFilled();
    await engine.reopen();
    const first = engine.db.getSync(keyAt(7));
    engine.recording.clear();
    for (let i = 0; i < 100; i++) expect(engine.db.getSync(keyAt(7))).toBe(first);
    expect(engine.recording.lines).toEqual([]);
    expect(engine.db.stats().blockCache.hits).toBeGreaterThanOrEqual(100);
    await engine.close();
  });

  it('a cache of 0 bytes keeps no blocks, and reads are right', async () => {
    const engine = await Engine.openFilled({ blockCacheBytes: 0 });
    const first = engine.db.getSync(keyAt(7));
    engine.recording.clear();
    expect(engine.db.getSync(keyAt(7))).toBe(first);
    expect(engine.recording.lines.length).toBeGreaterThan(0);
    expect(engine.db.stats().blockCache.hits).toBe(0);
    await engine.close();
  });
});

describe('without settings of levels', () => {
  it('all levels are LZ4, and with lz4-zstd the last one is Zstd', async () => {
    const sizes = new Map<string, number>();
    for (const compression of ['none', 'lz4', 'zstd', 'lz4-zstd', undefined] as const) {
      const engine = await Engine.open({ compression, blockSizeBytes: undefined });
      for (let i = 0; i < 5; i++) {
        await engine.flush({ a: `${i}`.repeat(9000), k: 'some words '.repeat(900), z: `${i}` });
      }
      await engine.db.compactRange();
      await engine.settle();
      sizes.set(String(compression), engine.db.stats().levels[1].bytes);
      await engine.close();
    }
    expect(sizes.get('lz4')).toBeLessThan(sizes.get('none')! / 10);
    expect(sizes.get('zstd')).toBeLessThan(sizes.get('lz4')!);
    expect(sizes.get('undefined')).toBe(sizes.get('lz4'));
    expect(sizes.get('lz4-zstd')).toBe(sizes.get('zstd'));
  });
});
