import { describe, expect, it } from 'vitest';
import { MemoryFileSystem, RecordingFileSystem } from '../../src/fs.js';
import {
  contentAfterPowerLoss,
  countOf,
  directory,
  openText,
  settle,
  type TextDatabase,
} from './stage.js';

/** A disk whose n-th matching call fails, once. */
class BadDisk {
  readonly memory = new MemoryFileSystem();
  readonly fs: RecordingFileSystem;
  readonly #attempts: string[] = [];
  #pattern: RegExp | undefined;

  constructor() {
    this.fs = new RecordingFileSystem(this.memory, {
      root: directory,
      beforeCall: (operation, path) => {
        const line = `${operation} ${path.slice(directory.length + 1)}`;
        if (this.#pattern?.test(line) !== true) return;
        this.#attempts.push(line);
        if (this.#attempts.length === 1) {
          throw Object.assign(new Error('EIO: i/o error'), { code: 'EIO' });
        }
      },
    });
  }

  failOnce(pattern: RegExp): void {
    this.#pattern = pattern;
    this.#attempts.length = 0;
  }

  /** The matching calls since then, with the one that failed. */
  get attempts(): number {
    return this.#attempts.length;
  }
}

function codeOf(done: Promise<unknown>): Promise<string> {
  return done.then(
    () => 'done',
    (error: unknown) => (error as { code?: string }).code ?? String(error),
  );
}

async function settleFiles(): Promise<void> {
  for (let i = 0; i < 10; i++) await new Promise((resolve) => void setImmediate(resolve));
}

async function openOn(disk: BadDisk): Promise<TextDatabase> {
  const db = await openText(disk.fs);
  await settle(db);
  return db;
}

describe('a failed sync', () => {
  it('of the log: the write is not acknowledged, no more are taken, and it is not tried again', async () => {
    const disk = new BadDisk();
    const db = await openOn(disk);
    await db.put('a', '1', { durability: 'disk' });
    disk.failOnce(/^sync \d+\.log/);
    expect(await codeOf(db.put('b', '2', { durability: 'disk' }))).toBe('LSM_FAILED');
    expect(await codeOf(db.put('c', '3'))).toBe('LSM_FAILED');
    expect(await codeOf(db.sync())).toBe('LSM_FAILED');
    expect(await codeOf(db.flush())).toBe('LSM_FAILED');
    expect(db.getSync('a')).toBe('1');
    expect(db.stats().failure).toContain('EIO');
    await db.close();
    expect(disk.attempts).toBe(1);
    expect(await contentAfterPowerLoss(disk.memory)).toEqual({ a: '1' });
  });

  it('of the log, by a synchronous writer: the same', async () => {
    const disk = new BadDisk();
    const db = await openOn(disk);
    disk.failOnce(/^sync \d+\.log/);
    expect(() => db.putSync('b', '2', { durability: 'disk' })).toThrow(
      expect.objectContaining({ code: 'LSM_FAILED' }),
    );
    expect(await codeOf(db.put('c', '3'))).toBe('LSM_FAILED');
    await db.close();
    expect(disk.attempts).toBe(1);
  });

  it('of the log behind a flush: what only a table would hold does not count', async () => {
    const disk = new BadDisk();
    const db = await openOn(disk);
    await db.put('a', '1');
    disk.failOnce(/^sync \d+2\.log/);
    expect(await codeOf(db.flush())).toBe('LSM_FAILED');
    expect(db.stats().levels[0].tables).toBe(0);
    await db.close();
    expect(await contentAfterPowerLoss(disk.memory)).toEqual({});
  });

  it('of the manifest: no more writes, nothing is published or deleted', async () => {
    const disk = new BadDisk();
    const db = await openOn(disk);
    await db.put('a', '1', { durability: 'disk' });
    disk.failOnce(/^sync MANIFEST/);
    disk.fs.clear();
    expect(await codeOf(db.flush())).toBe('LSM_FAILED');
    expect(await codeOf(db.put('b', '2'))).toBe('LSM_FAILED');
    expect(db.stats().levels[0].tables).toBe(0);
    expect(db.getSync('a')).toBe('1');
    await db.close();
    expect(disk.attempts).toBe(1);
    expect(countOf(disk.fs.lines, /^remove 000002\.log/)).toBe(0);
    expect(await contentAfterPowerLoss(disk.memory)).toEqual({ a: '1' });
  });

  it('of the log: no table is deleted any more, also not when its last reader goes', async () => {
    const disk = new BadDisk();
    const db = await openOn(disk);
    for (const value of ['1', '2']) {
      await db.put('a', value);
      await db.flush();
    }
    const iterator = db.keysSync();
    iterator.next();
    await db.compactRange();
    await settleFiles();
    expect(db.stats().tables.obsolete).toBe(2);
    disk.failOnce(/^sync \d+\.log/);
    expect(await codeOf(db.put('b', '2', { durability: 'disk' }))).toBe('LSM_FAILED');
    disk.fs.clear();
    iterator.close();
    await settleFiles();
    await db.close();
    expect(countOf(disk.fs.lines, /^remove \d+\.sst/)).toBe(0);
  });

  it('of the directory behind a table: no more writes, and it is not tried again', async () => {
    const disk = new BadDisk();
    const db = await openOn(disk);
    await db.put('a', '1', { durability: 'disk' });
    await db.flush();
    await settle(db);
    await db.put('a', '2', { durability: 'disk' });
    await db.flush();
    await settle(db);
    disk.failOnce(/^sync-directory/);
    expect(await codeOf(db.compactRange())).toBe('LSM_FAILED');
    expect(await codeOf(db.put('b', '2'))).toBe('LSM_FAILED');
    await db.close();
    expect(disk.attempts).toBe(1);
    expect(await contentAfterPowerLoss(disk.memory)).toEqual({ a: '2' });
  });

  it('of CURRENT, or of the directory behind its renaming: open fails, the next one finds everything', async () => {
    for (const call of [/^sync CURRENT\.tmp/, /^rename CURRENT\.tmp/, /^sync MANIFEST/]) {
      const disk = new BadDisk();
      const db = await openOn(disk);
      await db.put('a', '1');
      await db.close();
      disk.failOnce(call);
      expect(await codeOf(openText(disk.fs)), String(call)).not.toBe('done');
      expect(await contentAfterPowerLoss(disk.memory), String(call)).toEqual({ a: '1' });
    }
  });
});

describe('a failed write', () => {
  it('of the log: what was not handed over is not seen any more', async () => {
    const disk = new BadDisk();
    const db = await openOn(disk);
    await db.put('a', '1');
    disk.failOnce(/^write \d+\.log/);
    expect(await codeOf(db.put('a', '2'))).toBe('LSM_FAILED');
    expect(db.getSync('a')).toBe('1');
    await db.close();
    expect(disk.attempts).toBe(1);
  });

  it('or sync of a table: the file is dropped, and it is tried again under a new number', async () => {
    for (const call of [/^write \d+\.sst/, /^sync \d+\.sst/]) {
      const disk = new BadDisk();
      const db = await openOn(disk);
      await db.put('a', '1', { durability: 'disk' });
      disk.fs.clear();
      disk.failOnce(call);
      expect(await codeOf(db.flush())).toBe('LSM_IO');
      expect(await codeOf(db.flush())).toBe('done');
      const created = disk.fs.lines.filter((line) => /^create \d+\.sst/.test(line));
      expect(created).toHaveLength(2);
      expect(created[1]).not.toBe(created[0]);
      const tables = [...disk.memory.snapshotFiles().keys()].filter((path) => /\.sst$/.test(path));
      expect(tables).toEqual([created[1].replace('create ', '/db/')]);
      expect(await codeOf(db.put('b', '2', { durability: 'disk' }))).toBe('done');
      expect(await contentAfterPowerLoss(disk.memory)).toEqual({ a: '1', b: '2' });
      await db.close();
    }
  });
});
