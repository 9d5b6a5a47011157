import { expect, test } from 'vitest';
import { Prng } from '../../src/base/prng.js';
import { MemoryFileSystem } from '../../src/fs.js';
import { open, type Database } from '../../src/index.js';

const writtenBy = (db: Database): number[] =>
  db.stats().keyspaces.map(({ written }) => written.userBytes);

async function write(db: Database, from: number, to: number): Promise<void> {
  const other = await db.keyspace('other');
  for (let i = from; i < to; i++) {
    await db.put(`key ${i}`, 'x'.repeat(100));
    await other.put(`k${i}`, 'y');
  }
}

test('what callers wrote is counted once, through flushes, closing and crashes', async () => {
  const fs = new MemoryFileSystem();
  const db = await open('/db', { fs });
  await write(db, 10, 30);
  await db.flush();
  await write(db, 30, 50);
  expect(writtenBy(db)).toEqual([40 * 106, 40 * 4]);
  await db.close();

  const again = await open('/db', { fs });
  expect(writtenBy(again)).toEqual([40 * 106, 40 * 4]);
  await write(again, 50, 70);
  // The process dies here; what the OS has stays.
  const after = fs.crash({ keep: 1, random: new Prng(1) });
  const third = await open('/db', { fs: after });
  expect(writtenBy(third)).toEqual([60 * 106, 60 * 4]);
  await third.flush();
  expect(writtenBy(third)).toEqual([60 * 106, 60 * 4]);
  expect(third.stats().writeAmplification).toBe(1);
  await third.close();
});
