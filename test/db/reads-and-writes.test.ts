import { getEventListeners } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MemoryFileSystem } from '../../src/fs.js';
import { open, type Database } from '../../src/index.js';
import { GatedDisk } from '../support/gated-disk.js';

const text = { keyEncoding: 'utf8', valueEncoding: 'utf8' } as const;
let fs: MemoryFileSystem;
let db: Database<string, string>;

beforeEach(async () => {
  fs = new MemoryFileSystem();
  db = await open('/db', { fs, ...text });
});
afterEach(() => db.close());

describe('writes', () => {
  it('refuse keys and values that cannot be stored, and change nothing', async () => {
    const before = db.stats().seq;
    const wrong = [
      () => db.put(undefined as never, 'x'),
      () => db.put(7 as never, 'x'),
      () => db.put('x', 7 as never),
      () => db.put(new Uint8Array(65_536), 'x'),
      () => db.put('x', new Uint8Array(2 ** 28 + 1)),
      () => db.batch([{ type: 'put', key: 'a', value: 'b' }, { type: 'move' } as never]),
      () => db.batch({} as never),
      () => db.put('x', 'y', { durability: 'maybe' as never }),
    ];
    const codes: string[] = [];
    for (const write of wrong) {
      codes.push(await write().then(String, (error: { code: string }) => error.code));
    }
    expect(codes).toEqual([
      'LSM_INVALID_ARGUMENT',
      'LSM_INVALID_ARGUMENT',
      'LSM_INVALID_ARGUMENT',
      'LSM_TOO_LARGE',
      'LSM_TOO_LARGE',
      'LSM_INVALID_ARGUMENT',
      'LSM_INVALID_ARGUMENT',
      'LSM_INVALID_ARGUMENT',
    ]);
    expect(db.stats().seq).toBe(before);
    expect([...db.keysSync()]).toEqual([]);
  });

  it('copy their bytes before they return', async () => {
    const key = new Uint8Array([1, 2, 3]);
    const value = new Uint8Array([65, 66]);
    const done = db.put(key, value);
    key.fill(9);
    value.fill(9);
    await done;
    expect(db.getSync(new Uint8Array([1, 2, 3]))).toBe('AB');
  });

  it('take effect in the order of the calls, visible at once', () => {
    void db.put('k', 'first');
    void db.put('k', 'second');
    expect(db.getSync('k')).toBe('second');
    void db.delete('k');
    expect(db.hasSync('k')).toBe(false);
  });

  it('of one batch are applied in order, and hold the same key many times', async () => {
    await db.batch([
      { type: 'put', key: 'k', value: '1' },
      { type: 'delete', key: 'k' },
      { type: 'put', key: 'k', value: '3' },
    ]);
    expect(db.getSync('k')).toBe('3');
    expect(db.getEntrySync('k')).toEqual({ value: '3', seq: 3 });
  });

  it('can be chained, and committed once', async () => {
    const batch = db.batch().put('a', '1').delete('b').put('c', '3');
    expect(batch.length).toBe(3);
    await batch.commit({ durability: 'disk' });
    expect([...db.entriesSync()].flat()).toEqual(['a', '1', 'c', '3']);
    expect(() => batch.put('d', '4')).toThrow(expect.objectContaining({ code: 'LSM_CLOSED' }));
    db.batch().delete('a').commitSync();
    expect(db.hasSync('a')).toBe(false);
  });

  it('of a tick share one write of the log', async () => {
    const before = db.stats().log.writes;
    await Promise.all(Array.from({ length: 1000 }, (_, i) => db.put(`k${i}`, 'v')));
    expect(db.stats().log.writes - before).toBe(1);
  });

  it('to disk share their syncs', async () => {
    const before = db.stats().log.syncs;
    const options = { durability: 'disk' } as const;
    await Promise.all(Array.from({ length: 64 }, (_, i) => db.put(`k${i}`, 'v', options)));
    const syncs = db.stats().log.syncs - before;
    expect(syncs).toBeGreaterThan(0);
    expect(syncs).toBeLessThanOrEqual(2);
  });
});

describe('values', () => {
  it('of any size come back, also from tables', async () => {
    const bytes = await open('/large', { fs });
    const sizes = [0, 1, 4095, 4096, 100_000, 3_000_000];
    for (const size of sizes) await bytes.put(`k${size}`, new Uint8Array(size).fill(size % 251));
    const check = (): void => {
      for (const size of sizes) {
        const value = bytes.getSync(`k${size}`)!;
        expect(value.length).toBe(size);
        expect(value.every((byte) => byte === size % 251)).toBe(true);
      }
    };
    check();
    await bytes.flush();
    check();
    await bytes.compactRange();
    check();
    await bytes.close();
  });

  it('handed out stay as they are when the database goes on', async () => {
    const bytes = await open('/own', { fs });
    await bytes.put('k', 'before');
    const value = bytes.getSync('k')!;
    for (let i = 0; i < 2000; i++) bytes.putSync('k', `after ${i}`);
    await bytes.flush();
    expect(Buffer.from(value).toString()).toBe('before');
    await bytes.close();
  });

  it('in JSON come back as what they were', async () => {
    const json = await open('/json', { fs, valueEncoding: 'json' });
    await json.put('u', { name: 'Ada', born: 1815, ü: ['ß', null] });
    await json.put('n', null);
    expect(await json.get('u')).toEqual({ name: 'Ada', born: 1815, ü: ['ß', null] });
    expect(json.getSync('n')).toBe(null);
    expect([...json.valuesSync()]).toEqual([null, { name: 'Ada', born: 1815, ü: ['ß', null] }]);
    const cycle: { self?: unknown } = {};
    cycle.self = cycle;
    await expect(json.put('c', cycle)).rejects.toMatchObject({ code: 'LSM_INVALID_ARGUMENT' });
    await expect(json.put('c', undefined)).rejects.toMatchObject({ code: 'LSM_INVALID_ARGUMENT' });
    await json.close();
  });
});

describe('snapshots', () => {
  it('see their moment, through flush and compaction', async () => {
    await db.put('a', '1');
    await db.put('b', '1');
    const snapshot = db.snapshot();
    await db.put('a', '2');
    await db.delete('b');
    await db.flush();
    await db.compactRange();
    expect(db.getSync('a', { snapshot })).toBe('1');
    expect(await db.get('b', { snapshot })).toBe('1');
    expect([...db.entriesSync({ snapshot })]).toEqual([
      ['a', '1'],
      ['b', '1'],
    ]);
    expect([...db.entriesSync()]).toEqual([['a', '2']]);
    expect(db.stats().snapshots).toHaveLength(1);
    snapshot.close();
    snapshot.close();
    expect(() => db.getSync('a', { snapshot })).toThrow(/closed/);
    await db.compactRange();
    expect(db.stats().levels.at(-1)).toMatchObject({ entries: 1, tombstones: 0 });
  });

  it('belong to one database', async () => {
    const other = await open('/other', { fs });
    const snapshot = other.snapshot();
    expect(() => db.getSync('a', { snapshot })).toThrow(
      expect.objectContaining({ code: 'LSM_INVALID_ARGUMENT' }),
    );
    await other.close();
    expect(() => snapshot.close()).not.toThrow();
  });
});

describe('after close', () => {
  it('every call is refused, and what was made is over', async () => {
    const iterator = db.entries();
    const syncIterator = db.keysSync();
    const snapshot = db.snapshot();
    const pending = db.put('late', 'x');
    await db.close();
    await pending;
    await db.close();
    await expect(db.get('a')).rejects.toMatchObject({ code: 'LSM_CLOSED' });
    await expect(db.put('a', 'b')).rejects.toMatchObject({ code: 'LSM_CLOSED' });
    expect(() => db.getSync('a')).toThrow(/closed/);
    expect(() => db.stats()).toThrow(/closed/);
    expect(() => db.entries()).toThrow(/closed/);
    expect(snapshot.isClosed).toBe(true);
    await expect(iterator.next()).rejects.toMatchObject({ code: 'LSM_CLOSED' });
    expect(() => syncIterator.next()).toThrow(expect.objectContaining({ code: 'LSM_CLOSED' }));
    const again = await open('/db', { fs, ...text });
    expect(again.getSync('late')).toBe('x');
    await again.close();
  });
});

describe('iterators', () => {
  beforeEach(async () => {
    await db.batch('abcdefgh'.split('').map((key) => ({ type: 'put', key, value: key + key })));
  });

  it('keep to their bounds', () => {
    const keys = (options: object): string => [...db.keysSync(options)].join('');
    expect(keys({})).toBe('abcdefgh');
    expect(keys({ gt: 'b', lte: 'e' })).toBe('cde');
    expect(keys({ gte: 'b', lt: 'e', reverse: true })).toBe('dcb');
    expect(keys({ prefix: 'c' })).toBe('c');
    expect(keys({ prefix: '' })).toBe('abcdefgh');
    expect(keys({ limit: 2, reverse: true })).toBe('hg');
    expect(keys({ limit: 0 })).toBe('');
    expect(keys({ limit: -1 })).toBe('abcdefgh');
    expect(keys({ gt: 'z' })).toBe('');
    expect(keys({ gte: 'f', lt: 'b' })).toBe('');
    expect(keys({ lte: 'zzz', reverse: true })).toBe('hgfedcba');
    for (const wrong of [{ gt: 'a', gte: 'a' }, { prefix: 'a', lt: 'b' }, { limit: 1.5 }]) {
      expect(() => db.keysSync(wrong)).toThrow(/a range takes|limit must/);
    }
  });

  it('seek, also backwards, within their bounds, in either direction', async () => {
    const iterator = db.keys({ gte: 'b', lte: 'g' });
    iterator.seek('e');
    expect(await iterator.next()).toEqual({ done: false, value: 'e' });
    iterator.seek('a');
    expect(await iterator.nextMany(2)).toEqual(['b', 'c']);
    iterator.seek('ff');
    expect(await iterator.nextMany(9)).toEqual(['g']);
    await iterator.close();
    const back = db.keysSync({ lt: 'g', reverse: true });
    back.seek('z');
    expect(back.nextMany(2)).toEqual(['f', 'e']);
    back.seek('bb');
    expect([...back]).toEqual(['b', 'a']);
  });

  it('are frozen when they are made', async () => {
    const forward = db.entries();
    const back = db.keysSync({ reverse: true });
    expect(back.next().value).toBe('h');
    await db.put('b', 'changed');
    await db.delete('c');
    await db.put('cc', 'new');
    await db.flush();
    await db.compactRange();
    const seen: string[] = [];
    for await (const [key, value] of forward) seen.push(`${key}=${value}`);
    expect(seen.slice(0, 4)).toEqual(['a=aa', 'b=bb', 'c=cc', 'd=dd']);
    expect([...back].join('')).toBe('gfedcba');
  });

  it('end when they are aborted, and say so', async () => {
    const abort = new AbortController();
    const iterator = db.keys({ signal: abort.signal });
    await iterator.next();
    abort.abort();
    await expect(iterator.next()).rejects.toMatchObject({ code: 'LSM_ABORTED' });
    const late = db.keys({ signal: abort.signal });
    await expect(late.next()).rejects.toMatchObject({ code: 'LSM_ABORTED' });
  });

  it('say why they were ended, whatever becomes of what they waited for', async () => {
    const disk = new GatedDisk();
    const first = await open('/gated', { fs: disk, ...text });
    await first.put('k', 'v');
    await first.flush();
    await first.close();
    const gated = await open('/gated', { fs: disk, ...text });
    const gate = disk.hold('open', /\.sst$/);
    const abort = new AbortController();
    const next = gated.keys({ signal: abort.signal }).next();
    await gate.reached;
    abort.abort();
    for (const name of await disk.list('/gated')) {
      if (name.endsWith('.sst')) await disk.remove(`/gated/${name}`);
    }
    gate.letGo();
    await expect(next).rejects.toMatchObject({ code: 'LSM_ABORTED' });
    await gated.close();
  });

  it('share a signal, and leave nothing on it', async () => {
    const abort = new AbortController();
    const { signal } = abort;
    const listeners = (): number => getEventListeners(signal, 'abort').length;
    const open = Array.from({ length: 20 }, () => db.keys({ signal }));
    for (const iterator of open) await iterator.next();
    expect(listeners()).toBe(1);
    for (const iterator of open) await iterator.close();
    expect(listeners()).toBe(0);
    // Those that end by themselves: by their limit, or at the last entry.
    await db.keys({ signal, limit: 1 }).next();
    await db.keys({ signal, limit: 2 }).nextMany(2);
    for await (const key of db.keys({ signal })) expect(key).toBeDefined();
    expect(listeners()).toBe(0);
    const last = [db.keys({ signal }), db.keys({ signal })];
    abort.abort('enough');
    for (const iterator of last) {
      await expect(iterator.next()).rejects.toMatchObject({
        code: 'LSM_ABORTED',
        cause: 'enough',
      });
    }
    expect(listeners()).toBe(0);
    expect(db.stats().iterators).toEqual([]);
  });

  it('let go of what they pin, also when left early', async () => {
    for await (const key of db.keys()) if (key === 'c') break;
    for (const key of db.keysSync()) if (key === 'c') break;
    expect(db.stats().iterators).toEqual([]);
  });
});
