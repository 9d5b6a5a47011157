import { describe, expect, it } from 'vitest';
import { MemoryFileSystem, RecordingFileSystem } from '../../src/fs.js';
import { Engine, keyAt, valueAt } from '../recipe/engine.js';
import { LateDisk, turns } from './late-disk.js';
import {
  contentAfterPowerLoss,
  countOf,
  expectInOrder,
  makeStage,
  openText,
  pathsOf,
  settle,
  type Content,
} from './stage.js';

describe('a compaction', () => {
  it('outputs and their names are durable, then one record exchanges the tables, then the inputs go', async () => {
    const { calls } = makeStage();
    const db = await openText(calls);
    for (const value of ['1', '2']) {
      await db.put('k', value);
      await db.flush();
    }
    await settle(db);
    calls.clear();
    await db.compactRange();
    await settle(db);
    const { changes } = calls;
    expectInOrder(
      changes,
      /^write \d+\.sst/,
      /^sync \d+\.sst/,
      /^sync-directory \./,
      /^write MANIFEST/,
      /^sync MANIFEST/,
      /^remove \d+\.sst/,
      /^remove \d+\.sst/,
    );
    expect(countOf(changes, /^write MANIFEST/)).toBe(1);
    await db.close();
  });

  it('its inputs stay until its edit is durable', async () => {
    const disk = new LateDisk();
    const { calls } = makeStage(disk);
    const db = await openText(calls);
    for (const value of ['1', '2']) {
      await db.put('k', value);
      await db.flush();
    }
    await settle(db);
    const inputs = pathsOf(disk, /\.sst$/);
    const held = disk.hold('sync', /MANIFEST/);
    const compacted = db.compactRange();
    await turns();
    expect(calls.changes.at(-1)).toMatch(/^sync MANIFEST/);
    expect(pathsOf(disk, /\.sst$/)).toEqual(expect.arrayContaining(inputs));
    held.letGo();
    await compacted;
    await settle(db);
    expect(pathsOf(disk, /\.sst$/)).toHaveLength(1);
    await db.close();
  });

  it('power loss or the death of the process at any of its calls: nothing is lost, nothing comes back', async () => {
    const memory = new MemoryFileSystem();
    const survivors: MemoryFileSystem[] = [];
    let isWatched = false;
    const fs = new RecordingFileSystem(memory, {
      beforeCall: (operation) => {
        if (isWatched && operation !== 'read') survivors.push(memory.clone());
      },
    });
    const db = await openText(fs);
    const disk = { durability: 'disk' } as const;
    await db.put('a', 'old', disk);
    await db.put('gone', 'old', disk);
    await db.flush();
    await db.put('a', 'new', disk);
    await db.delete('gone', disk);
    await db.put('z', '1', disk);
    await db.flush();
    await settle(db);
    isWatched = true;
    await db.compactRange();
    await settle(db);
    isWatched = false;
    await db.close();
    const found: Content[] = [];
    for (const survivor of survivors) {
      for (const keep of [0, 1]) found.push(await contentAfterPowerLoss(survivor, keep));
    }
    expect(found.length).toBeGreaterThan(20);
    for (const content of found) expect(content).toEqual({ a: 'new', z: '1' });
  });

  it('a table stays as long as an iterator may come to it', async () => {
    const db = await openText(makeStage().memory, { tableBytes: 16 * 1024 });
    const keys = Array.from({ length: 30 }, (_, i) => `k${100 + i}`);
    for (const key of keys) await db.put(key, 'old'.padEnd(3000));
    await db.compactRange();
    expect(db.stats().levels.at(-1)!.tables).toBeGreaterThan(3);
    // It opens the tables of a level one after the other.
    const iterator = db.entriesSync();
    const seen = [iterator.next().value![1].trim()];
    for (const key of keys) await db.put(key, 'new'.padEnd(3000));
    await db.compactRange();
    expect(db.stats().tables.obsolete).toBeGreaterThan(3);
    try {
      for (const [, value] of iterator) seen.push(value.trim());
    } catch (error) {
      seen.push(String(error));
    }
    expect(seen).toEqual(keys.map(() => 'old'));
    await settle(db);
    expect(db.stats().tables.obsolete).toBe(0);
    await db.close();
  });

  it('its counters are in its edit: a power loss behind it forgets none', async () => {
    const { memory } = makeStage();
    const db = await openText(memory);
    for (const value of ['1', '2']) {
      await db.put('k', value.padEnd(500), { durability: 'disk' });
      await db.flush();
    }
    await db.compactRange();
    await settle(db);
    const { levels, written } = db.stats();
    expect(written.compactionBytes).toBeGreaterThan(0);
    const survivor = memory.clone().crash({ keep: 0, random: { u32: () => 0 } });
    await db.close();
    const again = await openText(survivor);
    expect(again.stats().written).toEqual(written);
    expect(again.stats().levels.map((level) => level.writtenBytes)).toEqual(
      levels.map((level) => level.writtenBytes),
    );
    await again.close();
  });
});

describe('a tombstone', () => {
  it('stays while a deeper level holds its key, at every step down', async () => {
    const engine = await Engine.openFilled();
    const gone = keyAt(3);
    for (let round = 0; round < 8; round++) {
      await engine.flush({ [gone]: undefined, [keyAt(4)]: `${round}`, [keyAt(5)]: '5' });
      await engine.settle();
      expect(engine.db.getSync(gone)).toBeUndefined();
    }
    expect(engine.db.stats().levels[1].tombstones).toBeGreaterThan(0);
    expect(engine.db.getSync(keyAt(6))).toBe(valueAt(6));
    await engine.close();
  });

  it('stays while a snapshot needs what it hides, and goes when none does', async () => {
    const db = await openText(makeStage().memory);
    await db.put('k', 'old');
    const snapshot = db.snapshot();
    await db.delete('k');
    await db.compactRange();
    expect(db.getSync('k')).toBeUndefined();
    expect([...db.keysSync()]).toEqual([]);
    expect(snapshot.getSync('k')).toBe('old');
    snapshot.close();
    await db.compactRange();
    await settle(db);
    expect(db.stats().levels.every((level) => level.entries === 0)).toBe(true);
    await db.close();
  });
});

describe('the versions of one key', () => {
  it('that snapshots need stay together in one table of a level, however large they are', async () => {
    const db = await openText(makeStage().memory, { tableBytes: 16 * 1024 });
    const snapshots = [];
    for (let i = 0; i < 8; i++) {
      await db.put('a', 'a'.repeat(5000));
      await db.put('k', `${i}`.padEnd(5000));
      snapshots.push(db.snapshot());
    }
    const outcome = await db.compactRange().then(
      () => 'compacted',
      (error: unknown) => String(error),
    );
    expect(outcome).toBe('compacted');
    for (const [i, snapshot] of snapshots.entries()) {
      expect(snapshot.getSync('k')?.trim()).toBe(`${i}`);
    }
    expect((await db.verify()).damages).toEqual([]);
    await db.close();
  });
});
