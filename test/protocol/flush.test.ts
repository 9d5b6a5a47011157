import { describe, expect, it } from 'vitest';
import { LateDisk, turns } from './late-disk.js';
import {
  between,
  contentAfterPowerLoss,
  countOf,
  expectInOrder,
  makeStage,
  openText,
  settle,
  type Content,
} from './stage.js';
import { MemoryFileSystem, RecordingFileSystem } from '../../src/fs.js';

describe('a flush', () => {
  it('the table and its name are durable before one record makes it count, then its log goes', async () => {
    const { calls } = makeStage();
    const db = await openText(calls);
    await settle(db);
    // The next log is ready, and no other file is being made beside the table.
    await db.put('k', '1', { durability: 'disk' });
    await db.flush();
    await settle(db);
    await db.put('k', '2');
    calls.clear();
    await db.flush();
    const { changes } = calls;
    expectInOrder(
      changes,
      /^write \d+\.sst/,
      /^sync \d+\.sst/,
      /^sync-directory \./,
      /^write MANIFEST/,
      /^sync MANIFEST/,
      /^remove \d+\.log/,
    );
    // The directory is also synced for the next log: what counts is the one behind the table.
    expect(between(changes, /^sync \d+\.sst/, /^write MANIFEST/)).toContain('sync-directory .');
    expect(countOf(changes, /^write MANIFEST/)).toBe(1);
    await db.close();
  });

  it('the log is synced before the edit: no keyspace is ahead of what another has in the log', async () => {
    const { memory, calls } = makeStage();
    const db = await openText(calls);
    const other = await db.keyspace('other');
    await settle(db);
    await other.put('n', 'older');
    await db.put('k', 'newer');
    calls.clear();
    for (let i = 0; db.stats().levels[0].tables === 0; i++) {
      await db.put('k', `newer ${i}`.padEnd(10_000));
      await settle(db);
    }
    expectInOrder(calls.changes, /^sync 000002\.log/, /^write MANIFEST/);
    expect(db.stats().keyspaces[1].levels[0].tables).toBe(0);
    // The other one's write is in no table: its log stays.
    expect(countOf(calls.changes, /^remove 000002\.log/)).toBe(0);
    const survivor = memory.clone().crash({ keep: 0, random: { u32: () => 0 } });
    await db.close();
    const again = await openText(survivor);
    expect(again.getSync('k')).toContain('newer');
    expect((await again.keyspace('other')).getSync('n')).toBe('older');
    await again.close();
  });

  it('is seen when its edit is durable, not before', async () => {
    const disk = new LateDisk();
    const db = await openText(disk);
    await settle(db);
    await db.put('k', '1');
    const held = disk.hold('sync', /MANIFEST/);
    const flushed = db.flush();
    await turns();
    expect(db.stats().levels[0].tables).toBe(0);
    held.letGo();
    await flushed;
    expect(db.stats().levels[0].tables).toBe(1);
    await db.close();
  });

  it('power loss or the death of the process at any of its calls: nothing is lost', async () => {
    const memory = new MemoryFileSystem();
    const survivors: MemoryFileSystem[] = [];
    let isWatched = false;
    const fs = new RecordingFileSystem(memory, {
      beforeCall: (operation) => {
        if (isWatched && operation !== 'read') survivors.push(memory.clone());
      },
    });
    const db = await openText(fs);
    await db.put('a', '1', { durability: 'disk' });
    await db.put('b', '2', { durability: 'disk' });
    isWatched = true;
    await db.flush();
    await settle(db);
    isWatched = false;
    await db.close();
    const found: Content[] = [];
    for (const survivor of survivors) {
      for (const keep of [0, 1]) found.push(await contentAfterPowerLoss(survivor, keep));
    }
    expect(found.length).toBeGreaterThan(20);
    for (const content of found) expect(content).toEqual({ a: '1', b: '2' });
  });

  it('sequence numbers and counters are in its edit: a power loss behind it forgets none', async () => {
    const { memory } = makeStage();
    const db = await openText(memory);
    for (let i = 0; i < 5; i++) await db.put(`k${i}`, 'v'.repeat(100));
    await db.flush();
    await settle(db);
    const { seq, bytes, keyspaces } = { ...db.stats(), bytes: db.stats().written };
    const survivor = memory.clone().crash({ keep: 0, random: { u32: () => 0 } });
    await db.close();
    const again = await openText(survivor);
    expect(again.stats().seq).toBe(seq);
    expect(again.stats().written).toEqual(bytes);
    expect(again.stats().keyspaces[0].written).toEqual(keyspaces[0].written);
    await again.close();
  });
});
