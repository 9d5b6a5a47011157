import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { MemoryFileSystem } from '../../src/fs.js';
import { Level, NoriLevel } from '../../src/level.js';
import { ensureBuilt } from '../cli/command.js';
import { failureOf, fill, make } from './databases.js';

const directory = mkdtempSync(join(tmpdir(), 'nori-level-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));
let databases = 0;

function freshPath(): string {
  return join(directory, String(databases++));
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
