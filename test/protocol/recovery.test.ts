import { describe, expect, it } from 'vitest';
import { MemoryFileSystem, RecordingFileSystem } from '../../src/fs.js';
import {
  contentAfterPowerLoss,
  contentOf,
  expectInOrder,
  makeStage,
  openText,
  pathsOf,
  settle,
} from './stage.js';

const manyMemtables = { maxImmutableMemtables: 8 };

/** Several logs that no flush has emptied, all handed to the OS; the newest value of `k` is 39. */
async function severalLogs(): Promise<MemoryFileSystem> {
  const { memory } = makeStage();
  const db = await openText(memory, manyMemtables);
  await settle(db);
  // Without a turn of the event loop no flush comes to its end.
  for (let i = 0; i < 40; i++) {
    db.batchSync([
      { type: 'put', key: 'k', value: `${i}` },
      { type: 'put', key: `k${100 + i}`, value: 'x'.repeat(4000) },
    ]);
  }
  expect(db.stats().log.files).toBeGreaterThanOrEqual(2);
  const survivor = memory.clone();
  await db.close();
  return survivor;
}

/** Three writes in one log. */
async function fewInLog(): Promise<MemoryFileSystem> {
  const { memory } = makeStage();
  const db = await openText(memory);
  await db.put('a', '1');
  await db.put('b', '2');
  await db.put('c', '3');
  const survivor = memory.clone();
  await db.close();
  return survivor;
}

describe('recovery', () => {
  it('replays every log that is needed, oldest first', async () => {
    const content = await contentOf(await severalLogs(), manyMemtables);
    expect(Object.keys(content)).toHaveLength(41);
    expect(content).toMatchObject({ k: '39', k100: 'x'.repeat(4000) });
  });

  it('makes durable what it read before it deletes, and before it takes a write', async () => {
    const { memory } = makeStage();
    const db = await openText(memory);
    await db.put('a', '1');
    await db.flush();
    await db.put('b', '1');
    await settle(db);
    const survivor = memory.clone();
    await db.close();
    survivor.writeBytes('/db/000900.sst', Uint8Array.of(1));
    const { calls } = makeStage(survivor);
    const again = await openText(calls);
    await again.put('c', '1');
    const { changes } = calls;
    expectInOrder(
      changes,
      /^sync 000003\.log/,
      /^sync MANIFEST-000001/,
      /^sync CURRENT$/,
      /^sync-directory \./,
      /^create MANIFEST/,
      /^rename CURRENT\.tmp/,
      /^sync-directory \./,
      /^create 001\d+\.log/,
      /^sync-directory \./,
      /^sync 001\d+\.log/,
      /^write 001\d+\.log/,
      /^sync 001\d+\.log/,
      /^write MANIFEST/,
      /^sync MANIFEST/,
      /^remove 000003\.log/,
    );
    const firstRemoval = changes.findIndex((line) => line.startsWith('remove'));
    const lastSync = changes.findIndex((line) => line.startsWith('remove 000003.log'));
    expect(firstRemoval).toBe(lastSync);
    await again.close();
  });

  it('does not put into memory again what is in a table', async () => {
    const { memory } = makeStage();
    const db = await openText(memory);
    const other = await db.keyspace('other');
    // The other keyspace keeps the log: only this one is flushed.
    await other.put('k', 'other');
    await db.put('k', '1');
    await settle(db);
    for (let i = 0; db.stats().levels[0].tables === 0; i++) {
      await db.put(`fill${i}`, 'x'.repeat(10_000));
      await settle(db);
    }
    await db.put('k', '2');
    const unflushed = db.stats().memtables.activeEntries;
    const survivor = memory.clone();
    await db.close();
    const again = await openText(survivor);
    expect(again.recovery.batchesReplayed).toBe(unflushed);
    expect(again.stats().memtables.activeEntries).toBe(unflushed);
    expect(again.getSync('k')).toBe('2');
    expect((await again.keyspace('other')).getSync('k')).toBe('other');
    await again.close();
  });

  it('of a recovery that was cut off: copies are not applied twice', async () => {
    const survivor = await fewInLog();
    const { calls } = makeStage(survivor);
    const whole = await openText(makeStage(survivor.clone()).calls);
    expect(whole.recovery.batchesReplayed).toBe(3);
    await whole.close();
    // It dies when the copies are in the new log, and the old one is still needed.
    let copied: MemoryFileSystem | undefined;
    const fs = new RecordingFileSystem(survivor, {
      root: '/db',
      beforeCall: (operation, path) => {
        const isBegun = fs.changes.some((line) => /^write 001\d+\.log 104/.test(line));
        if (isBegun && operation === 'write' && path.includes('MANIFEST')) {
          copied ??= survivor.clone();
        }
      },
    });
    await (await openText(fs)).close();
    expect(calls.changes).toEqual([]);
    const all = { a: '1', b: '2', c: '3' };
    expect(await contentOf(copied!.clone())).toEqual(all);
    const again = await openText(copied!);
    expect(again.recovery.logsReplayed).toBe(2);
    expect(again.recovery.batchesReplayed).toBe(3);
    expect(Object.fromEntries(again.entriesSync())).toEqual(all);
    await again.close();
  });

  it('power loss at any call of it: the next one finds the same', async () => {
    const base = MemoryFileSystem.from((await severalLogs()).snapshotFiles());
    for (let n = 0, isDead = true; isDead; n += 13) {
      const memory = base.clone();
      const { calls } = makeStage(memory);
      calls.dieAt(n);
      await openText(calls, manyMemtables).then(
        (db) => db.close().catch(() => undefined),
        () => undefined,
      );
      isDead = calls.isDead;
      for (const keep of [0, 0.5]) {
        const content = await contentAfterPowerLoss(memory, keep);
        expect(content, `before call ${n}, ${keep} kept`).toMatchObject({ k: '39' });
        expect(Object.keys(content)).toHaveLength(41);
      }
    }
  });
});

describe('a torn log', () => {
  it('ends at the last whole record; the next log states that end, and what was cut never comes back', async () => {
    const { memory } = makeStage();
    const db = await openText(memory);
    await db.put('a', '1');
    await db.put('b', '2');
    const survivor = memory.clone();
    await db.close();
    const [log] = pathsOf(survivor, /000002\.log$/);
    const bytes = survivor.readBytes(log);
    // The second record lost its last byte; what would be its successor arrived.
    const torn = new Uint8Array(bytes.length + 30).fill(0x5a);
    torn.set(bytes.subarray(0, bytes.length - 1));
    survivor.writeBytes(log, torn);

    // The process dies before the edit that makes the old log superfluous.
    const { calls } = makeStage(survivor);
    const again = await openText(calls);
    expect(again.recovery.tornLog).toEqual({ file: log, offset: 129 });
    expect(Object.fromEntries(again.entriesSync())).toEqual({ a: '1' });
    const edit = calls.changes.findLastIndex((line) => line.startsWith('write MANIFEST'));
    expect(edit).toBeGreaterThan(0);
    await again.close();
    const dying = makeStage(survivor.clone());
    expect(await contentOf(dying.memory)).toEqual({ a: '1' });
  });

  it('and the recovery after a recovery that died finds the same end, with the same logs', async () => {
    const { memory } = makeStage();
    const db = await openText(memory);
    await db.put('a', '1');
    await db.put('b', '2');
    const base = memory.clone();
    await db.close();
    const [log] = pathsOf(base, /000002\.log$/);
    base.writeBytes(log, base.readBytes(log).slice(0, -1));
    for (let n = 0, isDead = true; isDead; n += 7) {
      const survivor = base.clone();
      const { calls } = makeStage(survivor);
      calls.dieAt(n);
      await openText(calls).then(
        (again) => again.close().catch(() => undefined),
        () => undefined,
      );
      isDead = calls.isDead;
      const after = survivor.clone();
      expect(await contentOf(after), `died at call ${n}`).toEqual({ a: '1' });
      const third = await openText(after);
      await third.put('c', '3');
      await third.close();
      expect(await contentOf(after), `died at call ${n}`).toEqual({ a: '1', c: '3' });
    }
  });

  it('shows a batch whole or not at all', async () => {
    const { memory } = makeStage();
    const db = await openText(memory);
    await db.put('before', '1');
    const start = memory.readBytes('/db/000002.log').length;
    const keys = [...'abcdefgh'];
    await db.batch(keys.map((key) => ({ type: 'put', key, value: '2' })));
    const whole = memory.clone();
    await db.close();
    const bytes = whole.readBytes('/db/000002.log');
    for (let length = start; length <= bytes.length; length += 5) {
      const torn = whole.clone();
      const zeros = new Uint8Array(bytes.length);
      zeros.set(bytes.subarray(0, length));
      torn.writeBytes('/db/000002.log', zeros);
      const content = await contentOf(torn);
      const isWhole = Buffer.compare(zeros, bytes) === 0;
      const expected = isWhole ? [...keys, 'before'].sort() : ['before'];
      expect(Object.keys(content), `${length} bytes`).toEqual(expected);
    }
  });

  it('below what was synced is damage', async () => {
    const { memory } = makeStage();
    const db = await openText(memory);
    await db.put('a', '1', { durability: 'disk' });
    await db.put('b', '2');
    await db.put('c', '3');
    const survivor = memory.clone();
    await db.close();
    const bytes = survivor.readBytes('/db/000002.log');
    bytes[110] ^= 1;
    survivor.writeBytes('/db/000002.log', bytes);
    expect(await contentOf(survivor)).toBe('LSM_CORRUPTION');
  });
});

describe('a dropped keyspace', () => {
  it('is not dropped on disk before what was written ahead of it is on disk', async () => {
    const { memory, calls } = makeStage();
    const db = await openText(calls);
    await db.keyspace('gone');
    await settle(db);
    await db.put('before', '1');
    calls.clear();
    await db.dropKeyspace('gone');
    expectInOrder(calls.changes, /^sync 000002\.log/, /^write MANIFEST/, /^sync MANIFEST/);
    expect(await contentAfterPowerLoss(memory)).toEqual({ before: '1' });
    await db.close();
  });

  it('takes no log along that another keyspace needs', async () => {
    const memory = new MemoryFileSystem();
    const fs = new RecordingFileSystem(memory, {
      beforeCall: (operation, path) => {
        if (operation === 'create' && path.endsWith('.sst')) throw new Error('no table is made');
      },
    });
    const db = await openText(fs, manyMemtables);
    await db.keyspace('gone');
    await settle(db);
    for (let i = 0; i < 12; i++) db.putSync(`k${100 + i}`, 'x'.repeat(10_000));
    expect(db.stats().log.files).toBe(2);
    await db.dropKeyspace('gone');
    const survivor = memory.clone();
    await db.close();
    expect(Object.keys(await contentOf(survivor, manyMemtables))).toHaveLength(12);
  });

  it('does not come back from the log, nor under its id', async () => {
    const { memory } = makeStage();
    const db = await openText(memory);
    const gone = await db.keyspace('gone');
    await gone.put('k', 'old');
    await db.put('kept', '1');
    await db.dropKeyspace('gone');
    const survivor = memory.clone();
    await db.close();
    const again = await openText(survivor);
    expect(again.keyspaces()).toEqual(['default']);
    expect([...(await again.keyspace('gone')).keysSync()]).toEqual([]);
    expect([...(await again.keyspace('next')).keysSync()]).toEqual([]);
    expect(again.getSync('kept')).toBe('1');
    await again.close();
  });
});
