import { describe, expect, it } from 'vitest';
import { MemoryFileSystem } from '../../src/fs/memory-file-system.js';
import { open, type Database } from '../../src/index.js';

type Strings = Database<string, string>;
const encodings = { keyEncoding: 'utf8', valueEncoding: 'utf8' } as const;
const keys = 200;
const keyOf = (i: number): string => String(i).padStart(4, '0');

/** Tables of L0 that all have the same range. */
async function openWithLevel0(tables: number, disk = new MemoryFileSystem()): Promise<Strings> {
  const db = await open('/db', { fs: disk, ...encodings });
  for (let table = 0; table < tables; table++) await flushOne(db, `${table}`);
  expect(tablesAt(db, 0)).toBe(tables);
  return db;
}

async function flushOne(db: Strings, value: string): Promise<void> {
  for (let i = 0; i < keys; i++) await db.put(keyOf(i), value);
  await db.flush();
}

const tablesAt = (db: Strings, level: number): number => db.stats().levels.at(level)?.tables ?? 0;

/** Each asks every table of L0. */
function getInVain(db: Strings, count: number): void {
  for (let i = 0; i < count; i++) db.getSync(`${keyOf(i % (keys - 1))}x`);
}

/** So much is wasted before a small L0 that has been looked at is due. */
const patience = 50_000;

/** Until whatever is due has been begun, and has ended. */
async function settle(db: Strings): Promise<void> {
  for (let turns = 0; turns < 3; turns++) await new Promise((resolve) => setImmediate(resolve));
  while (db.stats().background.running.length > 0) {
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe('tables of L0 that reads look into in vain', () => {
  it('are brought down after as much waste as their entries, or a syncing is worth', async () => {
    const db = await openWithLevel0(3);
    const reasons: string[] = [];
    db.on('compaction', ({ reason }) => reasons.push(reason));
    getInVain(db, patience / 2 - 10);
    await settle(db);
    expect(tablesAt(db, 0)).toBe(3);
    getInVain(db, 30);
    await settle(db);
    expect([tablesAt(db, 0), tablesAt(db, 1)]).toEqual([0, 1]);
    expect(reasons).toEqual(['L0 holds 3 tables that reads ask in vain']);
    expect(db.getSync(keyOf(7))).toBe('2');
    getInVain(db, 3 * patience);
    await settle(db);
    expect(db.stats().background.compactions).toBe(1);
    await db.close();
  });

  it('are brought down for scans, too', async () => {
    const db = await openWithLevel0(3);
    for (let i = 0; i < 2 * (patience / (30 + keys / 2)); i++) {
      expect([...db.keysSync()]).toHaveLength(keys);
    }
    await settle(db);
    expect(tablesAt(db, 0)).toBe(0);
    await db.close();
  });

  it('are brought down with what was left in the memtable, where nothing is written', async () => {
    const db = await openWithLevel0(3);
    await db.put('0100y', 'of all');
    for (let round = 0; round < 4; round++) {
      getInVain(db, patience / 2);
      await settle(db);
    }
    expect([tablesAt(db, 0), tablesAt(db, 1)]).toEqual([0, 1]);
    expect(db.stats().memtables.activeEntries).toBe(0);
    expect(db.stats().background.compactions).toBe(1);
    expect(db.getSync('0100y')).toBe('of all');
    await db.close();
  });

  it('leave the memtable where it is while something is written', async () => {
    const db = await openWithLevel0(3);
    for (let round = 0; round < 6; round++) {
      await db.put(`${round}`, 'new');
      getInVain(db, patience / 2);
      await settle(db);
    }
    expect(db.stats().memtables.activeEntries).toBe(6);
    expect(tablesAt(db, 0)).toBe(0);
    await db.close();
  });

  it('stay while new ones come meanwhile', async () => {
    const db = await openWithLevel0(2);
    for (let table = 2; table < 8; table++) {
      getInVain(db, patience / table);
      await settle(db);
      await flushOne(db, 'new');
    }
    await settle(db);
    expect(tablesAt(db, 0)).toBe(8);
    expect(db.stats().background.compactions).toBe(0);
    await db.close();
  });

  it('stay where the first one asked has what is looked for', async () => {
    const db = await openWithLevel0(3);
    for (let i = 0; i < 3 * patience; i++) db.getSync(keyOf(i % keys));
    await settle(db);
    expect(tablesAt(db, 0)).toBe(3);
    await db.close();
  });

  it('stay in a database that is only read, or closes', async () => {
    const disk = new MemoryFileSystem();
    const db = await openWithLevel0(3, disk);
    getInVain(db, patience - 10);
    await db.close();
    const reader = await open('/db', { fs: disk, readOnly: true, ...encodings });
    getInVain(reader, 2 * patience);
    await settle(reader);
    expect(tablesAt(reader, 0)).toBe(3);
    await reader.close();
  });
});
