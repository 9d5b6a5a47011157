import { describe, expect, it } from 'vitest';
import { MemoryFileSystem, type FileSystem } from '../../src/fs.js';
import {
  open,
  type Database,
  type Encoding,
  type FlushEvent,
  type KeyspaceStats,
  type OpenOptions,
} from '../../src/index.js';

const KiB = 1024;
const text = { keyEncoding: 'utf8', valueEncoding: 'utf8' } as const;
const invalid = { code: 'LSM_INVALID_ARGUMENT' };

function openText(
  fs: FileSystem,
  options: Omit<OpenOptions, 'keyEncoding' | 'valueEncoding'> = {},
): Promise<Database<string, string>> {
  return open('/db', { fs, ...text, memtableBytes: 64 * KiB, compression: 'none', ...options });
}

function statsOf(db: Database<string, string>, name: string): KeyspaceStats {
  const found = db.stats().keyspaces.find((each) => each.name === name);
  if (found === undefined) throw new Error(`no keyspace ${name} in stats`);
  return found;
}

describe('a keyspace', () => {
  it('is made when it is asked for, is apart from the others, and comes back with its data', async () => {
    const fs = new MemoryFileSystem();
    let db = await openText(fs);
    expect(db.keyspaces()).toEqual(['default']);
    const b = await db.keyspace('b');
    const a = await db.keyspace('a');
    expect([db.name, a.name, b.name]).toEqual(['default', 'a', 'b']);
    await db.put('k', 'of default');
    await a.put('k', 'of a');
    await a.put('only a', '1');
    expect(b.getSync('k')).toBeUndefined();
    b.putSync('k', 'of b');
    await db.flush();
    await a.delete('only a');
    await db.close();
    db = await openText(fs);
    // By age.
    expect(db.keyspaces()).toEqual(['default', 'b', 'a']);
    const [a2, b2] = [await db.keyspace('a'), await db.keyspace('b')];
    expect([...db.entriesSync()]).toEqual([['k', 'of default']]);
    expect([...a2.entriesSync()]).toEqual([['k', 'of a']]);
    expect([...b2.entriesSync()]).toEqual([['k', 'of b']]);
    await db.compactRange();
    await a2.compactRange();
    expect(await a2.getMany(['k', 'only a'])).toEqual(['of a', undefined]);
    expect((await db.verify()).damages).toEqual([]);
    await db.close();
  });

  it('of the name default is the database itself', async () => {
    const db = await openText(new MemoryFileSystem());
    const same = await db.keyspace('default', { valueEncoding: 'json' });
    await same.put('k', { a: 1 });
    expect(db.getSync('k')).toBe('{"a":1}');
    expect(db.keyspaces()).toEqual(['default']);
    await db.close();
  });

  it('has a name of 1 to 255 bytes of UTF-8, of any characters', async () => {
    const fs = new MemoryFileSystem();
    const db = await openText(fs);
    const wrong = ['', 'x'.repeat(256), 'ü'.repeat(128), '\ud800', 7, undefined, null];
    for (const name of wrong)
      await expect(db.keyspace(name as string)).rejects.toMatchObject(invalid);
    const names = [
      'x'.repeat(255),
      '../etc',
      '__proto__',
      'ein Schlüsselraum',
      '\u0000',
      'Default',
    ];
    for (const name of names) await (await db.keyspace(name)).put('k', name);
    await db.close();
    const again = await openText(fs);
    expect(again.keyspaces()).toEqual(['default', ...names]);
    for (const name of names) expect((await again.keyspace(name)).getSync('k')).toBe(name);
    await again.close();
  });

  it('keeps its settings, also those that another call gives', async () => {
    const fs = new MemoryFileSystem();
    let db = await openText(fs, { bloomBitsPerKey: 5 });
    const options = { memtableBytes: 128 * KiB, maxLevels: 3, bloomBitsPerKey: 0 };
    let x = await db.keyspace('x', options);
    await db.keyspace('x', { maxLevels: 4 });
    await db.close();
    // The options of this open are for the default keyspace and for new ones.
    db = await openText(fs, { bloomBitsPerKey: 20 });
    x = await db.keyspace('x');
    for (let i = 0; i < 8; i++) await x.put(`k${i}`, 'x'.repeat(10_000));
    expect(statsOf(db, 'x').memtables).toMatchObject({ immutable: 0, activeEntries: 8 });
    await db.flush();
    expect([x.getSync('k1x'), x.getSync('absent')]).toEqual([undefined, undefined]);
    expect(db.stats().filter.checks).toBe(0);
    await db.close();
  });

  it('refuses settings that cannot be, and is not made', async () => {
    const db = await openText(new MemoryFileSystem());
    const wrong = [
      { memtableBytes: 1 },
      { l0StopTables: 3 },
      { durability: 'disk' },
      { valueEncoding: 'yaml' },
      { keyEncoding: 'json' },
      { keyEncoding: { encode: String } },
      { levels: [{ compression: 'gzip' }] },
    ];
    for (const options of wrong) {
      await expect(db.keyspace('x', options as never)).rejects.toMatchObject(invalid);
    }
    await expect(db.keyspace('x', 7 as never)).rejects.toMatchObject(invalid);
    expect(db.keyspaces()).toEqual(['default']);
    await db.close();
    await expect(db.keyspace('x')).rejects.toMatchObject({ code: 'LSM_CLOSED' });
  });

  it('asked for twice at once is one', async () => {
    const db = await openText(new MemoryFileSystem());
    const [one, two] = await Promise.all([db.keyspace('x'), db.keyspace('x')]);
    await one.put('k', '1');
    expect(two.getSync('k')).toBe('1');
    expect(db.keyspaces()).toEqual(['default', 'x']);
    await db.close();
  });

  it('is found, not made, by who may only read', async () => {
    const fs = new MemoryFileSystem();
    const db = await openText(fs);
    const x = await db.keyspace('x', { bloomBitsPerKey: 0 });
    await x.put('in a table', '1');
    await db.flush();
    await x.put('in the log', '2');
    const reader = await openText(fs, { readOnly: true });
    expect(reader.keyspaces()).toEqual(['default', 'x']);
    await expect(reader.keyspace('y')).rejects.toMatchObject({ code: 'LSM_NOT_FOUND' });
    const seen = await reader.keyspace('x');
    expect([...seen.entriesSync()]).toEqual([
      ['in a table', '1'],
      ['in the log', '2'],
    ]);
    await expect(seen.put('k', 'v')).rejects.toMatchObject({ code: 'LSM_READ_ONLY' });
    await db.dropKeyspace('x');
    expect(seen.getSync('in a table')).toBe('1');
    await reader.close();
    await db.close();
  });
});

/** Numbers in an order of their own: as eight bytes, highest first. */
const descending: Encoding<number> = {
  name: 'descending',
  encode(value) {
    if (!Number.isSafeInteger(value)) throw new TypeError('not a whole number');
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64BE(BigInt(Number.MAX_SAFE_INTEGER - value));
    return bytes;
  },
  decode(bytes) {
    return Number.MAX_SAFE_INTEGER - Number(Buffer.from(bytes).readBigUInt64BE());
  },
};

const date: Encoding<Date> = {
  name: 'date',
  encode: (value) => value.toISOString(),
  decode(bytes) {
    const value = new Date(Buffer.from(bytes).toString());
    if (Number.isNaN(value.getTime())) throw new RangeError('no date');
    return value;
  },
};

describe('encodings of a keyspace', () => {
  it('are its own, and decide the order of its keys', async () => {
    const db = await openText(new MemoryFileSystem());
    const times = await db.keyspace('times', { keyEncoding: descending, valueEncoding: date });
    const bytes = await db.keyspace('bytes', { keyEncoding: 'view', valueEncoding: 'json' });
    await times.put(1, new Date(0));
    await times.put(3, new Date(3000));
    times.putSync(2, new Date(2000));
    await bytes.put(Uint8Array.of(1), [1, { a: null }]);
    await db.put('k', 'v');
    expect([...times.keysSync()]).toEqual([3, 2, 1]);
    expect([...times.entriesSync({ gte: 2, reverse: true })].map(([, at]) => at.getTime())).toEqual(
      [0, 2000],
    );
    expect(await times.getMany([3, 9])).toEqual([new Date(3000), undefined]);
    expect([...bytes.entriesSync()]).toEqual([[Uint8Array.of(1), [1, { a: null }]]]);
    await db.batch([
      { type: 'put', key: 'in default', value: 'text' },
      { type: 'put', key: 7, value: new Date(7000), keyspace: times },
      { type: 'delete', key: 1, keyspace: times },
      { type: 'put', key: 'bytes', value: 5, keyspace: bytes },
    ]);
    expect([...times.keysSync()]).toEqual([7, 3, 2]);
    expect(bytes.getSync('bytes')).toBe(5);
    await db.close();
  });

  it('that throw are the caller’s mistake: LSM_INVALID_ARGUMENT, without effect', async () => {
    const db = await openText(new MemoryFileSystem());
    const x = await db.keyspace('x', { keyEncoding: descending, valueEncoding: date });
    await x.put(1, new Date(0));
    const { seq } = db.stats();
    const cause = { ...invalid, cause: expect.any(Error) as Error };
    await expect(x.put(0.5, new Date(0))).rejects.toMatchObject(cause);
    await expect(x.put(2, 'no date' as never)).rejects.toMatchObject(cause);
    await expect(x.get(0.5)).rejects.toMatchObject(cause);
    await expect(x.getMany([1, 0.5])).rejects.toMatchObject(cause);
    expect(() => x.getSync(0.5)).toThrow(expect.objectContaining(cause));
    expect(() => x.keysSync({ gt: 0.5 })).toThrow(expect.objectContaining(cause));
    expect(() => x.keysSync().seek(0.5)).toThrow(expect.objectContaining(cause));
    const batch = db.batch().put('default', '1');
    expect(() => batch.put(0.5, new Date(0), { keyspace: x })).toThrow(
      expect.objectContaining(cause),
    );
    expect(batch.length).toBe(1);
    const operations = [
      { type: 'put', key: 'default', value: '1' },
      { type: 'put', key: 2, value: 'no date', keyspace: x },
    ] as const;
    await expect(db.batch(operations)).rejects.toMatchObject(cause);
    expect(db.hasSync('default')).toBe(false);
    expect(db.stats().seq).toBe(seq);
    // What is stored and cannot be decoded.
    const raw = await db.keyspace('x', { valueEncoding: 'utf8', keyEncoding: descending });
    await raw.put(5, 'garbage');
    await expect(x.get(5)).rejects.toMatchObject(cause);
    expect(() => [...x.valuesSync()]).toThrow(expect.objectContaining(cause));
    expect([...x.keysSync()]).toEqual([5, 1]);
    const json = await db.keyspace('x', { valueEncoding: 'json', keyEncoding: descending });
    await expect(json.get(5)).rejects.toMatchObject(invalid);
    await expect(json.put(6, undefined)).rejects.toMatchObject(invalid);
    await expect(json.put(6, 1n)).rejects.toMatchObject(invalid);
    await db.close();
  });
});

describe('across keyspaces', () => {
  it('a batch is one: read back whole after a crash, and refused whole', async () => {
    const fs = new MemoryFileSystem();
    const db = await openText(fs);
    const other = await open('/other', { fs, ...text });
    const [x, y] = [await db.keyspace('x'), await db.keyspace('y')];
    const foreign = await other.keyspace('x');
    await x.batch([
      { type: 'put', key: 'k', value: 'x' },
      { type: 'put', key: 'k', value: 'y', keyspace: y },
      { type: 'put', key: 'k', value: 'default', keyspace: db },
      { type: 'delete', key: 'k', keyspace: y },
    ]);
    expect([x.getSync('k'), y.getSync('k'), db.getSync('k')]).toEqual(['x', undefined, 'default']);
    await y
      .batch()
      .put('k', 'y')
      .put('k2', 'x2', { keyspace: x })
      .delete('k', { keyspace: db })
      .commit();
    expect([x.getSync('k2'), y.getSync('k'), db.getSync('k')]).toEqual(['x2', 'y', undefined]);
    const { seq } = db.stats();
    for (const keyspace of [foreign, other, {}, 'x', null]) {
      const operations = [
        { type: 'put', key: 'new', value: '1' },
        { type: 'put', key: 'new', value: '1', keyspace },
      ] as never;
      await expect(db.batch(operations)).rejects.toMatchObject(invalid);
      expect(() => db.batchSync(operations)).toThrow(expect.objectContaining(invalid));
    }
    expect(() => db.batch().put('new', '1', { keyspace: foreign })).toThrow(
      expect.objectContaining(invalid),
    );
    expect(db.stats().seq).toBe(seq);
    expect(db.hasSync('new')).toBe(false);
    await other.close();
    await db.close();
  });

  it('a snapshot sees all of them at one moment, also those that were made later as empty', async () => {
    const db = await openText(new MemoryFileSystem());
    const [x, y] = [await db.keyspace('x'), await db.keyspace('y')];
    await db.batch([
      { type: 'put', key: 'k', value: '1' },
      { type: 'put', key: 'k', value: '1', keyspace: x },
    ]);
    const snapshot = x.snapshot();
    await db.batch([
      { type: 'put', key: 'k', value: '2' },
      { type: 'put', key: 'k', value: '2', keyspace: x },
      { type: 'put', key: 'k', value: '2', keyspace: y },
    ]);
    const z = await db.keyspace('z');
    await z.put('k', '2');
    await db.flush();
    await x.compactRange();
    expect(snapshot.getSync('k')).toBe('1');
    expect(db.getSync('k', { snapshot })).toBe('1');
    expect([...y.keysSync({ snapshot })]).toEqual([]);
    expect(await z.get('k', { snapshot })).toBeUndefined();
    expect(await z.getMany(['k'])).toEqual(['2']);
    snapshot.close();
    await x.compactRange();
    expect(statsOf(db, 'x').levels.reduce((sum, { entries }) => sum + entries, 0)).toBe(1);
    await db.close();
  });

  it('stats() shows each of them, and their sums', async () => {
    const db = await openText(new MemoryFileSystem());
    const flushed: FlushEvent[] = [];
    db.on('flush', (event) => flushed.push(event));
    const x = await db.keyspace('x');
    await db.put('abc', '1');
    await x.put('ab', '12');
    await x.put('cd', '34');
    await db.flush();
    await x.put('ef', '5');
    x.getSync('ab');
    const stats = db.stats();
    expect(stats.keyspaces.map(({ name }) => name)).toEqual(['default', 'x']);
    const [, ofX] = stats.keyspaces;
    expect(ofX.written).toMatchObject({ userBytes: 11, flushBytes: 8 });
    expect(ofX.memtables.activeEntries).toBe(1);
    expect(ofX.levels[0]).toMatchObject({ tables: 1, entries: 2 });
    expect(ofX.readAmplification).toBe(1);
    expect(stats.levels[0]).toMatchObject({ tables: 2, entries: 3 });
    expect(stats.written).toMatchObject({ userBytes: 15, flushBytes: 12 });
    expect(stats.memtables.activeEntries).toBe(1);
    expect(flushed.map(({ keyspace }) => keyspace).sort()).toEqual(['default', 'x']);
    await db.dropKeyspace('x');
    expect(db.stats().written.userBytes).toBe(4);
    await db.close();
  });
});
