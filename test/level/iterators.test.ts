import { describe, expect, it } from 'vitest';
import type { NoriLevel } from '../../src/level.js';
import { GatedDisk } from '../support/gated-disk.js';
import { failureOf, fill, make } from './databases.js';

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

describe('reads of what is in memory', () => {
  type Read = (db: NoriLevel) => Promise<unknown>;
  const reads: Readonly<Record<string, Read>> = {
    get: (db) => db.get('000001'),
    getMany: (db) => db.getMany(['000001', '000002']),
    has: (db) => db.has('000001'),
    'short ranges': (db) => db.keys({ gte: '000010', limit: 5 }).all(),
  };
  it.each(Object.entries(reads))(
    'one after the other let timers fire in between: %s',
    async (_, read) => {
      const db = make();
      await fill(db, 100);
      let isFired = false;
      setTimeout(() => (isFired = true), 1);
      // Without turns this would never end.
      for (let i = 0; i < 1_000_000 && !isFired; i++) await read(db);
      expect(isFired).toBe(true);
      await db.close();
    },
  );
});
