import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { systemRandom } from '../../src/base/prng.js';
import { runAsync } from '../../src/base/task.js';
import { MemoryFileSystem, type FileSystem } from '../../src/fs.js';
import { destroy, open, type Database, type OpenOptions } from '../../src/index.js';
import { VersionSet } from '../../src/manifest/version-set.js';
import { verifyDatabase } from '../../src/verify/verify-database.js';
import { GatedDisk } from '../support/gated-disk.js';

const small = { memtableBytes: 64 * 1024, tableBytes: 32 * 1024, l0CompactionTrigger: 2 } as const;
const texts = { keyEncoding: 'utf8', valueEncoding: 'utf8' } as const;

function openText(path: string, fs: FileSystem, options: OpenOptions = {}) {
  return open(path, { ...small, ...options, ...texts, fs });
}

async function contentOf(db: Database<string, string>): Promise<[string, string][]> {
  const entries: [string, string][] = [];
  for await (const entry of db.entries()) entries.push(entry);
  return entries;
}

/** The checkpoint's content; it must be sound. */
async function readCheckpoint(path: string, fs: FileSystem): Promise<[string, string][]> {
  expect((await verifyDatabase(path, { fs })).damages).toEqual([]);
  const db = await openText(path, fs, { readOnly: true });
  try {
    return await contentOf(db);
  } finally {
    await db.close();
  }
}

describe('a checkpoint', () => {
  it('is a database of its own: both go on from there', async () => {
    const fs = new MemoryFileSystem();
    const db = await openText('/db', fs);
    for (let i = 0; i < 500; i++) await db.put(`k${i % 200}`, `${i}`.padEnd(500));
    await db.delete('k7');
    const before = await contentOf(db);
    const report = await db.checkpoint('/copy');
    expect(report).toMatchObject({ seq: 501, copiedBytes: 0 });
    expect(report.tables).toBeGreaterThan(0);
    await db.put('k7', 'later');
    await db.compactRange();
    expect(await readCheckpoint('/copy', fs)).toEqual(before);
    const copy = await openText('/copy', fs, { createIfMissing: false });
    expect(copy.stats().seq).toBe(501);
    expect(copy.recovery.logsReplayed).toBe(0);
    await copy.put('k7', 'in the copy');
    await copy.compactRange();
    expect(await copy.get('k7')).toBe('in the copy');
    expect(await db.get('k7')).toBe('later');
    await copy.close();
    await db.close();
    expect(fs.openFiles).toBe(0);
    const again = await openText('/copy', fs);
    expect(await contentOf(again)).toEqual(
      before.concat([['k7', 'in the copy']]).sort(([a], [b]) => (a < b ? -1 : 1)),
    );
    await again.close();
  });

  it('survives power loss as soon as its promise has resolved', async () => {
    const fs = new MemoryFileSystem();
    const db = await openText('/db', fs);
    await db.put('a', '1');
    await db.checkpoint('/deep/down/copy');
    const survivor = fs.crash({ keep: 0, random: { u32: () => 0 } });
    expect(await readCheckpoint('/deep/down/copy', survivor)).toEqual([['a', '1']]);
    await db.close().catch(() => undefined);
  });

  it('of an empty database is an empty database, with its keyspaces and their settings', async () => {
    const fs = new MemoryFileSystem();
    const db = await openText('/db', fs);
    await db.keyspace('dropped');
    await db.dropKeyspace('dropped');
    await db.keyspace('other', { levelSizeMultiplier: 7 });
    expect(await db.checkpoint('/copy')).toEqual({ seq: 0, tables: 0, bytes: 0, copiedBytes: 0 });
    await db.close();
    const copy = await openText('/copy', fs);
    expect(copy.keyspaces()).toEqual(['default', 'other']);
    await copy.close();
    const found = await runAsync(VersionSet.recover(fs, '/copy', { random: systemRandom }));
    const settings = [...found!.set.keyspaces.values()].map((state) => state.settings);
    expect(settings[1]).toMatchObject({ levelSizeMultiplier: 7 });
  });

  it('keeps its tables when the database compacts them away or is destroyed', async () => {
    const { fs, gate, db } = await heldAtFirstLink();
    const making = db.checkpoint('/copy');
    await gate.reached;
    await db.compactRange();
    gate.letGo();
    await making;
    await db.close();
    expect(await readCheckpoint('/copy', fs)).toHaveLength(600);
    const tables = [...fs.snapshotFiles().keys()].filter((path) => path.startsWith('/db/'));
    const reopened = await openText('/db', fs);
    const { levels } = reopened.stats();
    const live = levels.reduce((sum, level) => sum + level.tables, 0);
    expect(tables.filter((path) => path.endsWith('.sst'))).toHaveLength(live);
    await reopened.close();
    await destroy('/db', { fs });
    expect(await readCheckpoint('/copy', fs)).toHaveLength(600);
  });
});

/** A database with several tables, and a disk that stops when the first one is to be linked. */
async function heldAtFirstLink() {
  const fs = new GatedDisk();
  const db = await openText('/db', fs);
  for (let i = 0; i < 600; i++) await db.put(`k${i}`, 'x'.repeat(400));
  await db.flush();
  const gate = fs.hold('link', /\/copy\//);
  return { fs, gate, db };
}

describe('while writes go on', () => {
  it('a checkpoint has whole batches, of all keyspaces up to one moment', async () => {
    const fs = new MemoryFileSystem();
    const db = await openText('/db', fs, { l0SlowdownTables: 20, l0StopTables: 30 });
    const other = await db.keyspace('other', texts);
    let isDone = false;
    const copies: string[] = [];
    const making = (async () => {
      for (let i = 0; i < 8; i++) {
        await db.checkpoint(`/copy${i}`);
        copies.push(`/copy${i}`);
      }
      isDone = true;
    })();
    let written = 0;
    while (!isDone) {
      written++;
      const value = `${written}`;
      const batch = [
        { type: 'put', key: 'count', value },
        { type: 'put', key: `k${written % 50}`, value: value.padEnd(written % 3 === 0 ? 5000 : 9) },
        { type: 'put', key: 'count', value, keyspace: other },
      ] as const;
      // Synchronous writers end flushes themselves, several in one go.
      if (written % 100 < 60) db.batchSync(batch);
      else await db.batch(batch);
      if (written % 17 === 0) other.putSync('more', value.padEnd(3000));
    }
    await making;
    let last = 0;
    for (const path of copies) {
      expect((await verifyDatabase(path, { fs })).damages).toEqual([]);
      const copy = await openText(path, fs, { readOnly: true });
      const count = copy.getSync('count') ?? '0';
      expect((await copy.keyspace('other')).getSync('count') ?? '0').toBe(count);
      expect(Number(count)).toBeGreaterThanOrEqual(last);
      last = Number(count);
      for (let k = 0; k < 50; k++) {
        const newest = last - ((((last - k) % 50) + 50) % 50);
        if (newest > 0) expect(copy.getSync(`k${newest % 50}`)!.trim()).toBe(`${newest}`);
      }
      await copy.close();
    }
    expect(last).toBeGreaterThan(0);
    await db.close();
    expect(fs.openFiles).toBe(0);
  });

  it('a checkpoint holds what was written before the call, also what waited for room', async () => {
    const fs = new MemoryFileSystem();
    const db = await openText('/db', fs, { maxImmutableMemtables: 1 });
    const writes = Array.from({ length: 60 }, (_, i) => db.put(`k${i}`, 'x'.repeat(3000)));
    expect(db.stats().stalls.waiting).toBeGreaterThan(0);
    await db.checkpoint('/copy');
    expect(await readCheckpoint('/copy', fs)).toHaveLength(60);
    await Promise.all(writes);
    await db.close();
  });

  it('dropping a keyspace does not hold a checkpoint up, nor tear it', async () => {
    const fs = new MemoryFileSystem();
    const db = await openText('/db', fs);
    for (let round = 0; round < 20; round++) {
      const doomed = await db.keyspace('doomed', texts);
      for (let i = 0; i < 40; i++) {
        db.batchSync([
          { type: 'put', key: 'count', value: `${round}.${i}` },
          { type: 'put', key: `k${i}`, value: 'x'.repeat(2000), keyspace: doomed },
        ]);
      }
      const dropped = db.dropKeyspace('doomed');
      const making = db.checkpoint(`/copy${round}`);
      await db.batch([
        { type: 'put', key: 'count', value: `later ${round}` },
        { type: 'put', key: 'later', value: `later ${round}` },
      ]);
      await Promise.all([dropped, making]);
      await db.delete('later');
      const copy = await openText(`/copy${round}`, fs, { readOnly: true });
      expect(copy.getSync('count')).toBe(copy.getSync('later') ?? `${round}.39`);
      expect(copy.keyspaces()).toEqual(['default']);
      await copy.close();
    }
    await db.close();
  });

  it('closing the database ends a checkpoint, and leaves nothing of it', async () => {
    const { fs, gate, db } = await heldAtFirstLink();
    const making = db.checkpoint('/copy');
    await gate.reached;
    const closed = db.close();
    gate.letGo();
    await expect(making).rejects.toMatchObject({ code: 'LSM_CLOSED' });
    await closed;
    expect(await fs.stat('/copy')).toBeUndefined();
    const again = await openText('/db', fs);
    expect(await contentOf(again)).toHaveLength(600);
    await again.close();
    expect(fs.openFiles).toBe(0);
  });
});

describe('a checkpoint is refused', () => {
  it('where there is something already, and changes nothing there', async () => {
    const fs = new MemoryFileSystem();
    const db = await openText('/db', fs);
    await db.put('a', '1');
    await db.checkpoint('/copy');
    const files = fs.snapshotFiles();
    for (const path of ['/copy', '/db', '/db/CURRENT', '/copy/CURRENT/deeper', '/']) {
      await expect(db.checkpoint(path), path).rejects.toMatchObject({
        code: path.endsWith('deeper') ? 'LSM_IO' : 'LSM_EXISTS',
      });
    }
    expect([...fs.snapshotFiles().keys()]).toEqual([...files.keys()]);
    expect(await readCheckpoint('/copy', fs)).toEqual([['a', '1']]);
    await db.close();
  });

  it('with a path that is none, on a closed or a read-only database', async () => {
    const fs = new MemoryFileSystem();
    const db = await openText('/db', fs);
    for (const path of ['', undefined, 7]) {
      await expect(db.checkpoint(path as string)).rejects.toMatchObject({
        code: 'LSM_INVALID_ARGUMENT',
      });
    }
    await db.close();
    await expect(db.checkpoint('/copy')).rejects.toMatchObject({ code: 'LSM_CLOSED' });
    const reader = await openText('/db', fs, { readOnly: true });
    await expect(reader.checkpoint('/copy')).rejects.toMatchObject({ code: 'LSM_READ_ONLY' });
    await reader.close();
    expect(await fs.stat('/copy')).toBeUndefined();
  });

  it('when another one is being made there', async () => {
    const { fs, gate, db } = await heldAtFirstLink();
    const making = db.checkpoint('/copy');
    await gate.reached;
    await expect(db.checkpoint('/copy')).rejects.toMatchObject({ code: 'LSM_LOCKED' });
    await expect(openText('/copy', fs)).rejects.toMatchObject({ code: 'LSM_LOCKED' });
    gate.letGo();
    await making;
    await db.close();
    expect(await readCheckpoint('/copy', fs)).toHaveLength(600);
  });
});

describe('on the disk', () => {
  const directories: string[] = [];
  const newDirectory = (parent: string): string => {
    const path = mkdtempSync(join(parent, 'nori-checkpoint-'));
    directories.push(path);
    return path;
  };
  afterEach(() => {
    for (const path of directories.splice(0)) rmSync(path, { recursive: true, force: true });
  });

  it('tables are links', async () => {
    const path = newDirectory(tmpdir());
    const db = await open(join(path, 'db'), { ...texts, executor: 'inline' });
    await db.put('a', '1');
    await db.checkpoint(join(path, 'copy'));
    const [table] = readdirSync(join(path, 'copy')).filter((name) => name.endsWith('.sst'));
    expect(statSync(join(path, 'copy', table)).nlink).toBe(2);
    await db.close();
    const copy = await open(join(path, 'copy'), texts);
    expect(copy.getSync('a')).toBe('1');
    await copy.close();
  });
});

describe('where the file system has no links', () => {
  it('tables are copied, and synced', async () => {
    const fs = new MemoryFileSystem();
    const linkless: FileSystem = new Proxy(fs, {
      get(target, name) {
        if (name === 'link') {
          return () => Promise.reject(Object.assign(new Error('EXDEV: link'), { code: 'EXDEV' }));
        }
        const member: unknown = Reflect.get(target, name, target);
        return typeof member === 'function' ? (member.bind(target) as unknown) : member;
      },
    });
    const db = await openText('/db', linkless);
    for (let i = 0; i < 600; i++) await db.put(`k${i}`, 'x'.repeat(400));
    await db.put('large', 'y'.repeat(3_000_000));
    const report = await db.checkpoint('/copy');
    expect(report.copiedBytes).toBe(report.bytes);
    expect(report.bytes).toBeGreaterThan(20_000);
    const survivor = fs.crash({ keep: 0, random: { u32: () => 0 } });
    expect(await readCheckpoint('/copy', survivor)).toHaveLength(601);
    await db.close().catch(() => undefined);
  });
});
