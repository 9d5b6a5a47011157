import { expect, it } from 'vitest';
import { MemoryFileSystem } from '../../src/fs/memory-file-system.js';
import { open } from '../../src/index.js';

const versions = 3000;

/** Keys a to e; c was written again and again, in between the others once more. */
async function openWithVersions() {
  const db = await open('/db', {
    fs: new MemoryFileSystem(),
    keyEncoding: 'utf8',
    valueEncoding: 'utf8',
  });
  for (const key of ['a', 'b', 'c', 'd']) db.putSync(key, 'old');
  const before = db.snapshot();
  for (let i = 0; i < versions; i++) db.putSync('c', `${i}`);
  db.deleteSync('b');
  for (let i = 0; i < versions; i++) db.putSync('e', `${i}`);
  return { db, before };
}

it('a scan does not step over each of thousands of versions of a key', async () => {
  const { db, before } = await openWithVersions();
  const expected = [
    ['a', 'old'],
    ['c', `${versions - 1}`],
    ['d', 'old'],
    ['e', `${versions - 1}`],
  ];
  expect([...db.entriesSync()]).toEqual(expected);
  expect([...db.entriesSync({ gte: 'b', lt: 'cx' })]).toEqual([expected[1]]);
  expect([...db.entriesSync({ gt: 'c' })]).toEqual(expected.slice(2));
  // Thousands of versions are too new for it, in front of the one that it sees.
  expect([...before.entriesSync()]).toEqual(['a', 'b', 'c', 'd'].map((key) => [key, 'old']));
  expect([...before.entriesSync({ gte: 'd' })]).toEqual([['d', 'old']]);
  expect(db.stats().scans.steppedOver).toBeLessThan(100);

  const iterator = db.entriesSync();
  iterator.seek('c');
  expect(iterator.next().value).toEqual(expected[1]);
  db.putSync('cc', 'too new');
  expect(iterator.next().value).toEqual(expected[2]);
  iterator.close();
  await db.flush();
  expect([...db.keysSync()]).toEqual(['a', 'c', 'cc', 'd', 'e']);
  before.close();
  await db.close();
});
