import { expect, test } from 'vitest';
import { MemoryFileSystem } from '../../src/fs.js';
import { open, type Database } from '../../src/index.js';
import { JumpingClock } from '../support/jumping-clock.js';

function openIdle(): Promise<Database> {
  const clock = new JumpingClock();
  return open('/db', { fs: new MemoryFileSystem(), clock, memtableBytes: 1024 * 1024 });
}

async function fill(db: Database): Promise<void> {
  for (let i = 0; i < 2000; i++) db.putSync(`key ${i}`, new Uint8Array(100).fill(i));
  await db.flush();
}

/** Lets the event loop, and with it the clock, go on until nothing runs any more. */
async function settle(db: Database): Promise<void> {
  let idleTurns = 0;
  while (idleTurns < 20) {
    await new Promise((resolve) => void setImmediate(resolve));
    idleTurns = db.stats().background.running.length === 0 ? idleTurns + 1 : 0;
  }
}

const bytesOf = (db: Database): number =>
  db.stats().levels.reduce((sum, level) => sum + level.bytes, 0);

test('deleting 90 % of the keys and waiting gives at least 80 % of the space back', async () => {
  const db = await openIdle();
  await fill(db);
  const before = bytesOf(db);
  for (let i = 0; i < 2000; i++) if (i % 10 !== 0) db.deleteSync(`key ${i}`);
  expect(bytesOf(db)).toBe(before);
  await settle(db);
  expect(bytesOf(db)).toBeLessThan(0.2 * before);
  expect(db.stats().memtables.activeEntries).toBe(0);
  expect(db.keysSync().nextMany(2000)).toHaveLength(200);
  await db.close();
});

test('a few deletes stay in the memtable: their table would cost more than it gives back', async () => {
  const db = await openIdle();
  await fill(db);
  for (let i = 0; i < 20; i++) db.deleteSync(`key ${i}`);
  await settle(db);
  expect(db.stats().memtables.activeEntries).toBe(20);
  await db.close();
});
