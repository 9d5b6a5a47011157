import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { MemoryFileSystem } from '../../src/fs.js';
import { Level, NoriLevel, type DatabaseOptions } from '../../src/level.js';
import { ensureBuilt } from '../cli/command.js';
import { GatedDisk } from '../support/gated-disk.js';

const directory = mkdtempSync(join(tmpdir(), 'nori-level-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));
let databases = 0;

function freshPath(): string {
  return join(directory, String(databases++));
}

/** On a disk in memory, unless options say otherwise. */
function make(options: DatabaseOptions<string, string> = {}): NoriLevel {
  return new NoriLevel('/db', { nori: { fs: new MemoryFileSystem() }, ...options });
}

async function fill(db: NoriLevel, count: number, value = 'v'): Promise<void> {
  const key = (i: number): string => String(i).padStart(6, '0');
  await db.batch(Array.from({ length: count }, (_, i) => ({ type: 'put', key: key(i), value })));
}

async function failureOf(call: Promise<unknown>): Promise<Error & { code: string; cause: never }> {
  return call.then(
    () => {
      throw new Error('it succeeded');
    },
    (error: unknown) => error as never,
  );
}

describe('the constructor', () => {
  it('is exported as NoriLevel and as Level', () => {
    expect(Level).toBe(NoriLevel);
    expect(make().location).toBe('/db');
  });

  it.each([undefined, '', 1, null])('wants a location: %s', (location) => {
    const message = "The first argument 'location' must be a non-empty string";
    expect(() => new NoriLevel(location as never)).toThrow(message);
  });

  it('says what it supports', () => {
    expect(make().supports).toMatchObject({
      encodings: { buffer: true, view: true, utf8: true, json: true, hex: true, base64: true },
      implicitSnapshots: true,
      explicitSnapshots: true,
      permanence: true,
      seek: true,
      has: true,
      getSync: true,
      deferredOpen: true,
      createIfMissing: true,
      errorIfExists: true,
      signals: { iterators: true },
      additionalMethods: { approximateSize: true, compactRange: true },
    });
  });
});

describe('options of classic-level', () => {
  it('become ours, brought into our range', async () => {
    const db = make({
      cacheSize: 0,
      writeBufferSize: 1,
      blockSize: 4000.4,
      maxOpenFiles: 1e9,
      maxFileSize: 3 * 1024 * 1024,
      compression: false,
      blockRestartInterval: 16,
      paranoidChecks: true,
      multithreading: false,
    });
    await db.open();
    const { blockCache } = db.nori.stats();
    expect(blockCache.capacityBytes).toBe(0);
    await db.close();
  });

  it('are refused where they cannot be meant so', () => {
    expect(() => make({ multithreading: true })).toThrow(
      expect.objectContaining({ code: 'LEVEL_NOT_SUPPORTED' }),
    );
    expect(() => make({ cacheSize: '8MB' as never })).toThrow("'cacheSize' must be a number");
    expect(() => make({ compression: 'zstd' as never })).toThrow('nori.compression');
    expect(() => make({ memtableBytes: 65_536 } as never)).toThrow('nori: { memtableBytes }');
    expect(() => make({ nori: { createIfMissing: false } as never })).toThrow("beside 'nori'");
  });

  it('that belong to other databases are passed over', async () => {
    const db = make({ prefix: 'x', version: 1 } as never);
    await db.open();
    await db.close();
  });

  it('name ours under nori, which are checked when it opens', async () => {
    const db = make({ nori: { fs: new MemoryFileSystem(), bloomBitsPerKey: 99 } });
    const error = await failureOf(db.open());
    expect(error).toMatchObject({
      code: 'LEVEL_DATABASE_NOT_OPEN',
      cause: { code: 'LSM_INVALID_ARGUMENT' },
    });
  });
});

describe('a failed open', () => {
  it('is LEVEL_LOCKED for a second handle', async () => {
    const path = freshPath();
    const db = new NoriLevel(path);
    await db.open();
    const code = 'LEVEL_LOCKED';
    const error = await failureOf(new NoriLevel(path).open());
    expect(error).toMatchObject({ code: 'LEVEL_DATABASE_NOT_OPEN', cause: { code } });
    expect(await failureOf(NoriLevel.destroy(path))).toMatchObject({ code });
    expect(await failureOf(NoriLevel.repair(path))).toMatchObject({ code });
    await db.close();
    await NoriLevel.destroy(path);
  });

  it('is LEVEL_LOCKED when another process has it, until that lets go', async () => {
    ensureBuilt();
    const path = freshPath();
    const program = fileURLToPath(new URL('locks.mjs', import.meta.url));
    const other = spawn(process.execPath, [program, path], { stdio: ['pipe', 'pipe', 'inherit'] });
    const said = await new Promise((resolve) => other.stdout.once('data', resolve));
    expect(String(said)).toBe('open\n');
    const db = new NoriLevel(path);
    const error = await failureOf(db.open());
    expect(error).toMatchObject({
      code: 'LEVEL_DATABASE_NOT_OPEN',
      cause: { code: 'LEVEL_LOCKED' },
    });
    const ended = new Promise((resolve) => other.once('close', resolve));
    other.stdin.end();
    await ended;
    await db.open();
    await db.put('a', '1');
    await db.close();
  }, 300_000);

  it('is LEVEL_CORRUPTION for damaged files, and repair saves what can be read', async () => {
    const path = freshPath();
    const db = new NoriLevel(path);
    await db.put('a', '1');
    await db.close();
    for (const name of readdirSync(path)) {
      if (name.startsWith('MANIFEST')) writeFileSync(join(path, name), 'damaged');
    }
    const error = await failureOf(db.open());
    expect(error).toMatchObject({
      code: 'LEVEL_DATABASE_NOT_OPEN',
      cause: { code: 'LEVEL_CORRUPTION', cause: { code: 'LSM_CORRUPTION' } },
    });
    await NoriLevel.repair(path);
    await db.open();
    expect(await db.get('a')).toBe('1');
    await db.close();
  });

  it('is LEVEL_IO_ERROR when the disk refuses', async () => {
    const fs = new MemoryFileSystem();
    fs.list = () => Promise.reject(Object.assign(new Error('EIO: i/o error'), { code: 'EIO' }));
    const error = await failureOf(make({ nori: { fs } }).open());
    expect(error.cause).toMatchObject({ code: 'LEVEL_IO_ERROR' });
  });

  it('says that a directory is a LevelDB, and what to do', async () => {
    const path = freshPath();
    mkdirSync(path);
    writeFileSync(join(path, 'CURRENT'), 'MANIFEST-000002\n');
    writeFileSync(join(path, 'MANIFEST-000002'), 'as LevelDB writes it');
    writeFileSync(join(path, '000003.log'), '');
    writeFileSync(join(path, 'LOCK'), '');
    const error = await failureOf(new NoriLevel(path).open());
    expect(error).toMatchObject({ cause: { code: 'LSM_NOT_A_DATABASE' } });
    expect((error.cause as Error).message).toContain(`nori import-leveldb ${path} --to NEW`);
    expect(readdirSync(path).sort()).toEqual(['000003.log', 'CURRENT', 'LOCK', 'MANIFEST-000002']);
  });
});

describe('what classic-level adds', () => {
  it('approximateSize', async () => {
    const db = make({ compression: false });
    await fill(db, 1000, 'v'.repeat(100));
    await db.nori.flush();
    const all = await db.approximateSize('0', '9');
    expect(all).toBeGreaterThan(100_000);
    expect(await db.approximateSize('000500', '9')).toBeLessThan(all * 0.7);
    expect(await db.approximateSize('9', '0')).toBe(0);
    const hex = { keyEncoding: 'hex' };
    expect(await db.approximateSize('30', '39', hex)).toBe(all);
    const message = "The arguments 'start' and 'end' are required";
    await expect((db.approximateSize as (start: string) => unknown)('0')).rejects.toThrow(message);
    await db.close();
    expect(await failureOf(db.approximateSize('0', '9'))).toMatchObject({
      code: 'LEVEL_DATABASE_NOT_OPEN',
      message: 'Database is not open: cannot call approximateSize()',
    });
  });

  it('compactRange, both ends included', async () => {
    const db = make();
    await fill(db, 100);
    await db.clear();
    await db.nori.flush();
    expect(Number(db.getProperty('leveldb.num-files-at-level0'))).toBe(1);
    await db.compactRange('000000', '000099');
    expect(db.nori.stats().levels.every(({ tables }) => tables === 0)).toBe(true);
    await db.compactRange('9', '0');
    await db.close();
    expect(await failureOf(db.compactRange('0', '9'))).toMatchObject({
      code: 'LEVEL_DATABASE_NOT_OPEN',
    });
  });

  it('both wait for a database that is still opening', async () => {
    const db = make();
    expect(db.status).toBe('opening');
    expect(await db.approximateSize('a', 'b')).toBe(0);
    await db.close();
    await db.open();
    const other = make();
    await other.compactRange('a', 'b');
    await other.close();
    await db.close();
  });

  it('getProperty', async () => {
    const db = make();
    expect(() => db.getProperty('leveldb.stats')).toThrow('Database is not open');
    await db.open();
    await fill(db, 10);
    await db.nori.flush();
    expect(db.getProperty('leveldb.num-files-at-level0')).toBe('1');
    expect(db.getProperty('leveldb.num-files-at-level6')).toBe('0');
    expect(db.getProperty('leveldb.num-files-at-level99')).toBe('');
    expect(db.getProperty('leveldb.stats')).toMatch(/Level {2}Files Size\(MB\).*\n-+\n +0 +1 /);
    expect(db.getProperty('leveldb.sstables')).toMatch(/^--- level 0 ---\n 1 tables, /);
    expect(Number(db.getProperty('leveldb.approximate-memory-usage'))).toBeGreaterThan(0);
    expect(JSON.parse(db.getProperty('nori.stats'))).toHaveProperty('writeAmplification');
    expect(db.getProperty('unknown')).toBe('');
    expect(() => db.getProperty(1 as never)).toThrow("'property' must be a string");
    await db.close();
  });

  it('destroy removes the database and nothing else; nothing there is no error', async () => {
    const path = freshPath();
    const db = new NoriLevel(join(path, 'deep'));
    await db.put('a', '1');
    await db.close();
    await NoriLevel.destroy(join(path, 'deep'));
    expect(readdirSync(path)).toEqual([]);
    await NoriLevel.destroy(join(path, 'deep'));
    await NoriLevel.repair(join(path, 'deep'));
    writeFileSync(join(path, 'mine.txt'), '');
    await expect(NoriLevel.destroy(path)).rejects.toMatchObject({ code: 'LSM_NOT_A_DATABASE' });
    expect(readdirSync(path)).toEqual(['mine.txt']);
    await expect(NoriLevel.destroy('')).rejects.toThrow('non-empty string');
  });

  it('{ sync: true } settles when the write is on disk', async () => {
    const db = make();
    await db.open();
    const { syncs } = db.nori.stats().log;
    await db.put('a', '1', { sync: true });
    expect(db.nori.stats().log.syncs).toBeGreaterThan(syncs);
    await db.del('a', { sync: true });
    await db.batch([{ type: 'put', key: 'b', value: '1' }], { sync: true });
    await db.batch().put('c', '1').write({ sync: true });
    expect(db.nori.stats().log.syncs).toBeGreaterThanOrEqual(syncs + 4);
    await db.close();
  });

  it('any view is taken as bytes', async () => {
    const db = make();
    const view = { keyEncoding: 'view', valueEncoding: 'view' };
    await db.put<Uint16Array, DataView>(
      Uint16Array.of(1, 2),
      new DataView(Uint8Array.of(9, 8, 7).buffer, 1),
      view,
    );
    const key = Uint8Array.from(Buffer.from(Uint16Array.of(1, 2).buffer));
    expect(await db.get<Uint8Array, Uint8Array>(key, view)).toEqual(Uint8Array.of(8, 7));
    expect(db.getSync<Uint16Array, Uint8Array>(Uint16Array.of(1, 2), view)).toEqual(
      Uint8Array.of(8, 7),
    );
    await db.close();
  });
});

describe('iterators', () => {
  it('give fewer entries at a time where they are large', async () => {
    const db = make();
    await fill(db, 100, 'v'.repeat(10_000));
    const iterator = db.iterator({ highWaterMarkBytes: 50_000 });
    expect((await iterator.nextv(100)).length).toBe(5);
    await iterator.close();
    expect((await db.keys({ highWaterMarkBytes: 50_000 }).nextv(100)).length).toBe(100);
    expect((await db.iterator({ highWaterMarkBytes: 0 }).all()).length).toBe(100);
    await db.close();
  });

  it('mix next, nextv and seek', async () => {
    const db = make();
    await fill(db, 20);
    const keys = db.keys();
    for (const key of ['000000', '000001', '000002', '000003']) expect(await keys.next()).toBe(key);
    // Read ahead by `next`.
    const some = await keys.nextv(3);
    expect(some[0]).toBe('000004');
    keys.seek('000018');
    expect(await keys.nextv(10)).toEqual(['000018', '000019']);
    expect(await keys.next()).toBeUndefined();
    keys.seek('000019');
    expect(await keys.all()).toEqual(['000019']);
    await db.close();
  });

  it('let others have their turn: timers fire and writes settle during a long walk', async () => {
    const db = make();
    await fill(db, 50_000);
    let ticks = 0;
    let writes = 0;
    const timer = setInterval(() => {
      ticks++;
      void db.put(`z${ticks}`, 'v').then(() => writes++);
    }, 1);
    let count = 0;
    const began = performance.now();
    for (let round = 0; round < 20 && (ticks < 3 || writes < 3); round++) {
      for await (const key of db.keys()) if (key !== '') count++;
    }
    clearInterval(timer);
    expect(count).toBeGreaterThanOrEqual(50_000);
    // Where the walks are over within a few milliseconds there was nobody to starve.
    if (performance.now() - began > 100) {
      expect(ticks).toBeGreaterThanOrEqual(3);
      expect(writes).toBeGreaterThanOrEqual(3);
    }
    await db.close();
  });

  it('never see what is written after they were made', async () => {
    const db = make();
    await fill(db, 5000);
    const keys = db.keys();
    const seen = [await keys.next()];
    await db.clear();
    await fill(db, 6000);
    for await (const key of keys) seen.push(key);
    expect(seen.length).toBe(5000);
    await db.close();
  });

  it('reject reads of an aborted signal, also where all was in memory', async () => {
    const db = make();
    await fill(db, 5000);
    const controller = new AbortController();
    const iterator = db.iterator({ signal: controller.signal });
    const all = iterator.all();
    controller.abort(new Error('enough'));
    expect(await failureOf(all)).toMatchObject({ name: 'AbortError', code: 'LEVEL_ABORTED' });
    await db.close();
  });

  it('with a bad option fail when they are read, not where a deferred one is made', async () => {
    const db = make();
    const keys = db.keys({ gte: 'k'.repeat(70_000) });
    await db.open();
    expect(await failureOf(keys.next())).toMatchObject({ code: 'LSM_TOO_LARGE' });
    await keys.close();
    const snapshot = { ref: () => undefined, unref: () => undefined } as never;
    await expect(db.keys({ snapshot }).next()).rejects.toThrow('one that this database has made');
    await expect(db.get('a', { snapshot })).rejects.toThrow('one that this database has made');
    await db.close();
  });
});

describe('close', () => {
  it('ends open iterators, snapshots and batches, and leaves nothing pinned', async () => {
    const db = make();
    await fill(db, 100);
    const iterator = db.iterator();
    await iterator.next();
    const snapshot = db.snapshot();
    const batch = db.batch().put('x', 'y');
    const { nori } = db;
    await db.close();
    expect(nori.isOpen).toBe(false);
    await expect(iterator.next()).rejects.toMatchObject({ code: 'LEVEL_ITERATOR_NOT_OPEN' });
    expect(() => batch.put('x', 'z')).toThrow(
      expect.objectContaining({ code: 'LEVEL_BATCH_NOT_OPEN' }),
    );
    await db.open();
    await expect(db.get('000001', { snapshot })).rejects.toMatchObject({
      code: 'LEVEL_SNAPSHOT_NOT_OPEN',
    });
    expect(await db.get('000001')).toBe('v');
    expect(db.nori.stats().snapshots).toEqual([]);
    expect(db.nori.stats().iterators).toEqual([]);
    await db.close();
  });

  it('waits for reads that wait for the disk, and for everything else that is pending', async () => {
    const fs = new GatedDisk();
    const db = make({ nori: { fs } });
    await fill(db, 1000);
    await db.nori.flush();
    await db.close();
    await db.open();
    const gate = fs.hold('open', /\.sst$/);
    const calls = Promise.all([
      db.get('000001'),
      db.getMany(['000002', 'none']),
      db.has('000003'),
      db.hasMany(['000004', 'none']),
      db.keys({ limit: 2 }).all(),
      db.put('x', 'y'),
      db.batch([{ type: 'put', key: 'z', value: 'y' }]),
      db.clear({ gte: '000900', lt: '1' }),
      db.approximateSize('0', '1'),
    ]);
    let isClosed = false;
    const closed = db.close().then(() => (isClosed = true));
    await gate.reached;
    await new Promise((resolve) => setImmediate(resolve));
    expect(isClosed).toBe(false);
    gate.letGo();
    const [value, values, has, many, keys] = await calls;
    expect([value, values, has, many, keys]).toEqual([
      'v',
      ['v', undefined],
      true,
      [true, false],
      ['000000', '000001'],
    ]);
    await closed;
    await db.open();
    expect(await db.getMany(['x', 'z'])).toEqual(['y', 'y']);
    expect((await db.keys({ gte: '0', lt: '1' }).all()).length).toBe(900);
    await db.close();
  });

  it('takes all that was written without awaiting', async () => {
    const db = make({ writeBufferSize: 65_536 });
    await db.open();
    const value = 'v'.repeat(1000);
    const writes = Array.from({ length: 2000 }, (_, i) => db.put(String(i), value));
    const closed = db.close();
    await Promise.all(writes);
    await closed;
    await db.open();
    expect((await db.keys().all()).length).toBe(2000);
    await db.close();
  });
});
