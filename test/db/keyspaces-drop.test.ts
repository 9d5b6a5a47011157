import { describe, expect, it } from 'vitest';
import { Prng } from '../../src/base/prng.js';
import { MemoryFileSystem, RecordingFileSystem, type FileSystem } from '../../src/fs.js';
import {
  open,
  type BackgroundErrorEvent,
  type Database,
  type OpenOptions,
} from '../../src/index.js';
import { eventually, GatedDisk } from '../support/gated-disk.js';

const text = { keyEncoding: 'utf8', valueEncoding: 'utf8' } as const;
const small = { memtableBytes: 64 * 1024, tableBytes: 16 * 1024, compression: 'none' } as const;
const closed = { code: 'LSM_CLOSED' };

function openText(
  fs: FileSystem,
  options: Omit<OpenOptions, 'keyEncoding' | 'valueEncoding'> = {},
): Promise<Database<string, string>> {
  return open('/db', { fs, ...text, ...small, ...options });
}

async function tablesOnDisk(fs: FileSystem): Promise<number> {
  return (await fs.list('/db')).filter((name) => name.endsWith('.sst')).length;
}

function tablesOf(db: Database<string, string>): number {
  return db.stats().levels.reduce((sum, { tables }) => sum + tables, 0);
}

function watchErrors(db: Database<string, string>): BackgroundErrorEvent[] {
  const errors: BackgroundErrorEvent[] = [];
  db.on('backgroundError', (event) => errors.push(event));
  return errors;
}

const large = 'x'.repeat(10_000);

describe('a dropped keyspace', () => {
  it('is gone with everything in it: handles, iterators, batches and waiting reads say LSM_CLOSED', async () => {
    const fs = new MemoryFileSystem();
    const db = await openText(fs);
    const x = await db.keyspace('x');
    await x.put('a', '1');
    await x.put('b', '2');
    const iterator = x.entries();
    const iteratorSync = x.keysSync();
    const own = db.keysSync();
    expect(await iterator.next()).toEqual({ done: false, value: ['a', '1'] });
    const batch = db.batch().put('in default', '1').put('c', '3', { keyspace: x });
    const snapshot = x.snapshot();
    await db.dropKeyspace('x');
    expect(db.keyspaces()).toEqual(['default']);
    await expect(iterator.next()).rejects.toMatchObject(closed);
    expect(() => iteratorSync.next()).toThrow(expect.objectContaining(closed));
    expect(own.next()).toEqual({ done: true, value: undefined });
    await expect(batch.commit()).rejects.toMatchObject(closed);
    const calls: (() => Promise<unknown>)[] = [
      () => x.get('a'),
      () => x.getMany(['a']),
      () => x.put('a', '1'),
      () => x.delete('a'),
      () => x.batch([{ type: 'delete', key: 'a' }]),
      () =>
        db.batch([
          { type: 'put', key: 'in default', value: '1' },
          { type: 'delete', key: 'a', keyspace: x },
        ]),
      () => x.compactRange(),
      () => x.approximateSize(),
      () => snapshot.get('a'),
    ];
    for (const call of calls) await expect(call(), String(call)).rejects.toMatchObject(closed);
    const callsSync = [
      () => x.getSync('a'),
      () => x.putSync('a', '1'),
      () => x.entries(),
      () => x.keysSync(),
      () => x.snapshot(),
      () => x.batch(),
      () => db.batch().put('a', '1', { keyspace: x }),
    ];
    for (const call of callsSync)
      expect(call, String(call)).toThrow(expect.objectContaining(closed));
    expect(db.hasSync('in default')).toBe(false);
    await expect(db.dropKeyspace('x')).rejects.toMatchObject({ code: 'LSM_NOT_FOUND' });
    snapshot.close();
    await db.close();
  });

  it('can be made again under its name, empty, and the old handle stays closed', async () => {
    const fs = new MemoryFileSystem();
    let db = await openText(fs);
    const old = await db.keyspace('x', { bloomBitsPerKey: 3 });
    await old.put('a', 'in a table');
    await db.flush();
    await old.put('b', 'in the log');
    const snapshot = db.snapshot();
    await db.dropKeyspace('x');
    const made = await db.keyspace('x');
    expect([...made.entriesSync()]).toEqual([]);
    expect([...made.entriesSync({ snapshot })]).toEqual([]);
    expect(made.getSync('a')).toBeUndefined();
    expect(() => old.getSync('a')).toThrow(expect.objectContaining(closed));
    await made.put('b', 'new');
    expect([...made.entriesSync()]).toEqual([['b', 'new']]);
    await db.close();
    db = await openText(fs);
    const again = await db.keyspace('x');
    expect([...again.entriesSync()]).toEqual([['b', 'new']]);
    await db.close();
  });

  it('can be made again by who does not wait for the drop', async () => {
    const db = await openText(new MemoryFileSystem());
    const x = await db.keyspace('x');
    await x.put('a', '1');
    const dropped = db.dropKeyspace('x');
    const made = db.keyspace('x');
    await dropped;
    expect([...(await made).keysSync()]).toEqual([]);
    // Two that are made at once are one, with the settings of both.
    const [one, other] = await Promise.all([
      db.keyspace('y', { bloomBitsPerKey: 3 }),
      db.keyspace('y', { maxLevels: 4, valueEncoding: 'json' }),
    ]);
    await one.put('a', '{"b":1}');
    expect(other.getSync('a')).toEqual({ b: 1 });
    expect(db.keyspaces()).toEqual(['default', 'x', 'y']);
    await db.dropKeyspace('y');
    await db.dropKeyspace('x');
    expect(db.keyspaces()).toEqual(['default']);
    await db.close();
  });

  it('gives its space back: at once, when its last iterator goes, and after a crash', async () => {
    const fs = new MemoryFileSystem();
    const db = await openText(fs);
    const x = await db.keyspace('x');
    await db.put('kept', '1');
    for (let i = 0; i < 20; i++) await x.put(`k${i}`, large);
    await db.flush();
    const before = fs.usedBytes;
    expect(await tablesOnDisk(fs)).toBeGreaterThan(1);
    await db.dropKeyspace('x');
    await eventually(async () => (await tablesOnDisk(fs)) === 1);
    expect(before - fs.usedBytes).toBeGreaterThan(200_000);
    const crashed = fs.crash({ keep: 0, random: new Prng(1) });
    await db.close().catch(() => undefined);
    const again = await openText(crashed);
    expect(again.keyspaces()).toEqual(['default']);
    expect(await tablesOnDisk(crashed)).toBe(1);
    expect(again.getSync('kept')).toBe('1');
    await again.close();
  });

  it('keeps the files of a pinned read, not longer', async () => {
    const fs = new MemoryFileSystem();
    const db = await openText(fs);
    const x = await db.keyspace('x');
    for (let i = 0; i < 20; i++) await x.put(`k${i}`, large);
    await db.flush();
    const iterator = x.entries();
    await iterator.next();
    await db.dropKeyspace('x');
    await eventually(async () => (await tablesOnDisk(fs)) === 0);
    await db.close();
  });

  it('is refused: the default one, one that is not there, on a read-only database', async () => {
    const fs = new MemoryFileSystem();
    const db = await openText(fs);
    await db.keyspace('x');
    await expect(db.dropKeyspace('default')).rejects.toMatchObject({
      code: 'LSM_INVALID_ARGUMENT',
    });
    await expect(db.dropKeyspace('y')).rejects.toMatchObject({ code: 'LSM_NOT_FOUND' });
    await expect(db.dropKeyspace('')).rejects.toMatchObject({ code: 'LSM_INVALID_ARGUMENT' });
    await db.close();
    const reader = await openText(fs, { readOnly: true });
    await expect(reader.dropKeyspace('x')).rejects.toMatchObject({ code: 'LSM_READ_ONLY' });
    await reader.close();
    await expect(db.dropKeyspace('x')).rejects.toMatchObject(closed);
  });
});

describe('dropping a keyspace while work is under way', () => {
  it('lets the flush of its memtable end, without a trace', async () => {
    const fs = new GatedDisk();
    const db = await openText(fs);
    const errors = watchErrors(db);
    const x = await db.keyspace('x');
    const y = await db.keyspace('y');
    for (let i = 0; i < 5; i++) await x.put(`k${i}`, large);
    const gate = fs.hold('create', /\.sst$/);
    const flushed = db.flush();
    await gate.reached;
    await db.dropKeyspace('x');
    await flushed;
    // What the flush still reads must not be written over: others take memory of their own.
    const before = db.stats().memoryBytes;
    for (let i = 0; i < 10; i++) y.putSync(`y${i}`, 'y');
    expect(db.stats().memoryBytes).toBe(before + 64 * 1024);
    gate.letGo();
    await eventually(() => db.stats().background.running.length === 0);
    expect(errors).toEqual([]);
    await db.flush();
    expect(await tablesOnDisk(fs)).toBe(tablesOf(db));
    expect(y.keysSync().nextMany(100).length).toBe(10);
    expect((await db.verify()).damages).toEqual([]);
    await db.close();
    expect(fs.openFiles).toBe(0);
  });

  for (const call of ['create', 'open'] as const) {
    it(`gives up a compaction of it that waits to ${call} a table, and the next one begins`, async () => {
      const fs = new GatedDisk();
      const db = await openText(fs, { maxCompactions: 1, maxOpenTables: 8 });
      const errors = watchErrors(db);
      const x = await db.keyspace('x');
      const y = await db.keyspace('y');
      for (let round = 0; round < 3; round++) {
        for (const keyspace of [x, y]) {
          for (let i = 0; i < 3; i++) await keyspace.put(`k${i}`, large);
        }
        await db.flush();
      }
      const gate = fs.hold(call, /\.sst$/);
      const ofX = x.compactRange();
      const ofY = y.compactRange();
      ofX.catch(() => undefined);
      await gate.reached;
      await db.dropKeyspace('x');
      await expect(ofX).rejects.toMatchObject(closed);
      await eventually(async () => (await tablesOnDisk(fs)) <= tablesOf(db) + 1);
      gate.letGo();
      await ofY;
      expect(y.getSync('k1')).toBe(large);
      expect(errors).toEqual([]);
      await eventually(async () => (await tablesOnDisk(fs)) === tablesOf(db));
      await db.close();
      expect(fs.openFiles).toBe(0);
    });
  }

  it('rejects a compactRange of it that still flushes, and others go on', async () => {
    const fs = new GatedDisk();
    const db = await openText(fs);
    const errors = watchErrors(db);
    const x = await db.keyspace('x');
    await db.put('d', '1');
    await x.put('a', '1');
    const gate = fs.hold('create', /\.sst$/);
    const compacted = x.compactRange();
    compacted.catch(() => undefined);
    await gate.reached;
    await db.dropKeyspace('x');
    gate.letGo();
    await expect(compacted).rejects.toMatchObject(closed);
    await db.compactRange();
    expect(errors).toEqual([]);
    await db.close();
  });

  it('lets a flush of another keyspace go before it without losing what is not dropped yet', async () => {
    const disk = new GatedDisk();
    const copies: MemoryFileSystem[] = [];
    let isNoting = false;
    const fs = new RecordingFileSystem(disk, {
      beforeCall: () => {
        if (isNoting) copies.push(disk.clone());
      },
    });
    const db = await openText(fs);
    const x = await db.keyspace('x');
    await db.put('older', '1');
    await x.put('a', '1', { durability: 'disk' });
    // An edit is under way, behind it wait those of the flush and of the drop.
    const gate = disk.hold('sync', /MANIFEST/);
    const made = db.keyspace('z');
    const flushed = db.flush();
    await gate.reached;
    for (let i = 0; i < 50; i++) await new Promise((resolve) => void setImmediate(resolve));
    const dropped = db.dropKeyspace('x');
    isNoting = true;
    gate.letGo();
    await Promise.all([made, flushed, dropped]);
    await db.close();
    isNoting = false;
    let alive = 0;
    for (const copy of copies) {
      for (const keep of [0, 1]) {
        const after = await openText(copy.clone().crash({ keep, random: new Prng(1) }));
        expect(after.getSync('older')).toBe('1');
        if (after.keyspaces().includes('x')) {
          alive++;
          expect((await after.keyspace('x')).getSync('a')).toBe('1');
        }
        await after.close();
      }
    }
    expect(alive).toBeGreaterThan(0);
  });

  it('ends before the database closes, or has no effect', async () => {
    const fs = new MemoryFileSystem();
    const db = await openText(fs);
    const x = await db.keyspace('x');
    await x.put('a', '1');
    const dropped = db.dropKeyspace('x');
    await db.close();
    await dropped;
    expect(fs.openFiles).toBe(0);
    const again = await openText(fs);
    expect(again.keyspaces()).toEqual(['default']);
    expect(again.recovery.tornLog).toBeUndefined();
    await again.close();
  });

  it('turns away writes to it that wait for room, and lets the others in', async () => {
    const fs = new GatedDisk();
    const db = await openText(fs, { maxImmutableMemtables: 1 });
    const x = await db.keyspace('x');
    const gate = fs.hold('create', /\.sst$/);
    for (let i = 0; db.stats().stalls.waiting === 0; i++) void db.put(`d${i}`, large);
    const toX = x.put('a', '1');
    const toBoth = db.batch([
      { type: 'put', key: 'both', value: '1' },
      { type: 'put', key: 'a', value: '2', keyspace: x },
    ]);
    const toDefault = db.put('late', '1');
    for (const each of [toX, toBoth]) each.catch(() => undefined);
    await db.dropKeyspace('x');
    gate.letGo();
    await expect(toX).rejects.toMatchObject(closed);
    await expect(toBoth).rejects.toMatchObject(closed);
    await toDefault;
    expect(db.hasSync('both')).toBe(false);
    expect(db.hasSync('late')).toBe(true);
    await db.close();
  });

  it('makes room for a synchronous writer, whose own memtable is full', async () => {
    const fs = new GatedDisk();
    const db = await openText(fs, { maxImmutableMemtables: 1 });
    const x = await db.keyspace('x');
    const gate = fs.hold('create', /\.sst$/);
    for (let i = 0; db.stats().memtables.immutable === 0; i++) await x.put(`x${i}`, large);
    await gate.reached;
    const dropped = db.dropKeyspace('x');
    for (let i = 0; i < 30; i++) db.putSync(`d${i}`, large);
    gate.letGo();
    await dropped;
    expect(db.keysSync().nextMany(100).length).toBe(30);
    await db.close();
  });
});
