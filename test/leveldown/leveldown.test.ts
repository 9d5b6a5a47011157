import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Prng } from '../../src/base/prng.js';
import { MemoryFileSystem } from '../../src/fs.js';
import {
  leveldown,
  type LevelDown,
  type LevelDownOpenOptions,
  type LevelDownOperation,
} from '../../src/leveldown.js';
import { ensureBuilt } from '../cli/command.js';

/* What abstract-leveldown's own suite leaves open, and what leveldown adds. */

let folder: string;
let location: string;
let locations = 0;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'nori-leveldown-'));
});
beforeEach(() => {
  location = join(folder, String(++locations));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A method with a callback, as one with a promise. */
function promised(db: LevelDown) {
  const of = (name: keyof LevelDown) => promisify((db[name] as Method).bind(db)) as unknown;
  return {
    open: of('open') as (options: LevelDownOpenOptions) => Promise<void>,
    close: of('close') as () => Promise<void>,
    put: of('put') as (key: string, value: string, options?: object) => Promise<void>,
    get: of('get') as (key: string, options?: object) => Promise<unknown>,
    del: of('del') as (key: string) => Promise<void>,
    batch: of('batch') as (operations: readonly LevelDownOperation[]) => Promise<void>,
    approximateSize: of('approximateSize') as (start: string, end: string) => Promise<number>,
    compactRange: of('compactRange') as (start: string, end: string) => Promise<void>,
  };
}

type Method = (...args: unknown[]) => void;

async function opened(options: LevelDownOpenOptions = {}): Promise<LevelDown> {
  const db = leveldown(location);
  await promised(db).open(options);
  return db;
}

const text = { asBuffer: false };

describe('construction', () => {
  it('takes the class with `new`, without, and extended', () => {
    class Extended extends leveldown {}
    for (const db of [leveldown(location), new leveldown(location), new Extended(location)]) {
      expect(db).toBeInstanceOf(leveldown);
      expect(db.location).toBe(location);
    }
    expect(new Extended(location)).toBeInstanceOf(Extended);
    expect(() => leveldown(1 as never)).toThrow(/location string/);
  });
});

describe('opening', () => {
  it('finds what was written when it is opened again', async () => {
    const first = await opened();
    await promised(first).batch([
      { type: 'put', key: 'a', value: '1' },
      { type: 'put', key: 'b', value: Buffer.from([0, 255]) },
      { type: 'del', key: 'a' },
    ]);
    await promised(first).close();

    const { open, get, close } = promised(first);
    await open({});
    await expect(get('a')).rejects.toThrow('NotFound');
    expect(await get('b')).toEqual(Buffer.from([0, 255]));
    await close();
  });

  it('maps options, and refuses what cannot be meant', async () => {
    const db = leveldown(location);
    const { open, close } = promised(db);
    await expect(open({ createIfMissing: false })).rejects.toThrow(/does not exist/);
    await expect(open({ cacheSize: 'much' as never })).rejects.toThrow(/cacheSize/);
    await expect(open({ compression: 'snappy' as never })).rejects.toThrow(/compression/);
    await open({ compression: false, writeBufferSize: 1 << 20, blockRestartInterval: 4 });
    await close();
    await expect(open({ errorIfExists: true })).rejects.toThrow(/exists/);
  });

  it('says that another process has it', async () => {
    ensureBuilt();
    const db = await opened();
    const program = `require(${JSON.stringify(join(process.cwd(), 'dist/leveldown.js'))})
      .leveldown(${JSON.stringify(location)})
      .open((error) => console.log(error.code, error.message));`;
    const { stdout } = spawnSync(process.execPath, ['-e', program], { encoding: 'utf8' });
    expect(stdout).toMatch(/^LEVEL_LOCKED .*/);
    await promised(db).close();
  }, 300_000);

  it('answers calls before it is open with an error, later', async () => {
    const db = leveldown(location);
    await expect(promised(db).put('a', '1')).rejects.toThrow('Database is not open');
    expect(() => db.iterator()).toThrow(/before open/);
    expect(() => db.getProperty('leveldb.stats')).toThrow('Database is not open');
  });
});

describe('iterators', () => {
  it('see the moment they were made in, and count what they give, not what they read ahead', async () => {
    const db = await opened({ nori: { fs: new MemoryFileSystem() } });
    const { put, del, close } = promised(db);
    for (const key of ['a', 'b', 'c', 'd', 'e', 'f']) await put(key, key);
    const iterator = db.iterator({ keyAsBuffer: false, values: false, limit: 5, gte: '' });
    await put('aa', 'new');
    await del('b');
    const keys: unknown[] = [];
    for (let i = 0; i < 4; i++) keys.push((await iterator.next())?.[0]);
    iterator.seek('a');
    keys.push((await iterator.next())?.[0], await iterator.next());
    expect(keys).toEqual(['a', 'b', 'c', 'd', 'a', undefined]);
    await iterator.end();
    await close();
  });

  it('give something for keys and values that were not asked for', async () => {
    const db = await opened({ nori: { fs: new MemoryFileSystem() } });
    await promised(db).put('a', '1');
    const iterator = db.iterator({ keys: false, values: false, keyAsBuffer: false });
    expect(await iterator.next()).toEqual(['', Buffer.alloc(0)]);
    expect(await iterator.next()).toBeUndefined();
    await iterator.end();
    await promised(db).close();
  });
});

describe('writes', () => {
  it('wait for the disk with `sync`, which the crash of the machine then leaves alone', async () => {
    const fs = new MemoryFileSystem();
    const db = await opened({ nori: { fs } });
    await promised(db).put('synced', '1', { sync: true });
    await promised(db).put('not synced', '1');
    const lost = fs.crash({ keep: 0, random: new Prng(1) });

    const after = await opened({ nori: { fs: lost } });
    expect(await promised(after).get('synced', text)).toBe('1');
    await expect(promised(after).get('not synced', text)).rejects.toThrow('NotFound');
    await promised(after).close();
  });

  it('take what is in a chained batch as it was when it was put', async () => {
    const db = await opened({ nori: { fs: new MemoryFileSystem() } });
    const value = Buffer.from('before');
    const batch = db.batch().put('a', value).put('b', 'b').del('b');
    value.fill(0);
    await promisify(batch.write.bind(batch) as (done: () => void) => void)();
    expect(await promised(db).get('a', text)).toBe('before');
    await promised(db).close();
  });

  it('are waited for by close', async () => {
    const db = await opened();
    const order: string[] = [];
    db.put('a', '1', () => order.push('put'));
    db.get('a', () => order.push('get'));
    db.close(() => order.push('closed'));
    await expect.poll(() => order.at(-1)).toBe('closed');
    expect(order.toSorted()).toEqual(['closed', 'get', 'put']);
  });
});

describe('what is not in abstract-leveldown', () => {
  it('tells sizes and properties, and compacts', async () => {
    const db = await opened();
    const { put, approximateSize, compactRange, close } = promised(db);
    for (let i = 0; i < 100; i++) await put(`key-${i}`, String(i).repeat(500));
    await compactRange('key-', 'key-z');
    expect(await approximateSize('key-', 'key-z')).toBeGreaterThan(1000);
    expect(await approximateSize('x', 'y')).toBe(0);
    expect(db.getProperty('leveldb.stats')).toMatch(/Level/);
    expect(db.getProperty('leveldb.unknown')).toBe('');
    expect(() => db.approximateSize(null as never, 'a', () => {})).toThrow(/`start` and `end`/);
    await close();
  });

  it('repairs and destroys, with callbacks', async () => {
    const db = await opened();
    await promised(db).put('a', '1', { sync: true });
    await promised(db).close();
    rmSync(join(location, 'CURRENT'));
    await promisify(leveldown.repair)(location);
    await promised(db).open({ createIfMissing: false });
    expect(await promised(db).get('a', text)).toBe('1');
    await promised(db).close();

    writeFileSync(join(location, 'mine.txt'), 'mine');
    await promisify(leveldown.destroy)(location);
    expect(existsSync(join(location, 'mine.txt'))).toBe(true);
    expect(existsSync(join(location, 'CURRENT'))).toBe(false);
    await promisify(leveldown.destroy)(join(folder, 'never-there'));
  });
});
