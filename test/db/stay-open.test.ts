import { describe, expect, it } from 'vitest';
import { MemoryFileSystem } from '../../src/fs.js';
import { isLsmError, open, type Database } from '../../src/index.js';
import { GatedDisk } from '../support/gated-disk.js';

async function openWith(keys: readonly string[]): Promise<Database<string, string>> {
  const fs = new MemoryFileSystem();
  const db = await open('/db', { fs, keyEncoding: 'utf8', valueEncoding: 'utf8' });
  for (const key of keys) await db.put(key, `value of ${key}`);
  return db;
}

describe('an iterator that stays open', () => {
  it('goes on with seek after its end, as of the same moment', async () => {
    const db = await openWith(['a', 'b', 'c']);
    const keys = db.keys({ stayOpen: true });
    const keysSync = db.keysSync({ stayOpen: true });
    await db.put('d', 'too late');
    expect(await keys.nextMany(10)).toEqual(['a', 'b', 'c']);
    expect(await keys.nextMany(10)).toEqual([]);
    expect(await keys.next()).toEqual({ done: true, value: undefined });
    expect(keysSync.nextMany(10)).toEqual(['a', 'b', 'c']);
    expect(keysSync.next().done).toBe(true);
    keys.seek('b');
    keysSync.seek('c');
    expect(await keys.nextMany(10)).toEqual(['b', 'c']);
    expect(keysSync.nextMany(10)).toEqual(['c']);
    expect(db.stats().iterators).toHaveLength(2);
    await keys.close();
    keysSync.close();
    expect(db.stats().iterators).toEqual([]);
    await db.close();
  });

  it('closes itself when it is not asked to stay', async () => {
    const db = await openWith(['a']);
    const keys = db.keys();
    expect(await keys.nextMany(2)).toEqual(['a']);
    expect(db.stats().iterators).toEqual([]);
    expect(() => keys.seek('a')).toThrow('the iterator is closed');
    await db.close();
  });
});

describe('nextMany with maxBytes', () => {
  it('ends after the entry that goes over it, and gives one at least', async () => {
    const db = await openWith(['a', 'b', 'c', 'd']);
    const size = 'a'.length + 'value of a'.length;
    const entries = db.entries();
    expect(await entries.nextMany(10, 0)).toHaveLength(1);
    expect(await entries.nextMany(10, size)).toHaveLength(2);
    expect(await entries.nextMany(10, size)).toHaveLength(1);
    expect(await entries.nextMany(10, size)).toEqual([]);
    const keys = db.keys();
    await expect(keys.nextMany(10, NaN)).rejects.toThrow('maxBytes must be at least 0, not NaN');
    expect(await keys.nextMany(10, 2)).toHaveLength(3);
    await keys.close();
    await db.close();
  });
});

describe('settled', () => {
  it('waits for the reads that close would reject', async () => {
    const fs = new GatedDisk();
    const options = { fs, keyEncoding: 'utf8', valueEncoding: 'utf8' } as const;
    const first = await open('/db', options);
    await first.put('a', 'value of a');
    await first.flush();
    await first.close();
    const db = await open('/db', options);
    const gate = fs.hold('open', /\.sst$/);
    const value = db.get('a');
    await gate.reached;
    let isSettled = false;
    const settled = db.settled().then(() => (isSettled = true));
    await new Promise((resolve) => setImmediate(resolve));
    expect(isSettled).toBe(false);
    gate.letGo();
    expect(await value).toBe('value of a');
    await settled;
    await db.close();
    await expect(db.settled()).rejects.toSatisfy((error) => isLsmError(error, 'LSM_CLOSED'));
  });
});
