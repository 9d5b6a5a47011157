import { describe, expect, it } from 'vitest';
import { MemoryFileSystem } from '../../src/fs.js';
import { open } from '../../src/index.js';

const text = { keyEncoding: 'utf8', valueEncoding: 'utf8' } as const;

describe('a database', () => {
  it('puts, gets, deletes, scans, and brings everything back after closing', async () => {
    const fs = new MemoryFileSystem();
    const db = await open('/db', { fs, ...text });
    await db.put('a', '1');
    db.putSync('b', '2');
    await db.batch([
      { type: 'put', key: 'c', value: '3' },
      { type: 'delete', key: 'a' },
    ]);
    expect(db.getSync('a')).toBeUndefined();
    expect(await db.get('b')).toBe('2');
    expect(await db.getMany(['a', 'b', 'c'])).toEqual([undefined, '2', '3']);
    expect([...db.entriesSync()]).toEqual([
      ['b', '2'],
      ['c', '3'],
    ]);
    await db.close();

    const again = await open('/db', { fs, ...text });
    const entries: [string, string][] = [];
    for await (const entry of again.entries({ reverse: true })) entries.push(entry);
    expect(entries).toEqual([
      ['c', '3'],
      ['b', '2'],
    ]);
    await again.flush();
    expect(again.stats().levels[0].tables).toBe(1);
    expect(again.getSync('c')).toBe('3');
    await again.close();

    const third = await open('/db', { fs, ...text });
    expect(third.getSync('b')).toBe('2');
    await third.compactRange();
    expect(third.stats().levels.map((level) => level.tables)).toEqual([0, 1]);
    expect([...third.keysSync()]).toEqual(['b', 'c']);
    await third.close();
  });
});

it('a listener may ask for stats() also of the flush that belongs to closing', async () => {
  const db = await open('/db', { fs: new MemoryFileSystem() });
  for (let i = 0; i < 50; i++) await db.put(`key ${i}`, new Uint8Array(100_000));
  const tables: number[] = [];
  db.on('flush', () => tables.push(db.stats().levels[0].tables));
  await db.close();
  expect(tables).toEqual([1]);
  expect(() => db.stats()).toThrow('closed');
});
