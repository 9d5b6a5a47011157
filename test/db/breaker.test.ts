import { describe, expect, it } from 'vitest';
import { MemoryFileSystem, RecordingFileSystem, type FileSystem } from '../../src/fs.js';
import {
  open,
  type BackgroundErrorEvent,
  type Database,
  type OpenOptions,
} from '../../src/index.js';

const text = { keyEncoding: 'utf8', valueEncoding: 'utf8' } as const;
const small = { memtableBytes: 64 * 1024, tableBytes: 16 * 1024, compression: 'none' } as const;
const large = 'x'.repeat(10_000);

function openText(
  fs: FileSystem,
  options: Omit<OpenOptions, 'keyEncoding' | 'valueEncoding'> = {},
): Promise<Database<string, string>> {
  return open('/db', { fs, ...text, ...small, ...options });
}

function watchErrors(db: Database<string, string>): BackgroundErrorEvent[] {
  const errors: BackgroundErrorEvent[] = [];
  db.on('backgroundError', (event) => errors.push(event));
  return errors;
}

describe('a listener that writes to the database', () => {
  it('takes nothing away from the synchronous write that it interrupts', async () => {
    const db = await openText(new MemoryFileSystem(), {
      maxImmutableMemtables: 1,
      l0CompactionTrigger: 1,
      l0SlowdownTables: 2,
      l0StopTables: 3,
    });
    const errors = watchErrors(db);
    let heard = 0;
    const ignore = [
      db.on('flush', () => db.putSync(`flush ${heard++}`, large)),
      db.on('compaction', () => void db.put('compaction', `${heard++}`)),
    ];
    for (let i = 0; i < 300; i++) db.putSync(`k${i}`, `${i}:${large}`);
    for (let i = 0; i < 300; i++) expect(db.getSync(`k${i}`)).toBe(`${i}:${large}`);
    expect(heard).toBeGreaterThan(10);
    expect(errors).toEqual([]);
    for (const each of ignore) each();
    await db.close();
  });

  it('takes nothing away from the write that has to wait', async () => {
    const db = await openText(new MemoryFileSystem(), { maxImmutableMemtables: 1 });
    let heard = 0;
    const listening: Promise<void>[] = [];
    db.on('stall', ({ kind, state }) => {
      if (kind !== 'stop' || state !== 'begin' || heard++ > 0) return;
      listening.push(db.put('stall', 'begins'));
    });
    const written: Promise<void>[] = [];
    for (let i = 0; i < 100; i++) written.push(db.put(`k${i}`, `${i}:${large}`));
    await Promise.all([...written, ...listening]);
    expect(heard).toBeGreaterThan(0);
    expect(db.getSync('stall')).toBe('begins');
    for (let i = 0; i < 100; i++) expect(db.getSync(`k${i}`)).toBe(`${i}:${large}`);
    await db.close();
  });

  it('may close it under a synchronous write', async () => {
    const db = await openText(new MemoryFileSystem(), {
      maxImmutableMemtables: 1,
      memtableBudgetBytes: 1 << 20,
      maxWalBytes: 1 << 20,
    });
    const x = await db.keyspace('x');
    let closing: Promise<void> | undefined;
    db.on('flush', () => void (closing ??= db.close()));
    const full = large.repeat(7);
    // Each fills two memtables, of which one may wait for its flush.
    const fillBoth = (): void => {
      db.batchSync([
        { type: 'put', key: 'a', value: full },
        { type: 'put', key: 'a', value: full, keyspace: x },
      ]);
    };
    fillBoth();
    expect(() => {
      fillBoth();
      fillBoth();
    }).toThrow(expect.objectContaining({ code: 'LSM_CLOSED' }));
    await closing;
  });
});

describe('a keyspace that was dropped', () => {
  it('puts no pressure on writers any more', async () => {
    const db = await openText(new MemoryFileSystem(), {
      l0CompactionTrigger: 64,
      l0SlowdownTables: 65,
      l0StopTables: 66,
    });
    const x = await db.keyspace('x');
    for (let i = 0; i < 9; i++) {
      await x.put(`k${i}`, large);
      await db.flush();
    }
    await db.keyspace('x', { l0CompactionTrigger: 1, l0SlowdownTables: 2, l0StopTables: 100 });
    await x.put('last', large);
    expect(db.stats().stalls.pressure).toBeGreaterThan(0);
    await db.dropKeyspace('x');
    await db.put('a', '1');
    expect(db.stats().stalls).toMatchObject({ pressure: 0, reason: undefined });
    await db.close();
  });
});

describe('a synchronous writer beside a drop that nobody awaits', () => {
  it('ends the drop when it keeps the logs too long', async () => {
    const db = await openText(new MemoryFileSystem());
    const x = await db.keyspace('x');
    await x.put('old', '1');
    const dropped = db.dropKeyspace('x');
    // The event loop does not turn: a writer that waits for it waits for ever.
    for (let i = 0; i < 200; i++) db.putSync(`k${i}`, large);
    expect(db.stats().log.bytes).toBeLessThan(12 * small.memtableBytes);
    await dropped;
    expect(db.keyspaces()).toEqual(['default']);
    await db.close();
  });
});

describe('a keyspace whose compactions fail', () => {
  it('does not keep others from theirs', { timeout: 20_000 }, async () => {
    const broken = new Map<string, string>();
    const disk = new RecordingFileSystem(new MemoryFileSystem(), {
      beforeCall: (operation, path) => {
        if (/^(open|read)/.test(operation) && broken.has(path))
          throw Object.assign(new Error('EIO: a bad sector'), { code: 'EIO' });
      },
    });
    const db = await openText(disk, {
      maxCompactions: 1,
      l0CompactionTrigger: 2,
      l0SlowdownTables: 3,
      l0StopTables: 100,
    });
    const x = await db.keyspace('x');
    const y = await db.keyspace('y');
    const errors = watchErrors(db);
    const stop = db.on('flush', ({ keyspace, fileNumber }) => {
      if (keyspace !== 'y') broken.set(`/db/${String(fileNumber).padStart(6, '0')}.sst`, keyspace);
    });
    for (let i = 0; i < 5; i++) {
      await db.put('a', `${i}`);
      await x.put('a', `${i}`);
      await y.put('a', `${i}`);
      await db.flush();
    }
    stop();
    await y.compactRange();
    const failed = (): Set<string | undefined> => new Set(errors.map(({ keyspace }) => keyspace));
    // Retries are at most some hundred milliseconds apart by then.
    for (let i = 0; i < 500 && failed().size < 2; i++) {
      await new Promise((resolve) => void setTimeout(resolve, 10));
    }
    expect([...failed()].sort()).toEqual(['default', 'x']);
    for (const [path, keyspace] of broken) if (keyspace === 'x') broken.delete(path);
    await x.compactRange();
    await db.close();
  });
});

describe('a job that fails under a synchronous writer', () => {
  it('is tried again: what the thread pool says of it later is known', async () => {
    let isFull = true;
    const disk = new RecordingFileSystem(new MemoryFileSystem(), {
      beforeCall: (operation, path) => {
        if (isFull && operation.startsWith('write') && path.endsWith('.sst'))
          throw Object.assign(new Error('ENOSPC: full'), { code: 'ENOSPC' });
      },
    });
    const db = await openText(disk, { maxImmutableMemtables: 1 });
    const errors = watchErrors(db);
    let refused: unknown;
    for (let i = 0; i < 100 && refused === undefined; i++) {
      try {
        db.putSync(`k${i}`, large);
      } catch (error) {
        refused = error;
      }
    }
    expect(refused).toMatchObject({ code: 'LSM_NO_SPACE' });
    isFull = false;
    await new Promise((resolve) => void setImmediate(resolve));
    expect(errors.filter(({ fatal }) => fatal)).toEqual([]);
    db.putSync('after', large);
    await db.flush();
    await db.close();
  });
});

describe('close', () => {
  it('lets the lock go also when a table cannot be closed', async () => {
    const memory = new MemoryFileSystem();
    let isBroken = false;
    const disk = new RecordingFileSystem(memory, {
      beforeCall: (operation, path) => {
        if (isBroken && operation === 'close' && path.endsWith('.sst'))
          throw Object.assign(new Error('EIO: close'), { code: 'EIO' });
      },
    });
    const db = await openText(disk);
    await db.put('a', '1');
    await db.flush();
    expect(await db.get('a')).toBe('1');
    isBroken = true;
    await expect(db.close()).rejects.toMatchObject({ code: 'LSM_IO' });
    isBroken = false;
    const again = await openText(disk);
    expect(again.getSync('a')).toBe('1');
    await again.close();
  });
});

describe('a table that cannot be closed', () => {
  it('does not keep the others open', async () => {
    const memory = new MemoryFileSystem();
    const broken = { path: '' };
    const disk = new RecordingFileSystem(memory, {
      beforeCall: (operation, path) => {
        if (operation === 'close' && path === broken.path)
          throw Object.assign(new Error('EIO: close'), { code: 'EIO' });
      },
    });
    const db = await openText(disk);
    const tables: number[] = [];
    db.on('flush', ({ fileNumber }) => tables.push(fileNumber));
    for (const key of ['a', 'b', 'c']) {
      await db.put(key, '1');
      await db.flush();
      expect(await db.get(key)).toBe('1');
    }
    broken.path = `${db.path}/${String(tables[0]).padStart(6, '0')}.sst`;
    await expect(db.close()).rejects.toMatchObject({ code: 'LSM_IO' });
    expect(memory.openFiles).toBe(1);
  });
});

describe('when the next log cannot be made', () => {
  it('a caller that never lets the event loop turn can try again', async () => {
    const fs = new MemoryFileSystem();
    let isFull = false;
    const disk = new RecordingFileSystem(fs, {
      beforeCall: (operation, path) => {
        if (isFull && operation.startsWith('create') && path.endsWith('.log'))
          throw Object.assign(new Error('ENOSPC: full'), { code: 'ENOSPC' });
      },
    });
    const db = await openText(disk);
    isFull = true;
    let refused: unknown;
    let i = 0;
    for (; i < 100 && refused === undefined; i++) {
      try {
        db.putSync(`k${i}`, large);
      } catch (error) {
        refused = error;
      }
    }
    expect(refused).toMatchObject({ code: 'LSM_NO_SPACE' });
    isFull = false;
    db.putSync('again', large);
    expect(db.getSync('again')).toBe(large);
    await db.close();
  });
});
