import { describe, expect, it } from 'vitest';
import { Prng } from '../../src/base/prng.js';
import { open, type BackgroundErrorEvent, type Database } from '../../src/index.js';
import { FaultFileSystem, MemoryFileSystem } from '../../src/testing.js';

/** A disk of whose calls a test lets some fail, until it lifts the fault. */
class FailingDisk {
  readonly memory = new MemoryFileSystem();
  readonly fs = new FaultFileSystem(this.memory);

  async open(): Promise<Database<string, string>> {
    return open('/db', {
      fs: this.fs,
      keyEncoding: 'utf8',
      valueEncoding: 'utf8',
      memtableBytes: 64 * 1024,
    });
  }
}

describe('when the log cannot be written', () => {
  it('takes no more writes, says why, and reads what was logged', async () => {
    const disk = new FailingDisk();
    const db = await disk.open();
    const events: BackgroundErrorEvent[] = [];
    db.on('backgroundError', (event) => events.push(event));
    await db.put('a', 'kept');
    disk.fs.inject({ operation: 'write', path: /\.log$/, error: 'EIO', times: 'forever' });
    await expect(db.put('a', 'lost')).rejects.toMatchObject({ code: 'LSM_FAILED' });
    disk.fs.lift();
    await expect(db.put('b', 'late')).rejects.toMatchObject({
      code: 'LSM_FAILED',
      cause: expect.objectContaining({
        message: expect.stringContaining('EIO') as string,
      }) as Error,
    });
    expect(() => db.deleteSync('a')).toThrow(expect.objectContaining({ code: 'LSM_FAILED' }));
    await expect(db.flush()).rejects.toMatchObject({ code: 'LSM_FAILED' });
    expect(db.getSync('a')).toBe('kept');
    expect([...db.entriesSync()]).toEqual([['a', 'kept']]);
    expect(events).toMatchObject([{ during: 'log', fatal: true }]);
    expect(db.stats().failure).toContain('EIO');
    await db.close();
    const again = await disk.open();
    expect(again.getSync('a')).toBe('kept');
    await again.close();
  });

  it('a failed sync is never tried again', async () => {
    const disk = new FailingDisk();
    const db = await disk.open();
    await db.put('a', '1', { durability: 'disk' });
    disk.fs.inject({ operation: 'sync', path: /\.log$/, error: 'EIO', times: 'forever' });
    await expect(db.put('a', '2', { durability: 'disk' })).rejects.toMatchObject({
      code: 'LSM_FAILED',
    });
    await expect(db.sync()).rejects.toMatchObject({ code: 'LSM_FAILED' });
    expect(disk.fs.faults[0].calls.length).toBe(1);
    expect(() => db.putSync('x', '1')).toThrow(/takes no more writes/);
    await db.close();
  });
});

describe('when a table cannot be written', () => {
  it('says so, and goes on by itself once there is room', async () => {
    const disk = new FailingDisk();
    const db = await disk.open();
    await db.put('a', '1');
    disk.fs.inject({ operation: 'write', path: /\.sst$/, error: 'ENOSPC', times: 'forever' });
    await expect(db.flush()).rejects.toMatchObject({ code: 'LSM_NO_SPACE' });
    expect(db.getSync('a')).toBe('1');
    await db.put('b', '2');
    disk.fs.lift();
    await db.flush();
    expect(db.stats().levels[0].entries + (db.stats().levels.at(1)?.entries ?? 0)).toBe(2);
    const tables = [...disk.memory.snapshotFiles().keys()].filter((path) => path.endsWith('.sst'));
    expect(tables.length).toBe(db.stats().levels.reduce((sum, level) => sum + level.tables, 0));
    await db.close();
  });

  it('turns writers away while there is no room for more, without effect', async () => {
    const disk = new FailingDisk();
    const db = await disk.open();
    disk.fs.inject({ operation: 'write', path: /\.sst$/, error: 'ENOSPC', times: 'forever' });
    const value = 'x'.repeat(10_000);
    let refused: unknown;
    let written = 0;
    for (; written < 1000 && refused === undefined; written++) {
      await db.put(`k${written}`, value).catch((error: unknown) => (refused = error));
    }
    expect(refused).toMatchObject({ code: 'LSM_NO_SPACE' });
    expect(() => db.putSync('sync', value)).toThrow(
      expect.objectContaining({ code: 'LSM_NO_SPACE' }),
    );
    expect(db.hasSync('sync')).toBe(false);
    expect(db.hasSync(`k${written - 1}`)).toBe(false);
    expect(db.getSync('k0')).toBe(value);
    disk.fs.lift();
    db.putSync('sync', value);
    await db.put('after', value);
    await db.close();
    const again = await disk.open();
    expect(again.hasSync(`k${written - 2}`) && again.hasSync('after')).toBe(true);
    await again.close();
  });
});

describe('when a full L0 cannot be compacted', () => {
  it('turns writers away until it can be', async () => {
    const disk = new FailingDisk();
    const db = await open('/db', {
      fs: disk.fs,
      memtableBytes: 64 * 1024,
      l0CompactionTrigger: 1,
      l0SlowdownTables: 2,
      l0StopTables: 3,
    });
    const value = new Uint8Array(10_000);
    // Flushes write level 0 tables under numbers of their own; only compactions open inputs.
    disk.fs.inject({ operation: 'open', path: /\.sst$/, error: 'EMFILE', times: 'forever' });
    let refused: unknown;
    for (let i = 0; i < 200 && refused === undefined; i++) {
      await db.put(`k${i}`, value).catch((error: unknown) => (refused = error));
    }
    expect(refused).toMatchObject({ code: 'LSM_TOO_MANY_FILES' });
    expect(() => db.putSync('sync', value)).toThrow(
      expect.objectContaining({ code: 'LSM_TOO_MANY_FILES' }),
    );
    disk.fs.lift();
    db.putSync('sync', value);
    await db.put('after', value);
    expect(db.hasSync('k0') && db.hasSync('sync')).toBe(true);
    await db.close();
  });
});

describe('on a file system without synchronous calls', () => {
  it('synchronous methods are refused without effect, the others work', async () => {
    const db = await open('/db', { fs: new MemoryFileSystem({ sync: false }) });
    await db.put('a', '1');
    expect(() => db.putSync('a', '2')).toThrow(
      expect.objectContaining({ code: 'LSM_UNSUPPORTED' }),
    );
    await db.put('b', '2');
    await db.flush();
    expect(() => db.getSync('a')).toThrow(expect.objectContaining({ code: 'LSM_UNSUPPORTED' }));
    expect(Buffer.from((await db.get('a'))!).toString()).toBe('1');
    const keys: string[] = [];
    for await (const key of db.keys()) keys.push(Buffer.from(key).toString());
    expect(keys).toEqual(['a', 'b']);
    await db.close();
  });
});

describe('when the manifest cannot be synced', () => {
  it('takes no more writes, and loses nothing', async () => {
    const disk = new FailingDisk();
    const db = await disk.open();
    await db.put('a', '1');
    disk.fs.inject({ operation: 'sync', path: /MANIFEST/, error: 'EIO', times: 'forever' });
    await expect(db.flush()).rejects.toMatchObject({ code: 'LSM_FAILED' });
    await expect(db.put('b', '2')).rejects.toMatchObject({ code: 'LSM_FAILED' });
    expect(db.getSync('a')).toBe('1');
    disk.fs.lift();
    await db.close();
    const again = await disk.open();
    expect([...again.entriesSync()]).toEqual([['a', '1']]);
    await again.close();
  });
});

describe('a full L0 or full memtables', () => {
  it('make writers wait in order, and let them in when there is room', async () => {
    const db = await open('/db', {
      fs: new MemoryFileSystem(),
      keyEncoding: 'utf8',
      valueEncoding: 'utf8',
      memtableBytes: 64 * 1024,
      maxImmutableMemtables: 1,
      l0CompactionTrigger: 1,
      l0SlowdownTables: 2,
      l0StopTables: 2,
    });
    const stalls: string[] = [];
    db.on('stall', ({ state }) => stalls.push(state));
    const settled: number[] = [];
    const writes = Array.from({ length: 200 }, (_, i) =>
      db.put(`k${i % 50}`, `${i}`.padEnd(3000)).then(() => settled.push(i)),
    );
    expect(db.stats().stalls.waiting).toBeGreaterThan(0);
    await Promise.all(writes);
    expect(settled).toEqual(settled.toSorted((a, b) => a - b));
    expect(db.getSync('k49')!.trim()).toBe('199');
    expect(stalls[0]).toBe('begin');
    expect(stalls.at(-1)).toBe('end');
    expect(db.stats().stalls.waiting).toBe(0);
    await db.close();
  });

  it('are waited out by sync and flush, which cover the writes made before them', async () => {
    for (const barrier of ['sync', 'flush'] as const) {
      const options = { memtableBytes: 64 * 1024, maxImmutableMemtables: 1 };
      const fs = new MemoryFileSystem();
      const db = await open('/db', { fs, ...options });
      const writes = Array.from({ length: 100 }, (_, i) => db.put(`k${i}`, new Uint8Array(3000)));
      expect(db.stats().stalls.waiting).toBeGreaterThan(0);
      await db[barrier]();
      const afterPowerLoss = fs.crash({ keep: 0, random: new Prng(1) });
      const again = await open('/db', { fs: afterPowerLoss, ...options });
      expect([...again.keysSync()]).toHaveLength(100);
      await again.close();
      await Promise.allSettled(writes);
    }
  });

  it('let sync wait behind a write that is larger than what may wait', async () => {
    const db = await open('/db', {
      fs: new MemoryFileSystem(),
      memtableBytes: 64 * 1024,
      maxImmutableMemtables: 1,
      maxQueuedBytes: 64 * 1024,
    });
    const large = Array.from({ length: 9 }, (_, i) => `large ${i}`);
    const written: string[] = [];
    // Each fills a memtable: the first ones are admitted, one waits, and no second beside it.
    const writes = large.map((key) => db.put(key, new Uint8Array(100_000)).then(() => key));
    expect(db.stats().stalls.waiting).toBe(1);
    await db.sync();
    for (const result of await Promise.allSettled(writes)) {
      if (result.status === 'fulfilled') written.push(result.value);
    }
    expect([...db.keysSync()].map(String)).toHaveLength(written.length);
    expect(db.stats().stalls.waiting).toBe(0);
    await db.close();
  });

  it('refuse writes beyond what may wait', async () => {
    const db = await open('/db', {
      fs: new MemoryFileSystem(),
      memtableBytes: 64 * 1024,
      maxImmutableMemtables: 1,
      maxQueuedBytes: 64 * 1024,
    });
    const results = await Promise.allSettled(
      Array.from({ length: 300 }, (_, i) => db.put(`k${i}`, new Uint8Array(3000))),
    );
    const refused = results.filter((result) => result.status === 'rejected');
    expect(refused.length).toBeGreaterThan(0);
    for (const { reason } of refused) expect(reason).toMatchObject({ code: 'LSM_BUSY' });
    expect([...db.keysSync()].length).toBe(300 - refused.length);
    await db.close();
  });

  it('make synchronous writers do the work themselves', async () => {
    const db = await open('/db', {
      fs: new MemoryFileSystem(),
      memtableBytes: 64 * 1024,
      maxImmutableMemtables: 1,
      l0CompactionTrigger: 1,
      l0SlowdownTables: 2,
      l0StopTables: 3,
      tableBytes: 64 * 1024,
    });
    for (let i = 0; i < 2000; i++) db.putSync(`k${i % 700}`, new Uint8Array(1000).fill(i % 251));
    const { levels, memtables } = db.stats();
    expect(levels[0].tables).toBeLessThanOrEqual(3);
    expect(memtables.immutable).toBeLessThanOrEqual(1);
    for (let i = 1300; i < 2000; i++) expect(db.getSync(`k${i % 700}`)![0]).toBe(i % 251);
    await db.close();
  });
});

describe('when a table cannot be closed', () => {
  it('an iterator that held it last closes all the same', async () => {
    const disk = new FailingDisk();
    const limits = { l0CompactionTrigger: 40, l0SlowdownTables: 60, l0StopTables: 80 };
    const db = await open('/db', { fs: disk.fs, maxOpenTables: 8, ...limits });
    const names = Array.from({ length: 12 }, (_, i) => String.fromCharCode(0x61 + i));
    for (const name of names) {
      await db.batch(['0', '1', '2'].map((n) => ({ type: 'put', key: name + n, value: n })));
      await db.flush();
    }
    // More tables are in use than may be open: some are closed by who holds them last.
    const iterators = names.map((prefix) => db.keysSync({ prefix }));
    for (const iterator of iterators) iterator.next();
    disk.fs.inject({ operation: 'close', path: /\.sst$/, error: 'EIO', times: 'forever' });
    for (const iterator of iterators) iterator.close();
    expect(disk.fs.faults[0].calls.length).toBeGreaterThan(0);
    disk.fs.lift();
    expect(db.hasSync('a0')).toBe(true);
    await db.close();
  });
});
