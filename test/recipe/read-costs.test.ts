import { describe, expect, it } from 'vitest';
import { Engine, keyAt } from './engine.js';

/** Keys between the stored ones: in the range of a table, but in none. */
function absentKeys(count: number): string[] {
  return [...new Array(count).keys()].map((i) => `${keyAt(i)}?`);
}

describe('"Use bloom filters at all levels (9x fewer disk reads)"', () => {
  async function readsForAbsentKeys(bloomBitsPerKey: number): Promise<number> {
    const engine = await Engine.openFilled({ bloomBitsPerKey, blockCacheBytes: 0 });
    for (let i = 0; i < 3; i++) await engine.flush({ [keyAt(0)]: 'new', [keyAt(399)]: 'new' });
    expect(engine.shape[0]).toBe(3);
    await engine.reopen();
    // Opens the tables and reads their filters.
    for (const key of absentKeys(399)) engine.db.hasSync(key);
    engine.recording.clear();
    for (const key of absentKeys(399)) expect(engine.db.hasSync(key)).toBe(false);
    const reads = engine.recording.lines.filter((line) => line.startsWith('read ')).length;
    await engine.close();
    return reads;
  }

  it('absent keys read no blocks, or far fewer than without filters', async () => {
    const without = await readsForAbsentKeys(0);
    // Three L0 tables each time, and one of L2 for all but the keys between two of its tables.
    expect(without).toBeGreaterThanOrEqual(399 * 3.9);
    expect(await readsForAbsentKeys(10)).toBeLessThan(without / 9);
  });

  it('stats() say how often the filters were right', async () => {
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

describe('"Cache hot levels"', () => {
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

describe('"Use Zstd compression for deep levels (save disk space)"', () => {
  it('by default the last level is Zstd, those above LZ4', async () => {
    const sizes = new Map<string, number>();
    for (const compression of ['none', 'lz4', 'zstd', undefined] as const) {
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
    expect(sizes.get('undefined')).toBe(sizes.get('zstd'));
  });
});
