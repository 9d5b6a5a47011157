import { describe, expect, it } from 'vitest';
import { Engine, keyAt } from './engine.js';

/** Five L0 tables, one more than the trigger; each deletes `deleted` and writes `written`. */
async function compactDelete(engine: Engine, deleted: string, written: string[]): Promise<void> {
  for (let round = 0; round < 5; round++) {
    const entries: Record<string, string | undefined> = { [deleted]: undefined };
    for (const key of written) entries[key] = `round ${round}`;
    await engine.flush(entries);
  }
  await engine.settle();
}

function tombstones(engine: Engine): number[] {
  return engine.db.stats().levels.map((level) => level.tombstones);
}

describe('"Tombstone Handling"', () => {
  it('"L1 compaction: Keep (L2+ might have old value)"', async () => {
    const engine = await Engine.openFilled();
    await compactDelete(engine, keyAt(3), [keyAt(4), keyAt(5)]);
    expect(engine.shape.slice(0, 2)).toEqual([0, 1]);
    expect(tombstones(engine)).toEqual([0, 1, 0]);
    expect(engine.db.stats().levels[2].entries).toBe(400);
    expect(engine.db.getSync(keyAt(3))).toBeUndefined();
    expect([...engine.db.keysSync({ limit: 4 })]).toEqual([0, 1, 2, 4].map(keyAt));
    await engine.reopen();
    expect(engine.db.getSync(keyAt(3))).toBeUndefined();
    await engine.close();
  });

  it('"last level: Drop (no lower levels, GC complete)": with the value it hid', async () => {
    const engine = await Engine.openFilled();
    await compactDelete(engine, keyAt(3), [keyAt(4), keyAt(5)]);
    await engine.db.compactRange();
    await engine.settle();
    expect(engine.shape.slice(0, 2)).toEqual([0, 0]);
    expect(tombstones(engine)).toEqual([0, 0, 0]);
    expect(engine.db.stats().levels[2].entries).toBe(399);
    expect(engine.db.hasSync(keyAt(3))).toBe(false);
    await engine.close();
  });

  it('drops one that no deeper table can have a value for, whatever its level', async () => {
    const engine = await Engine.openFilled();
    await compactDelete(engine, 'zebra', ['zoo', 'zx', 'zy', 'zz']);
    expect(engine.shape.slice(0, 2)).toEqual([0, 1]);
    expect(tombstones(engine)).toEqual([0, 0, 0]);
    expect(engine.db.stats().levels[1].entries).toBe(4);
    await engine.close();
  });

  it('gives the space back when everything is deleted', async () => {
    const engine = await Engine.openFilled();
    for (let i = 0; i < 400; i++) engine.db.deleteSync(keyAt(i));
    await engine.db.compactRange();
    await engine.settle();
    expect(engine.shape).toEqual([]);
    expect(engine.tablePaths()).toEqual([]);
    expect([...engine.db.keysSync()]).toEqual([]);
    await engine.close();
  });

  it('a key that is written again after its deletion is there', async () => {
    const engine = await Engine.openFilled();
    await compactDelete(engine, keyAt(3), [keyAt(4), keyAt(5)]);
    await engine.flush({ [keyAt(3)]: 'again' });
    await engine.db.compactRange();
    expect(engine.db.getSync(keyAt(3))).toBe('again');
    expect(tombstones(engine)).toEqual([0, 0, 0]);
    await engine.close();
  });
});
