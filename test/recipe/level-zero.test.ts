import { describe, expect, it } from 'vitest';
import { countProbes, Engine } from './engine.js';

/** The page's "Example L0": l0_001 [a, m], l0_002 [d, z], l0_003 [b, k]. */
async function exampleLevel0(): Promise<Engine> {
  const engine = await Engine.open({ bloomBitsPerKey: 0 });
  await engine.flush({ a: 'l0_001', g: 'l0_001', h: 'l0_001', m: 'l0_001' });
  await engine.flush({ d: 'l0_002', h: 'l0_002', z: 'l0_002' });
  await engine.flush({ b: 'l0_003', h: 'l0_003', k: 'l0_003' });
  expect(engine.shape).toEqual([3]);
  await engine.reopen();
  return engine;
}

describe('"Level 0 (unsorted SSTables)": "Multiple overlapping files", "Direct memtable flushes"', () => {
  it('"Files can overlap (different memtable flush times)", "Requires checking ALL L0 files for a key": "Must check: l0_001, l0_002, l0_003 (all overlap "f")"', async () => {
    const engine = await exampleLevel0();
    expect(countProbes(engine.db, () => engine.db.getSync('f'))).toBe(3);
    await engine.close();
  });

  it('asks only the files whose range has the key', async () => {
    const engine = await exampleLevel0();
    engine.recording.clear();
    expect(countProbes(engine.db, () => engine.db.getSync('n'))).toBe(1);
    expect(engine.recording.lines.filter((line) => /^open .*\.sst$/.test(line)).length).toBe(1);
    await engine.close();
  });

  it('"4. Not found": asks no file for a key outside all of them', async () => {
    const engine = await exampleLevel0();
    engine.recording.clear();
    const read = (): string[] => [engine.db.getSync('0')!, engine.db.getSync('zz')!];
    expect(countProbes(engine.db, read)).toBe(0);
    expect(engine.recording.lines).toEqual([]);
    await engine.close();
  });

  it('"2. Check L0 (must check ALL files, newest first)": the newest file that has the key answers, older ones are not asked', async () => {
    const engine = await exampleLevel0();
    let value: string | undefined;
    expect(countProbes(engine.db, () => (value = engine.db.getSync('h')))).toBe(1);
    expect(value).toBe('l0_003');
    await engine.close();
  });

  it('goes on to older files until one has the key', async () => {
    const engine = await exampleLevel0();
    let value: string | undefined;
    expect(countProbes(engine.db, () => (value = engine.db.getSync('g')))).toBe(3);
    expect(value).toBe('l0_001');
    expect([...engine.db.entriesSync()]).toEqual([
      ['a', 'l0_001'],
      ['b', 'l0_003'],
      ['d', 'l0_002'],
      ['g', 'l0_001'],
      ['h', 'l0_003'],
      ['k', 'l0_003'],
      ['m', 'l0_001'],
      ['z', 'l0_002'],
    ]);
    await engine.close();
  });

  it('"1. Check memtable (newest data)": before all of L0', async () => {
    const engine = await exampleLevel0();
    engine.db.putSync('h', 'memtable');
    let value: string | undefined;
    expect(countProbes(engine.db, () => (value = engine.db.getSync('h')))).toBe(0);
    expect(value).toBe('memtable');
    await engine.close();
  });
});
