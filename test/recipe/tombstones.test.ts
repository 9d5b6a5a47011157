import { describe, expect, it } from 'vitest';
import { Engine, keyAt } from './engine.js';
import { keysByLevel, openSmallRecipe } from './small-recipe.js';

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

describe('"Tombstone GC at last level"', () => {
  it('"L1 compaction:" "Action: Keep (L2+ might have old value)"', async () => {
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

  it('"Action: Drop (no lower levels, GC complete)": with the value it hid', async () => {
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

  it('"Only keep tombstone if lower levels might have this key": dropped otherwise, whatever its level', async () => {
    const engine = await Engine.openFilled();
    await compactDelete(engine, 'zebra', ['zoo', 'zx', 'zy', 'zz']);
    expect(engine.shape.slice(0, 2)).toEqual([0, 1]);
    expect(tombstones(engine)).toEqual([0, 0, 0]);
    expect(engine.db.stats().levels[1].entries).toBe(4);
    await engine.close();
  });

  it('"L4 compaction (last level):" the last of five levels drops it, those above keep it', async () => {
    const engine = await openSmallRecipe();
    const { db } = engine;
    const [key] = (await keysByLevel(engine.memory))[4];
    expect(db.getSync(key)).toBeDefined();
    const before = [...db.keysSync()].length;
    await engine.flush({ [key]: undefined, [`${key}!`]: 'new' });
    await engine.settle();
    expect(tombstones(engine).reduce((sum, count) => sum + count)).toBe(1);
    expect(db.getSync(key)).toBeUndefined();
    await db.compactRange();
    await engine.settle();
    expect(tombstones(engine)).toEqual([0, 0, 0, 0, 0]);
    expect(engine.shape.slice(0, 4)).toEqual([0, 0, 0, 0]);
    expect(db.stats().levels[4].entries).toBe(before);
    expect([...db.keysSync()].length).toBe(before);
    expect(db.getSync(key)).toBeUndefined();
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
