import { expect, test } from 'vitest';
import { MemoryFileSystem } from '../../src/fs.js';
import { open } from '../../src/index.js';

test('verifying a database while it compacts reports no table as missing', async () => {
  const fs = new MemoryFileSystem();
  const db = await open('/db', { fs, tableBytes: 16 * 1024, compression: 'none' });
  const value = new Uint8Array(2000);
  for (let round = 0; round < 4; round++) {
    for (let i = 0; i < 40; i++) db.putSync(`key ${i}`, value);
    await db.flush();
  }
  const verifying = db.verify();
  await db.compactRange();
  const report = await verifying;
  expect(report.damages).toEqual([]);
  expect(report.tables).toBeGreaterThan(0);
  // What had to stay meanwhile is removed afterwards.
  await db.flush();
  await new Promise((resolve) => void setImmediate(resolve));
  const named = db.stats().levels.reduce((sum, { tables }) => sum + tables, 0);
  const onDisk = (await fs.list('/db')).filter((name) => name.endsWith('.sst'));
  expect(onDisk.length).toBe(named);
  await db.close();
});

test('verifying a database whose logs and manifest go on reports no claim as false', async () => {
  const fs = new MemoryFileSystem();
  const db = await open('/db', { fs, memtableBytes: 64 * 1024, compression: 'none' });
  const value = new Uint8Array(3000);
  let isOver = false;
  const writing = (async () => {
    for (let i = 0; !isOver; i++) await db.put(`key ${i % 50}`, value);
  })();
  for (let i = 0; i < 30; i++) expect((await db.verify()).damages).toEqual([]);
  isOver = true;
  await writing;
  await db.close();
});
