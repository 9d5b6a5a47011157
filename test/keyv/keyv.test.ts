import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { MemoryFileSystem } from '../../src/fs.js';
import { open, systemClock, type Database } from '../../src/index.js';
import KeyvDefault, { KeyvNori } from '../../src/keyv.js';

/* What Keyv's own suite, in ecosystem/keyv, leaves open: it sees the adapter through Keyv only. */

let folder: string;
let nowMs: number;
let database: Database;
let store: KeyvNori;
const clock = { ...systemClock, wallMs: () => nowMs };

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'nori-keyv-'));
});
beforeEach(async () => {
  nowMs = 1_000_000;
  database = await open('db', { fs: new MemoryFileSystem() });
  store = new KeyvNori({ database, clock, setsPerSweep: 0 });
  return () => database.close();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Entries on disk of what can be asked for, and of when they expire. */
async function stored(): Promise<{ records: number; expiries: number }> {
  const count = async (name: string) => {
    const keyspace = await database.keyspace(name, { keyEncoding: 'view', valueEncoding: 'view' });
    return [...keyspace.keysSync()].length;
  };
  return { records: await count('keyv'), expiries: await count('keyv.expiries') };
}

async function all(namespace?: string): Promise<[string, unknown][]> {
  const entries: [string, unknown][] = [];
  for await (const entry of store.iterator(namespace)) entries.push(entry);
  return entries;
}

describe('time to live', () => {
  it('ends for every way of reading, at the millisecond after', async () => {
    await store.set('a', 'A', 100);
    await store.setMany([
      { key: 'b', value: 'B', ttl: 100 },
      { key: 'c', value: 'C' },
    ]);
    nowMs += 100;
    expect(await store.get('a')).toBe('A');
    expect(await store.hasMany(['a', 'b', 'c'])).toEqual([true, true, true]);
    nowMs += 1;
    expect(await store.get('a')).toBeUndefined();
    expect(await store.has('a')).toBe(false);
    expect(await store.getMany(['a', 'b', 'c'])).toEqual([undefined, undefined, 'C']);
    expect(await store.hasMany(['a', 'b', 'c'])).toEqual([false, false, true]);
    expect(await all()).toEqual([['c', 'C']]);
    expect(await store.delete('a')).toBe(false);
  });

  it('is none for 0, null and undefined', async () => {
    await store.set('a', 'A', 0);
    await store.set('b', 'B', null);
    await store.set('c', 'C');
    nowMs += 1e12;
    expect(await store.getMany(['a', 'b', 'c'])).toEqual(['A', 'B', 'C']);
    expect(await stored()).toEqual({ records: 3, expiries: 0 });
  });

  it('holds over closing and opening', async () => {
    const path = join(folder, 'reopened');
    const first = new KeyvNori({ path, clock });
    await first.set('short', '1', 10);
    await first.set('long', '2', 1000);
    await first.disconnect();
    nowMs += 100;
    const second = new KeyvNori({ path, clock });
    expect(await second.getMany(['short', 'long'])).toEqual([undefined, '2']);
    await second.disconnect();
    await expect(second.get('long')).rejects.toMatchObject({ code: 'LSM_CLOSED' });
  });
});

describe('clearExpired', () => {
  it('removes what has expired and nothing that was set anew', async () => {
    await store.set('gone', '1', 10);
    await store.set('longer', '2', 10);
    await store.set('longer', '2', 1000);
    await store.set('kept', '3', 10);
    await store.set('kept', '3');
    await store.set('deleted', '4', 10);
    await store.delete('deleted');
    nowMs += 100;
    expect(await store.clearExpired()).toBe(1);
    expect(await store.getMany(['gone', 'longer', 'kept'])).toEqual([undefined, '2', '3']);
    expect(await stored()).toEqual({ records: 2, expiries: 1 });
    nowMs += 1000;
    expect(await store.clearExpired()).toBe(1);
    expect(await stored()).toEqual({ records: 1, expiries: 0 });
  });

  it('loses no value that another adapter sets meanwhile, at whichever moment', async () => {
    const other = new KeyvNori({ database, clock });
    for (let turns = 0; turns < 40; turns++) {
      await store.set('key', 'old', 10);
      nowMs += 100;
      const swept = store.clearExpired();
      for (let i = 0; i < turns; i++) await Promise.resolve();
      await Promise.all([swept, other.set('key', 'new')]);
      expect(await store.get('key')).toBe('new');
    }
  });

  it('runs by itself after so many sets with a ttl', async () => {
    const sweeping = new KeyvNori({ database, clock, setsPerSweep: 10 });
    for (let i = 0; i < 9; i++) await sweeping.set(`key-${i}`, '', 10);
    nowMs += 100;
    await sweeping.set('without', '');
    expect((await stored()).records).toBe(10);
    await sweeping.set('tenth', '', 10);
    await sweeping.disconnect();
    expect(await stored()).toEqual({ records: 2, expiries: 1 });
  });
});

describe('namespaces', () => {
  it('are cleared and walked over one by one, as prefixes of keys', async () => {
    for (const key of ['a:1', 'a:2', 'ab:1', 'b:1']) await store.set(key, key, 10);
    expect(await all('a')).toEqual([
      ['a:1', 'a:1'],
      ['a:2', 'a:2'],
    ]);
    store.namespace = 'a';
    await store.clear();
    expect(await all()).toEqual([
      ['ab:1', 'ab:1'],
      ['b:1', 'b:1'],
    ]);
    store.namespace = undefined;
    await store.clear();
    expect(await stored()).toEqual({ records: 0, expiries: 0 });
  });
});

describe('the adapter', () => {
  it('keeps strings, bytes and what JSON can say', async () => {
    const values = ['', 'grüße', Buffer.from([0, 255]), { a: [1, null] }, 7, false, null];
    await store.setMany(values.map((value, i) => ({ key: String(i), value })));
    expect(await store.getMany(values.map((_, i) => String(i)))).toEqual(values);
    await expect(store.set('a', undefined)).rejects.toThrow(/type undefined/);
  });

  it('tells which keys it has deleted', async () => {
    await store.set('a', '1');
    expect(await store.delete('a')).toBe(true);
    expect(await store.delete('a')).toBe(false);
    expect(await store.deleteMany(['a', 'b'])).toBe(false);
    await store.set('b', '1');
    expect(await store.deleteMany(['a', 'b'])).toBe(true);
  });

  it('leaves a database open that it was given, beside whose own entries it lives', async () => {
    await database.put('a', 'mine');
    await store.set('a', 'cached');
    await store.clear();
    await store.disconnect();
    expect(Buffer.from((await database.get('a'))!).toString()).toBe('mine');
  });

  it('tells of a database that does not open by an event and by each call', async () => {
    const path = join(folder, 'locked');
    const holder = await open(path);
    const failing = new KeyvDefault(path);
    const told = new Promise((resolve) => failing.on('error', resolve));
    expect(await told).toMatchObject({ code: 'LSM_LOCKED' });
    await expect(failing.get('a')).rejects.toMatchObject({ code: 'LSM_LOCKED' });
    await failing.disconnect();
    await holder.close();
    expect(() => new KeyvNori({})).toThrow(TypeError);
  });
});
