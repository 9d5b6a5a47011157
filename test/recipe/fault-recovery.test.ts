import { describe, expect, it } from 'vitest';
import type { MemoryFileSystem } from '../../src/fs.js';
import { crashPoints, inspect } from './crash-points.js';
import { Engine } from './engine.js';

function filesNamed(fs: MemoryFileSystem, pattern: RegExp): string[] {
  return [...fs.snapshotFiles().keys()].filter((path) => pattern.test(path)).sort();
}

function only(paths: readonly string[]): string {
  expect(paths.length).toBe(1);
  return paths[0];
}

describe('fault: the other half of a batch is only in an unsynced log', () => {
  it('power loss at any call of batch and flush: all of the batch is there or nothing', async () => {
    const engine = await Engine.open({ syncIntervalMs: 0 });
    await engine.flush({ a: '0', m: '0', z: '0' });
    await engine.db.sync();
    const points = await crashPoints(engine, async () => {
      for (let i = 1; i <= 2; i++) {
        await engine.db.batch([
          { type: 'put', key: 'a', value: `${i}` },
          { type: 'delete', key: 'm' },
          { type: 'put', key: 'z', value: `${i}` },
        ]);
        await engine.db.flush();
      }
      await engine.settle();
    });
    const seen = new Set<string>();
    for (const point of points) {
      await inspect(point, ({ db }) => {
        const [a, m, z] = db.getManySync(['a', 'm', 'z']);
        expect(z).toBe(a);
        expect(m).toBe(a === '0' ? '0' : undefined);
        seen.add(a!);
      });
    }
    expect([...seen].sort()).toEqual(['0', '1', '2']);
    await engine.close();
  });

  it('the order: the log is synced before the edit that names the table', async () => {
    const engine = await Engine.open({ syncIntervalMs: 0 });
    engine.recording.clear();
    engine.db.putSync('a', '1');
    const [log] = /\d+\.log/.exec(engine.recording.changes.at(-1)!)!;
    await engine.db.flush();
    const { changes } = engine.recording;
    const logSynced = changes.indexOf(`sync ${log}`);
    const edit = changes.findIndex((line) => /^write MANIFEST/.test(line));
    expect(logSynced).toBeGreaterThan(changes.findIndex((line) => line.startsWith('write ')));
    expect(logSynced).toBeLessThan(edit);
    await engine.close();
  });
});

describe("fault: one keyspace's newer data is in a table, another's older data only in an unsynced log", () => {
  it('power loss at any call: what is there is there up to one moment, in both', async () => {
    const engine = await Engine.open({ syncIntervalMs: 0 });
    const other = await engine.db.keyspace('other');
    await other.put('n', '0');
    await engine.db.sync();
    let flushes = 0;
    engine.db.on('flush', ({ keyspace }) => (flushes += keyspace === 'other' ? 0 : 1));
    const count = 12;
    const points = await crashPoints(engine, async () => {
      // Only the default keyspace fills its memtable; each of its writes follows one of the other.
      for (let i = 1; i <= count; i++) {
        await other.put('n', `${i}`);
        await engine.db.put(`a${100 + i}`, 'x'.repeat(10_000));
      }
      await engine.settle();
    });
    expect(flushes).toBeGreaterThan(0);
    expect(engine.db.stats().keyspaces.map(({ levels }) => levels[0].tables)).toEqual([flushes, 0]);
    let tablesAlone = 0;
    for (const point of points) {
      await inspect(point, async ({ db }) => {
        const here = [...db.keysSync()].length;
        const there = Number((await db.keyspace('other')).getSync('n'));
        expect(there - here).toBeGreaterThanOrEqual(0);
        expect(there - here).toBeLessThanOrEqual(1);
        if (here > 0 && here < count) tablesAlone++;
      });
    }
    expect(tablesAlone).toBeGreaterThan(0);
    await engine.close();
  });
});

describe('fault: a counter that is not durable', () => {
  it('sequence numbers go on when no log and no memtable is left to learn them from', async () => {
    const engine = await Engine.open();
    let newest = 0;
    for (let session = 0; session < 4; session++) {
      for (let i = 0; i < 3; i++) {
        engine.db.putSync('k', `${session} ${i}`);
        const entry = engine.db.getEntrySync('k')!;
        expect(entry.seq).toBeGreaterThan(newest);
        newest = entry.seq;
      }
      await engine.db.compactRange();
      await engine.reopen();
      expect(engine.db.getSync('k')).toBe(`${session} 2`);
      expect(engine.db.stats().seq).toBeGreaterThanOrEqual(newest);
    }
    await engine.close();
  });

  it('nor are they lost when the newest entries were tombstones that a compaction dropped', async () => {
    const engine = await Engine.open();
    for (let i = 0; i < 20; i++) engine.db.deleteSync('k');
    const { seq } = engine.db.stats();
    await engine.db.compactRange();
    expect(engine.shape).toEqual([]);
    await engine.reopen();
    expect(engine.db.stats().seq).toBeGreaterThanOrEqual(seq);
    await engine.close();
  });
});

describe('fault: a manifest torn tail that hides later edits', () => {
  it('what is written after a torn edit was met is there in the next session', async () => {
    const engine = await Engine.open();
    await engine.flush({ a: '1' });
    const manifest = only(filesNamed(engine.memory, /MANIFEST/));
    const before = engine.memory.readBytes(manifest).length;
    const crashed = engine.memory.clone();
    await engine.flush({ b: '2' });
    const edit = engine.memory.readBytes(manifest);
    await engine.close();
    for (const length of [before + 1, before + 9, edit.length - 1]) {
      const torn = crashed.clone();
      torn.writeBytes(manifest, edit.slice(0, length));
      const after = await Engine.open({}, torn);
      expect(after.db.recovery.tornManifest).toEqual({ file: manifest, offset: before });
      await after.flush({ c: '3' });
      await after.reopen();
      expect([...after.db.entriesSync()]).toEqual([
        ['a', '1'],
        ['c', '3'],
      ]);
      expect(after.db.recovery.tornManifest).toBeUndefined();
      await after.close();
    }
  });
});

describe('fault: an older manifest opened silently', () => {
  it('the manifest that CURRENT names is gone, an older one is there: LSM_CORRUPTION', async () => {
    const engine = await Engine.open();
    await engine.flush({ k: 'old' });
    const older = only(filesNamed(engine.memory, /MANIFEST/));
    const olderBytes = engine.memory.readBytes(older);
    await engine.reopen();
    await engine.flush({ k: 'new' });
    await engine.close();
    const current = filesNamed(engine.memory, /MANIFEST/).at(-1)!;
    expect(current > older).toBe(true);
    const damaged = engine.memory.clone();
    damaged.writeBytes(older, olderBytes);
    await damaged.remove(current);
    const before = damaged.snapshotFiles();
    await expect(Engine.open({}, damaged)).rejects.toMatchObject({ code: 'LSM_CORRUPTION' });
    expect(damaged.snapshotFiles()).toEqual(before);
  });

  it('nor an empty database over existing files', async () => {
    const engine = await Engine.open();
    await engine.flush({ k: 'old' });
    await engine.close();
    const damaged = engine.memory.clone();
    for (const path of filesNamed(damaged, /MANIFEST|CURRENT/)) await damaged.remove(path);
    await expect(Engine.open({}, damaged)).rejects.toMatchObject({ code: 'LSM_CORRUPTION' });
  });
});

describe('fault: WAL replay of only one of several logs', () => {
  it('several logs that no flush has emptied are replayed in order', async () => {
    const engine = await Engine.open({ maxImmutableMemtables: 8 });
    // Without a turn of the event loop no flush comes to its end.
    for (let i = 0; i < 200; i++) {
      engine.db.batchSync([
        { type: 'put', key: 'newest', value: `${i}` },
        { type: 'put', key: `key${1000 + i}`, value: 'x'.repeat(1000) },
        i % 2 === 0
          ? { type: 'put', key: 'flip', value: 'there' }
          : { type: 'delete', key: 'flip' },
      ]);
    }
    const logs = engine.db.stats().log.files;
    expect(logs).toBeGreaterThanOrEqual(3);
    const survivor = engine.memory.clone();
    await engine.close();
    await inspect(survivor, ({ db }) => {
      expect(db.recovery.logsReplayed).toBeGreaterThanOrEqual(logs);
      expect(db.recovery.batchesReplayed).toBe(200);
      expect(db.getSync('newest')).toBe('199');
      expect(db.hasSync('flip')).toBe(false);
      expect([...db.keysSync({ prefix: 'key' })].length).toBe(200);
    });
  });
});

describe('fault: WAL replay of already flushed data over newer data', () => {
  it('a log that a flush had emptied comes back: what it says is not newer', async () => {
    const engine = await Engine.open();
    await engine.db.put('k', 'old');
    await engine.db.put('gone', 'old');
    const oldLogs = new Map(
      filesNamed(engine.memory, /\.log$/).map((path) => [path, engine.memory.readBytes(path)]),
    );
    await engine.db.put('k', 'new');
    await engine.db.delete('gone');
    await engine.flush({});
    await engine.db.compactRange();
    for (const isClean of [false, true]) {
      if (isClean) await engine.close();
      const survivor = engine.memory.clone();
      for (const [path, bytes] of oldLogs) {
        if ((await survivor.stat(path)) === undefined) survivor.writeBytes(path, bytes);
      }
      await inspect(survivor, ({ db }) => {
        expect([...db.entriesSync()]).toEqual([['k', 'new']]);
      });
    }
  });

  it('a crash between the edit of a flush and the end of its log replays nothing twice', async () => {
    const engine = await Engine.open();
    await engine.db.put('k', 'old');
    await engine.flush({ k: 'new' });
    const points = await crashPoints(engine, async () => {
      await engine.db.put('k', 'newer');
      await engine.db.flush();
      await engine.db.put('k', 'newest');
    });
    for (const point of points) {
      await inspect(point, async ({ db }) => {
        const found = db.getSync('k');
        expect(['new', 'newer', 'newest']).toContain(found);
        // Written anew, it is newer than anything replayed.
        await db.put('k', 'last');
        await db.flush();
        expect(db.getSync('k')).toBe('last');
      });
    }
    await engine.close();
  });
});

describe('fault: a batch torn in the middle', () => {
  it('a log cut at any byte of a batch shows the whole batch or nothing of it', async () => {
    const engine = await Engine.open({ syncIntervalMs: 0 });
    await engine.db.put('before', '1');
    const log = filesNamed(engine.memory, /\.log$/).at(0)!;
    const start = engine.memory.readBytes(log).length;
    const operations = [...'abcdefgh'].map((key) => ({ type: 'put', key, value: '2' }) as const);
    await engine.db.batch(operations);
    const crashed = engine.memory.clone();
    await engine.close();
    const whole = crashed.readBytes(log);
    expect(whole.length).toBeGreaterThan(start + 50);
    for (let length = start; length <= whole.length; length++) {
      const torn = crashed.clone();
      torn.writeBytes(log, whole.slice(0, length));
      await inspect(torn, ({ db }) => {
        const keys = length < whole.length ? ['before'] : [...'abcdefgh', 'before'].sort();
        expect([...db.keysSync()], `cut at ${length}`).toEqual(keys);
      });
    }
  });
});
