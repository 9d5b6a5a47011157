import { describe, expect, it } from 'vitest';
import { Engine, keyAt, valueAt, type TextDatabase } from './engine.js';

async function expectAbsent(db: TextDatabase, key: string): Promise<void> {
  expect(db.getSync(key)).toBeUndefined();
  expect(db.hasSync(key)).toBe(false);
  expect(db.getEntrySync(key)).toBeUndefined();
  expect(db.getManySync([key])).toEqual([undefined]);
  expect(await db.get(key)).toBeUndefined();
  expect(await db.has(key)).toBe(false);
  expect(await db.getEntry(key)).toBeUndefined();
  expect(await db.getMany([key])).toEqual([undefined]);
  expect([...db.keysSync({ prefix: key })]).toEqual([]);
  expect([...db.entriesSync({ gte: key, lte: key, reverse: true })]).toEqual([]);
}

describe('fault: a memtable that cannot hold a delete', () => {
  it('the delete of a key whose value is in a table hides it at once', async () => {
    const engine = await Engine.open();
    await engine.flush({ k: 'old' });
    engine.db.deleteSync('k');
    await expectAbsent(engine.db, 'k');
    await engine.close();
  });

  it('and still does when it came back from the log alone', async () => {
    const engine = await Engine.open();
    await engine.flush({ k: 'old' });
    engine.db.deleteSync('k');
    await engine.reopen();
    expect(engine.db.stats().memtables.activeEntries).toBe(1);
    await expectAbsent(engine.db, 'k');
    await engine.close();
  });
});

describe('fault: a tombstone returned to the caller as a hit', () => {
  it('from the memtable, L0, L1: every read says absent', async () => {
    const engine = await Engine.openFilled();
    engine.db.deleteSync(keyAt(3));
    await expectAbsent(engine.db, keyAt(3));
    for (let i = 0; i < 4; i++) await engine.flush({ [keyAt(3)]: undefined, [keyAt(4)]: '4' });
    expect(engine.shape[0]).toBe(4);
    await expectAbsent(engine.db, keyAt(3));
    await engine.flush({ [keyAt(3)]: undefined, [keyAt(4)]: '4', [keyAt(5)]: '5' });
    await engine.settle();
    expect(engine.db.stats().levels[1].tombstones).toBe(1);
    await expectAbsent(engine.db, keyAt(3));
    await engine.close();
  });

  it('an empty value is not a tombstone', async () => {
    const engine = await Engine.open();
    await engine.flush({ k: '' });
    await engine.db.compactRange();
    expect(engine.db.getSync('k')).toBe('');
    expect(engine.db.hasSync('k')).toBe(true);
    expect([...engine.db.entriesSync()]).toEqual([['k', '']]);
    await engine.close();
  });
});

describe('fault: a tombstone dropped although an older entry outside the inputs needs it', () => {
  it('a deeper table holds the key: it stays absent through every step down', async () => {
    const engine = await Engine.openFilled();
    for (let round = 0; round < 12; round++) {
      await engine.flush({ [keyAt(3)]: undefined, [keyAt(4)]: `${round}`, [keyAt(5)]: '5' });
      await engine.settle();
      await expectAbsent(engine.db, keyAt(3));
    }
    await engine.db.compactRange({ gte: keyAt(3), lte: keyAt(3) });
    await expectAbsent(engine.db, keyAt(3));
    await engine.close();
  });

  it('an L0 table that is left out holds the key', async () => {
    // The oldest table reaches over all keys; a greedy choice takes only the newest ones.
    const engine = await Engine.open({ l0CompactionTrigger: 2, l0SlowdownTables: 20 });
    await engine.flush({ a: 'old', k: 'old', z: 'old' });
    for (let i = 0; i < 8; i++) {
      await engine.flush({ k: undefined, [`k${i}`]: 'new' });
      expect(engine.db.getSync('k')).toBeUndefined();
      await engine.settle();
      expect(engine.db.getSync('k')).toBeUndefined();
    }
    await engine.db.compactRange({ gte: 'k', lt: 'l' });
    expect(engine.db.getSync('k')).toBeUndefined();
    expect([...engine.db.keysSync({ lt: 'k0' })]).toEqual(['a']);
    await engine.close();
  });

  it('an older snapshot sees the value: the tombstone and the value stay until it is closed', async () => {
    const engine = await Engine.open();
    await engine.flush({ a: 'old', k: 'old', z: 'old' });
    const snapshot = engine.db.snapshot();
    await engine.flush({ k: undefined });
    await engine.db.compactRange();
    await engine.settle();
    expect(engine.db.getSync('k')).toBeUndefined();
    expect(engine.db.getSync('k', { snapshot })).toBe('old');
    expect([...engine.db.keysSync({ snapshot })]).toEqual(['a', 'k', 'z']);
    expect(engine.db.stats().levels[1]).toMatchObject({ entries: 4, tombstones: 1 });
    snapshot.close();
    await engine.db.compactRange();
    await engine.settle();
    expect(engine.db.stats().levels[1]).toMatchObject({ entries: 2, tombstones: 0 });
    await engine.close();
  });
});

describe('fault: a tombstone never dropped, because "last level" is hard-coded', () => {
  it('L1 is the last level here, and a compaction into it drops them', async () => {
    const engine = await Engine.open();
    for (let i = 0; i < 5; i++) {
      await engine.flush({ a: `${i}`, b: `${i}`, c: `${i}`, k: undefined, z: `${i}` });
    }
    await engine.settle();
    expect(engine.shape).toEqual([0, 1]);
    expect(engine.db.stats().levels[1]).toMatchObject({ entries: 4, tombstones: 0 });
    await engine.close();
  });

  it('so does one into L2, when that is the last', async () => {
    const engine = await Engine.openFilled();
    await engine.flush({ [keyAt(3)]: undefined, absent: undefined });
    await engine.db.compactRange();
    await engine.settle();
    const { levels } = engine.db.stats();
    expect(levels.map((level) => level.tombstones)).toEqual([0, 0, 0]);
    expect(levels[2].entries).toBe(399);
    expect(engine.db.getSync(keyAt(4))).toBe(valueAt(4));
    await engine.close();
  });
});
