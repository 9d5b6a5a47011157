import { describe, expect, it } from 'vitest';
import { Engine, keyAt, valueAt } from './engine.js';

/** Calls `check` before every call to the disk that is not made by `check` itself; returns how often. */
async function atEveryCall(
  engine: Engine,
  check: () => void,
  run: () => Promise<void>,
): Promise<number> {
  let calls = 0;
  let isChecking = false;
  // Kept here: the engine takes what a call to the disk throws for a failing disk.
  let failure: Error | undefined;
  engine.beforeCall = () => {
    if (isChecking) return;
    isChecking = true;
    try {
      calls++;
      check();
    } catch (error) {
      failure ??= error as Error;
    } finally {
      isChecking = false;
    }
  };
  await run();
  engine.beforeCall = undefined;
  if (failure !== undefined) throw failure;
  return calls;
}

describe('fault: a read during a flush that skips the frozen memtable', () => {
  it('gets and scans see everything at every call that a flush makes to the disk', async () => {
    const engine = await Engine.open();
    const { db } = engine;
    await engine.flush({ a: 'old', b: 'old', c: 'old' });
    db.putSync('b', 'new');
    db.deleteSync('c');
    db.putSync('d', 'new');
    const expected = [
      ['a', 'old'],
      ['b', 'new'],
      ['d', 'new'],
    ];
    const isFlushing: boolean[] = [];
    const check = (): void => {
      isFlushing.push(db.stats().memtables.immutable > 0);
      expect(db.getManySync(['a', 'b', 'c', 'd'])).toEqual(['old', 'new', undefined, 'new']);
      expect([...db.entriesSync()]).toEqual(expected);
    };
    const calls = await atEveryCall(engine, check, async () => {
      await db.flush();
      await engine.settle();
    });
    expect(calls).toBeGreaterThan(5);
    expect(isFlushing).toContain(true);
    check();
    await engine.close();
  });

  it('writes made meanwhile are seen over the frozen memtable', async () => {
    const engine = await Engine.open();
    engine.db.putSync('a', 'frozen');
    engine.db.putSync('b', 'frozen');
    const done = engine.db.flush();
    engine.db.putSync('b', 'active');
    expect(engine.db.getManySync(['a', 'b'])).toEqual(['frozen', 'active']);
    await done;
    expect(engine.db.getManySync(['a', 'b'])).toEqual(['frozen', 'active']);
    await engine.close();
  });
});

describe('fault: a scan or a get that mixes two versions of the table set', () => {
  it('both are right at every call that a compaction makes to the disk', async () => {
    const engine = await Engine.open();
    const { db } = engine;
    for (let i = 1; i <= 4; i++) {
      await engine.flush({ a: `${i}`, [`k${i}`]: 'kept', d: i < 4 ? 'x' : undefined, z: `${i}` });
    }
    db.putSync('m', '5');
    const expected = [...db.entriesSync()];
    let running = 0;
    const check = (): void => {
      if (db.stats().background.running.includes('compaction')) running++;
      expect(db.getManySync(['a', 'd', 'k1', 'm', 'z'])).toEqual([
        '4',
        undefined,
        'kept',
        '5',
        '4',
      ]);
      expect([...db.entriesSync()]).toEqual(expected);
    };
    await atEveryCall(engine, check, async () => {
      await db.compactRange();
      await engine.settle();
    });
    expect(running).toBeGreaterThan(5);
    expect(engine.shape).toEqual([0, 1]);
    check();
    await engine.close();
  });

  it('an iterator goes on over what was there when it began', async () => {
    const engine = await Engine.openFilled({ blockCacheBytes: 0 });
    const iterator = engine.db.entries();
    const found: string[] = [];
    for (let i = 0; i < 100; i++) {
      const { value } = (await iterator.next()) as IteratorYieldResult<[string, string]>;
      found.push(value[0]);
    }
    for (let i = 0; i < 400; i++) {
      if (i % 2 === 0) engine.db.deleteSync(keyAt(i));
      else engine.db.putSync(keyAt(i), 'new');
    }
    engine.db.putSync(`${keyAt(200)}+`, 'between');
    await engine.db.compactRange();
    for await (const [key, value] of iterator) {
      expect(value).toBe(valueAt(found.length));
      found.push(key);
    }
    expect(found).toEqual([...new Array(400).keys()].map(keyAt));
    expect([...engine.db.keysSync()].length).toBe(201);
    await engine.settle();
    await engine.close();
  });

  it('what an iterator reads stays on disk until it is closed', async () => {
    const engine = await Engine.open();
    for (let i = 0; i < 3; i++) await engine.flush({ a: `${i}`, z: `${i}` });
    const inputs = engine.tablePaths();
    const iterator = engine.db.entriesSync();
    await engine.db.compactRange();
    for (const input of inputs) expect(engine.tablePaths()).toContain(input);
    expect(engine.db.stats().tables.obsolete).toBe(3);
    iterator.close();
    await engine.settle();
    expect(engine.tablePaths().length).toBe(1);
    await engine.close();
  });
});
