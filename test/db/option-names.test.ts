import { afterAll, beforeAll, expect, test } from 'vitest';
import { MemoryFileSystem } from '../../src/fs.js';
import { open, type Database } from '../../src/index.js';

let db: Database;
beforeAll(async () => {
  db = await open('/db', { fs: new MemoryFileSystem() });
});
afterAll(() => db.close());

const refused = { code: 'LSM_INVALID_ARGUMENT' };

test('a write refuses a name it does not know, without effect', async () => {
  const options = { sync: true } as object;
  await expect(db.put('k', 'v', options)).rejects.toMatchObject(refused);
  expect(() => db.deleteSync('k', options)).toThrow("there is no 'sync'");
  await expect(db.batch([{ type: 'put', key: 'k', value: 'v' }], options)).rejects.toThrow('sync');
  await expect(db.batch().put('k', 'v').commit(options)).rejects.toMatchObject(refused);
  expect(db.hasSync('k')).toBe(false);
});

test('a read refuses a name it does not know', async () => {
  expect(() => db.getSync('k', { at: 1 } as object)).toThrow("there is no 'at'");
  await expect(db.getMany(['k'], { at: 1 } as object)).rejects.toMatchObject(refused);
});

test('a range refuses a name it does not know instead of meaning everything', async () => {
  expect(() => db.entriesSync({ start: 'a' } as object)).toThrow("there is no 'start'");
  expect(() => db.keys({ gte: 'a', values: false } as object)).toThrow("there is no 'values'");
  await expect(db.compactRange({ from: 'a' } as object)).rejects.toMatchObject(refused);
  await expect(db.compactRange({ reverse: true } as object)).rejects.toMatchObject(refused);
  await expect(db.approximateSize({ to: 'a' } as object)).rejects.toMatchObject(refused);
});

test('there are only the events that there are', async () => {
  expect(() => db.on('error' as 'flush', () => undefined)).toThrow("there is no 'error'");
  const listeners = { flushed: () => undefined } as object;
  await expect(open('/other', { fs: new MemoryFileSystem(), listeners })).rejects.toThrow(
    'listeners must be an object of functions by event name',
  );
});
