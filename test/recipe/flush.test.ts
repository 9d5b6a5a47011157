import { describe, expect, it } from 'vitest';
import { presets } from '../../src/db/presets.js';
import { Engine, readTable, show } from './engine.js';

describe('"Flush sorted memtable to L0 SSTable"', () => {
  it('"MemTable (sorted in-memory)", "Fast writes (insert/update/del)": one L0 table, in key order, one entry per key', async () => {
    const engine = await Engine.open();
    await engine.flush({ pear: '1', apple: '1', fig: '1', kiwi: '1' });
    expect(engine.shape).toEqual([1]);
    await engine.flush({ pear: '2', apple: undefined });
    expect(engine.shape).toEqual([2]);
    const [first, second] = engine.tablePaths();
    expect((await readTable(engine.memory, first)).map(show)).toEqual([
      'apple=1',
      'fig=1',
      'kiwi=1',
      'pear=1',
    ]);
    expect((await readTable(engine.memory, second)).map(show)).toEqual(['apple deleted', 'pear=2']);
    await engine.close();
  });

  it('keeps of a key written often only the newest version', async () => {
    const engine = await Engine.open();
    for (let i = 0; i < 50; i++) engine.db.putSync('counter', String(i));
    await engine.db.flush();
    expect(engine.db.stats().levels[0]).toMatchObject({ tables: 1, entries: 1 });
    const [path] = engine.tablePaths();
    expect((await readTable(engine.memory, path)).map(show)).toEqual(['counter=49']);
    await engine.close();
  });

  it('"Limited size (64MB typical)", "Flush when full": a memtable of its size is flushed by itself, and its log goes', async () => {
    const engine = await Engine.open();
    const logs = (): number =>
      [...engine.memory.snapshotFiles().keys()].filter((path) => path.endsWith('.log')).length;
    const before = logs();
    const value = 'x'.repeat(1000);
    let flushes = 0;
    engine.db.on('flush', () => flushes++);
    for (let i = 0; i < 200; i++) await engine.db.put(`key${1000 + i}`, value);
    await engine.settle();
    expect(presets.recipe.memtableBytes).toBe(64_000_000);
    // 200 KB through memtables of 64 KiB.
    expect(flushes).toBeGreaterThanOrEqual(2);
    expect(engine.shape[0]).toBe(flushes);
    expect(engine.db.stats().memtables).toMatchObject({ immutable: 0 });
    expect(engine.db.stats().memtables.activeBytes).toBeLessThanOrEqual(64 * 1024);
    expect(logs()).toBe(before);
    expect([...engine.db.keysSync()].length).toBe(200);
    await engine.close();
  });

  it('"No size limit per file (based on memtable size)": a flush makes one table, however large', async () => {
    const engine = await Engine.open({ memtableBytes: 1024 * 1024, tableBytes: 32 * 1024 });
    await engine.flush({ a: 'x'.repeat(200_000), b: 'y'.repeat(200_000), c: 'z'.repeat(200_000) });
    expect(engine.shape).toEqual([1]);
    expect(engine.db.stats().levels[0].bytes).toBeGreaterThan(600_000);
    await engine.close();
  });

  it('does nothing when there is nothing to flush', async () => {
    const engine = await Engine.open();
    await engine.db.flush();
    expect(engine.shape).toEqual([]);
    expect(engine.tablePaths()).toEqual([]);
    await engine.close();
  });
});
