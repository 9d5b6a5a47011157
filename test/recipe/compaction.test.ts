import { describe, expect, it } from 'vitest';
import type { CompactionEvent } from '../../src/index.js';
import { Engine, readTable, show } from './engine.js';

describe('"Compact when L0 > 4 files"', () => {
  it('four files stay, the fifth starts the compaction of all five to L1', async () => {
    const engine = await Engine.open();
    const compactions: CompactionEvent[] = [];
    engine.db.on('compaction', (event) => compactions.push(event));
    for (let i = 1; i <= 4; i++) await engine.flush({ a: `${i}`, [`k${i}`]: `${i}`, z: `${i}` });
    await engine.settle();
    expect(engine.shape).toEqual([4]);
    expect(compactions).toEqual([]);
    await engine.flush({ a: '5', k5: '5', z: '5' });
    await engine.settle();
    expect(engine.shape).toEqual([0, 1]);
    expect(compactions).toMatchObject([
      { level: 0, outputLevel: 1, trivialMove: false, inputTables: 5, outputTables: 1 },
    ]);
    await engine.close();
  });

  it('"Increase L0 threshold": with a trigger of 8 the ninth file does', async () => {
    const engine = await Engine.open({ l0CompactionTrigger: 8 });
    for (let i = 1; i <= 8; i++) await engine.flush({ a: `${i}`, z: `${i}` });
    await engine.settle();
    expect(engine.shape).toEqual([8]);
    await engine.flush({ a: '9', z: '9' });
    await engine.settle();
    expect(engine.shape).toEqual([0, 1]);
    await engine.close();
  });
});

describe('"Merge L0 files during compaction (handle overlaps)"', () => {
  it('leaves one entry per key, the newest', async () => {
    const engine = await Engine.open();
    for (let i = 1; i <= 5; i++) await engine.flush({ a: `${i}`, [`k${i}`]: `${i}`, z: `${i}` });
    await engine.settle();
    const [path, ...others] = engine.tablePaths();
    expect(others).toEqual([]);
    expect((await readTable(engine.memory, path)).map(show)).toEqual([
      'a=5',
      'k1=1',
      'k2=2',
      'k3=3',
      'k4=4',
      'k5=5',
      'z=5',
    ]);
    expect(engine.db.stats().levels[1]).toMatchObject({ entries: 7, tombstones: 0 });
    await engine.close();
  });

  it('merges with what L1 holds already', async () => {
    const engine = await Engine.open();
    for (let i = 1; i <= 5; i++) await engine.flush({ a: `${i}`, b: `${i}`, z: `${i}` });
    await engine.settle();
    for (let i = 6; i <= 10; i++) await engine.flush({ a: `${i}`, c: `${i}`, z: `${i}` });
    await engine.settle();
    expect(engine.shape).toEqual([0, 1]);
    const [path, ...others] = engine.tablePaths();
    expect(others).toEqual([]);
    expect((await readTable(engine.memory, path)).map(show)).toEqual([
      'a=10',
      'b=5',
      'c=10',
      'z=10',
    ]);
    await engine.close();
  });

  it('"Delete old L0 files": the inputs go from the directory, nothing else does', async () => {
    const engine = await Engine.open();
    for (let i = 1; i <= 4; i++) await engine.flush({ a: `${i}`, z: `${i}` });
    const inputs = engine.tablePaths();
    await engine.flush({ a: '5', z: '5' });
    await engine.settle();
    expect(engine.tablePaths().length).toBe(1);
    for (const input of inputs) expect(engine.tablePaths()).not.toContain(input);
    expect(engine.db.stats().tables.obsolete).toBe(0);
    await engine.close();
  });

  it('moves a table that overlaps nothing without rewriting it', async () => {
    const engine = await Engine.open();
    const compactions: CompactionEvent[] = [];
    engine.db.on('compaction', (event) => compactions.push(event));
    for (let i = 1; i <= 5; i++) await engine.flush({ [`a${i}`]: '1', [`b${i}`.repeat(2)]: '1' });
    for (let i = 1; i <= 5; i++) await engine.flush({ [`m${i}`]: '1' });
    await engine.settle();
    const moves = compactions.filter((event) => event.trivialMove);
    expect(moves.length).toBeGreaterThan(0);
    for (const move of moves) expect(move).toMatchObject({ inputTables: 1, writtenBytes: 0 });
    expect([...engine.db.keysSync()].length).toBe(15);
    await engine.close();
  });
});

describe('after a compaction', () => {
  it('a new session reads the same', async () => {
    const engine = await Engine.open();
    for (let i = 1; i <= 7; i++) await engine.flush({ a: `${i}`, [`k${i}`]: `${i}`, z: `${i}` });
    await engine.settle();
    const before = [...engine.db.entriesSync()];
    const { shape } = engine;
    await engine.reopen();
    expect([...engine.db.entriesSync()]).toEqual(before);
    expect(engine.shape).toEqual(shape);
    await engine.close();
  });
});
