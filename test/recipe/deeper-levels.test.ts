import { describe, expect, it } from 'vitest';
import { countProbes, Engine, filledCount as count, keyAt, rangesOf, valueAt } from './engine.js';

/** L2 full of tables; L1 with some tables over the same keys; nothing above. */
async function threeLevels(): Promise<Engine> {
  const engine = await Engine.openFilled();
  for (let round = 0; round < 5; round++) {
    const entries: Record<string, string> = {};
    for (let i = 0; i < count; i += 8) entries[keyAt(i)] = `new ${round} `.padEnd(500, 'y');
    await engine.flush(entries);
  }
  await engine.settle();
  const [atL0, atL1, atL2] = engine.shape;
  expect(atL0).toBe(0);
  expect(atL1).toBeGreaterThanOrEqual(2);
  expect(atL2).toBeGreaterThanOrEqual(10);
  await engine.reopen();
  return engine;
}

describe('"Level 1+ (sorted, non-overlapping)", "Range partitioned"', () => {
  it('"Partition L1+ into non-overlapping ranges": tables of one level do not overlap', async () => {
    const engine = await Engine.openFilled();
    const ranges = await rangesOf(engine.memory, engine.tablePaths());
    expect(engine.shape).toEqual([0, 0, ranges.length]);
    expect(ranges.length).toBeGreaterThanOrEqual(10);
    expect(ranges[0].smallest).toBe(keyAt(0));
    expect(ranges.at(-1)!.largest).toBe(keyAt(count - 1));
    for (let i = 1; i < ranges.length; i++) {
      expect(ranges[i - 1].largest < ranges[i].smallest, `table ${i}`).toBe(true);
    }
    await engine.close();
  });

  it('"Start new partition if needed": a compaction begins a new table at the target size', async () => {
    const engine = await Engine.open({ tableBytes: 32 * 1024, memtableBytes: 1024 * 1024 });
    for (let round = 0; round < 5; round++) {
      for (let i = 0; i < count; i++) engine.db.putSync(keyAt(i), valueAt(i));
      await engine.db.flush();
    }
    await engine.settle();
    const ranges = await rangesOf(engine.memory, engine.tablePaths());
    expect(engine.shape).toEqual([0, ranges.length]);
    expect(ranges.length).toBeGreaterThanOrEqual(10);
    for (const { fileSize } of ranges) expect(fileSize).toBeLessThan(36 * 1024);
    for (const { fileSize } of ranges.slice(0, -1)) expect(fileSize).toBeGreaterThan(30 * 1024);
    await engine.close();
  });

  it('"10x size per level": each level has a tenth of the next as its target', async () => {
    const engine = await threeLevels();
    const levels = engine.db.stats().levels;
    expect(levels[1].targetBytes).toBeGreaterThan(0);
    expect(Math.abs(levels[2].bytes / levels[1].targetBytes - 10)).toBeLessThan(0.01);
    expect(levels[1].bytes).toBeLessThanOrEqual(levels[1].targetBytes);
    await engine.close();
  });
});

describe('"Multi-level lookup (memtable → L0 → L1+)"', () => {
  it('finds the newest version wherever it is', async () => {
    const engine = await threeLevels();
    await engine.flush({ [keyAt(16)]: 'in L0', [keyAt(17)]: 'in L0' });
    engine.db.putSync(keyAt(17), 'in the memtable');
    const { db } = engine;
    expect(db.getSync(keyAt(17))).toBe('in the memtable');
    expect(db.getSync(keyAt(16))).toBe('in L0');
    expect(db.getSync(keyAt(24))).toBe('new 4 '.padEnd(500, 'y'));
    expect(db.getSync(keyAt(25))).toBe(valueAt(25));
    expect(await db.getMany([keyAt(17), keyAt(25), 'absent'])).toEqual([
      'in the memtable',
      valueAt(25),
      undefined,
    ]);
    await engine.close();
  });

  it('"3. Check L1+ (binary search for range, then check file)": one table is opened in each deeper level, found by its range', async () => {
    const engine = await threeLevels();
    engine.recording.clear();
    expect(countProbes(engine.db, () => engine.db.getSync(keyAt(25)))).toBe(2);
    const opened = engine.recording.lines.filter((line) => line.startsWith('open '));
    expect(opened.length).toBe(2);
    expect(new Set(opened).size).toBe(2);
    await engine.close();
  });

  it('a level that has the key ends the search', async () => {
    const engine = await threeLevels();
    engine.recording.clear();
    expect(countProbes(engine.db, () => engine.db.getSync(keyAt(24)))).toBe(1);
    expect(engine.recording.lines.filter((line) => line.startsWith('open ')).length).toBe(1);
    await engine.close();
  });

  it('all keys: never more than one table per level', async () => {
    const engine = await threeLevels();
    for (let i = 0; i < count; i++) {
      const expected = i % 8 === 0 ? 'new 4 '.padEnd(500, 'y') : valueAt(i);
      expect(engine.db.getSync(keyAt(i)), keyAt(i)).toBe(expected);
    }
    expect(engine.db.stats().readAmplification).toBeLessThanOrEqual(2);
    await engine.close();
  });

  it('a scan goes through all levels in key order, both ways', async () => {
    const engine = await threeLevels();
    engine.db.deleteSync(keyAt(3));
    const forward = [...engine.db.keysSync()];
    expect(forward).toEqual(
      [...new Array(count).keys()].filter((i) => i !== 3).map((i) => keyAt(i)),
    );
    expect([...engine.db.keysSync({ reverse: true })]).toEqual(forward.reverse());
    await engine.close();
  });
});
