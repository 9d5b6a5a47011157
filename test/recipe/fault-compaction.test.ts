import { describe, expect, it } from 'vitest';
import { crashPoints, inspect } from './crash-points.js';
import { Engine, keyAt, rangesOf, readTable, show, valueAt } from './engine.js';

describe('fault: L0→L1 that ignores the overlapping L1 files', () => {
  it('afterwards each key has one entry, and L1 tables do not overlap', async () => {
    const engine = await Engine.open({ memtableBytes: 1024 * 1024 });
    for (let round = 0; round < 15; round++) {
      for (let i = round % 3; i < 100; i += 3) {
        engine.db.putSync(keyAt(i), `${round} `.padEnd(1000, 'v'));
      }
      await engine.db.flush();
      await engine.settle();
    }
    expect(engine.shape[0]).toBe(0);
    expect(engine.shape[1]).toBeGreaterThan(3);
    expect(engine.db.stats().levels[1].entries).toBe(100);
    const ranges = await rangesOf(engine.memory, engine.tablePaths());
    for (let i = 1; i < ranges.length; i++) {
      expect(ranges[i - 1].largest < ranges[i].smallest).toBe(true);
    }
    for (let i = 0; i < 100; i++) {
      expect(engine.db.getSync(keyAt(i))).toMatch(new RegExp(`^${12 + (i % 3)} `));
    }
    await engine.close();
  });
});

/** Four L0 tables that overlap; what they hold together. */
async function fourTables(): Promise<[Engine, [string, string][]]> {
  const engine = await Engine.open();
  for (let i = 1; i <= 4; i++) {
    await engine.flush({ a: `${i}`, [`k${i}`]: 'kept', d: i < 4 ? 'x' : undefined, z: `${i}` });
  }
  await engine.db.sync();
  return [engine, [...engine.db.entriesSync()]];
}

describe('fault: inputs deleted one by one before the result is installed', () => {
  it('power loss at any call of a compaction loses nothing', async () => {
    const [engine, expected] = await fourTables();
    const points = await crashPoints(engine, async () => {
      await engine.db.compactRange();
      await engine.settle();
    });
    expect(points.length).toBeGreaterThan(40);
    const shapes = new Set<string>();
    for (const point of points) {
      await inspect(point, ({ db, shape }) => {
        expect([...db.entriesSync()]).toEqual(expected);
        shapes.add(shape.join());
      });
    }
    // Either all inputs or the one result, never a mixture.
    expect([...shapes].sort()).toEqual(['0,1', '4']);
    await engine.close();
  });

  it('the order: output synced, its name synced, one edit synced, only then the inputs go', async () => {
    const [engine] = await fourTables();
    engine.recording.clear();
    await engine.db.compactRange();
    await engine.settle();
    const changes = engine.recording.changes.filter((line) => !/\.log/.test(line));
    const at = (pattern: RegExp): number => changes.findIndex((line) => pattern.test(line));
    const order = [
      at(/^create \d+\.sst/),
      at(/^sync \d+\.sst/),
      at(/^sync-directory \./),
      at(/^write MANIFEST/),
      at(/^sync MANIFEST/),
      at(/^remove \d+\.sst/),
    ];
    expect(order).not.toContain(-1);
    expect(order).toEqual([...order].sort((a, b) => a - b));
    expect(changes.filter((line) => /^remove \d+\.sst/.test(line)).length).toBe(4);
    await engine.close();
  });
});

describe('fault: compaction logged as several records', () => {
  it('a manifest cut at any byte of the edit shows all of the compaction or nothing', async () => {
    const [engine, expected] = await fourTables();
    const manifest = [...engine.memory.snapshotFiles().keys()].find((path) =>
      path.includes('MANIFEST'),
    )!;
    const before = engine.memory.readBytes(manifest).length;
    let withInputs = engine.memory.clone();
    engine.beforeCall = (operation, path) => {
      if (operation === 'remove' && path.endsWith('.sst') && engine.tablePaths().length === 5) {
        withInputs = engine.memory.clone();
      }
    };
    await engine.db.compactRange();
    await engine.settle();
    const whole = withInputs.readBytes(manifest);
    expect(whole.length).toBeGreaterThan(before + 50);
    for (let length = before; length <= whole.length; length++) {
      const survivor = withInputs.clone();
      survivor.writeBytes(manifest, whole.slice(0, length));
      await inspect(survivor, ({ db, shape }) => {
        expect([...db.entriesSync()]).toEqual(expected);
        expect(shape).toEqual(length < whole.length ? [4] : [0, 1]);
      });
    }
    await engine.close();
  });
});

describe('fault: output file numbers that restart and overwrite live files', () => {
  it('no session and no crash gives a number twice', async () => {
    const seen = new Set<string>();
    let engine = await Engine.open();
    for (let session = 0; session < 6; session++) {
      for (let i = 0; i < 6; i++) await engine.flush({ a: `${session} ${i}`, [`k${session}`]: '' });
      await engine.settle();
      for (const line of engine.recording.changes) {
        const name = /^create (\d+\.(?:sst|log)|MANIFEST-\d+)$/.exec(line)?.[1];
        if (name === undefined) continue;
        expect(seen, `${name} in session ${session}`).not.toContain(name);
        seen.add(name);
      }
      engine.recording.clear();
      if (session % 2 === 0) await engine.reopen();
      else {
        const survivor = engine.memory.clone();
        await engine.close();
        engine = await Engine.open({}, survivor);
      }
    }
    expect(seen.size).toBeGreaterThan(36);
    expect(engine.db.getSync('a')).toBe('5 5');
    await engine.close();
  });
});

describe("fault: one user key's versions split so that an old one surfaces", () => {
  it('versions kept for snapshots, larger than a table, stay in one', async () => {
    const engine = await Engine.open({ memtableBytes: 1024 * 1024 });
    const { db } = engine;
    for (const key of ['a', 'b', 'y', 'z']) db.putSync(key, 'x'.repeat(6000));
    const snapshots = [];
    for (let i = 0; i < 60; i++) {
      db.putSync('m', `${i} `.padEnd(1000, 'v'));
      snapshots.push(db.snapshot());
      if (i % 20 === 19) await db.flush();
    }
    await db.compactRange();
    await engine.settle();
    expect(engine.shape.length).toBe(2);
    const holders: string[] = [];
    for (const path of engine.tablePaths()) {
      const entries = await readTable(engine.memory, path);
      if (entries.some((entry) => show(entry).startsWith('m='))) holders.push(path);
    }
    expect(holders.length).toBe(1);
    expect(engine.tablePaths().length).toBeGreaterThan(1);
    for (const [i, snapshot] of snapshots.entries()) {
      expect(db.getSync('m', { snapshot })).toMatch(new RegExp(`^${i} `));
    }
    expect(db.getSync('m')).toMatch(/^59 /);
    expect([...db.keysSync()]).toEqual(['a', 'b', 'm', 'y', 'z']);
    await engine.close();
  });
});

describe('fault: `compactRange` that does nothing', () => {
  it('brings everything to the deepest level, drops what is deleted and overwritten', async () => {
    const engine = await Engine.open();
    for (let i = 0; i < 4; i++) {
      await engine.flush({ a: `${i}`.repeat(1000), k: i < 3 ? 'x' : undefined, z: `${i}` });
    }
    await engine.settle();
    expect(engine.shape).toEqual([4]);
    const before = engine.db.stats().levels[0].bytes;
    await engine.db.compactRange();
    await engine.settle();
    expect(engine.shape).toEqual([0, 1]);
    const [, level1] = engine.db.stats().levels;
    expect(level1).toMatchObject({ entries: 2, tombstones: 0 });
    expect(level1.bytes).toBeLessThan(before / 2);
    expect(engine.db.stats().written.compactionBytes).toBe(level1.rawBytes);
    await engine.close();
  });

  it('of a range leaves other ranges alone', async () => {
    const engine = await Engine.openFilled();
    await engine.flush({ [keyAt(3)]: undefined });
    await engine.flush({ [keyAt(300)]: undefined });
    await engine.db.compactRange({ lt: keyAt(100) });
    await engine.settle();
    expect(engine.shape.slice(0, 2)).toEqual([1, 0]);
    expect(engine.db.stats().levels[2].entries).toBe(399);
    expect(engine.db.getSync(keyAt(2))).toBe(valueAt(2));
    await engine.close();
  });
});
