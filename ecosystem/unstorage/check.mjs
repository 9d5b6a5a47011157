// What unstorage asks of each of its drivers, asked of ours, and what a reopen keeps.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { createStorage, prefixStorage, restoreSnapshot, snapshot } from 'unstorage';
import { temporaryDirectory } from '../temporary.mjs';
import { noriDriver } from './nori-driver.mjs';

const directory = temporaryDirectory();
let calls = 0;
const storageAt = (name) => createStorage({ driver: noriDriver({ path: join(directory, name) }) });

async function check(what, run) {
  const storage = storageAt(`storage-${calls}`);
  try {
    await run(storage);
  } catch (error) {
    throw new Error(what, { cause: error });
  }
  await storage.dispose();
  calls++;
}

await check('values of every kind', async (storage) => {
  const values = { text: 'täxt', number: 42, zero: 0, no: false, list: [1, 'b'], object: { a: 1 } };
  for (const [key, value] of Object.entries(values)) await storage.setItem(key, value);
  for (const [key, value] of Object.entries(values)) {
    assert.deepEqual(await storage.getItem(key), value);
    assert.equal(await storage.hasItem(key), true);
  }
  assert.equal(await storage.getItem('absent'), null);
  assert.equal(await storage.hasItem('absent'), false);
  await assert.rejects(storage.setItem('function', () => 1));
});

await check('keys are normalised and listed below a base', async (storage) => {
  await storage.setItem('s1:a', 'of a');
  await storage.setItem('s2/b', 'of b');
  await storage.setItem('s2:c:d', 'of d');
  assert.deepEqual((await storage.getKeys()).sort(), ['s1:a', 's2:b', 's2:c:d']);
  assert.deepEqual(await storage.getKeys('s1'), ['s1:a']);
  assert.deepEqual((await storage.getKeys('s2:')).sort(), ['s2:b', 's2:c:d']);
  assert.deepEqual(await storage.getKeys('s'), []);
  assert.deepEqual((await storage.getKeys('', { maxDepth: 1 })).sort(), ['s1:a', 's2:b']);
  assert.equal(await storage.getItem('/s2/b'), 'of b');
});

await check('raw bytes', async (storage) => {
  const bytes = Uint8Array.from({ length: 70_000 }, (_, i) => (i * 7) & 0xff);
  await storage.setItemRaw('bytes', bytes);
  assert.deepEqual(new Uint8Array(await storage.getItemRaw('bytes')), bytes);
  assert.equal(await storage.getItemRaw('absent'), null);
});

await check('many at once', async (storage) => {
  const items = Array.from({ length: 2500 }, (_, i) => ({ key: `n:${i}`, value: `value ${i}` }));
  await storage.setItems(items);
  const asked = [...items.slice(0, 10), { key: 'absent' }].map(({ key }) => key);
  const found = await storage.getItems(asked);
  assert.deepEqual(found, [...items.slice(0, 10), { key: 'absent', value: null }]);
  assert.equal((await storage.getKeys('n')).length, items.length);
  await storage.clear();
  assert.deepEqual(await storage.getKeys(), []);
});

await check('removing', async (storage) => {
  await storage.setItem('a', '1');
  await storage.setMeta('a', { at: 7 });
  assert.equal((await storage.getMeta('a')).at, 7);
  await storage.removeItem('a', { removeMeta: true });
  assert.equal(await storage.hasItem('a'), false);
  assert.equal((await storage.getMeta('a')).at, undefined);
  await storage.removeItem('a');
});

await check('watching', async (storage) => {
  const events = [];
  const unwatch = await storage.watch((event, key) => events.push([event, key]));
  await storage.setItem('a', '1');
  await storage.removeItem('a');
  await unwatch();
  await storage.setItem('b', '1');
  assert.deepEqual(events, [
    ['update', 'a'],
    ['remove', 'a'],
  ]);
});

await check('prefixes, mounts and snapshots', async (storage) => {
  const users = prefixStorage(storage, 'users');
  await users.setItem('ada', { born: 1815 });
  assert.deepEqual(await storage.getItem('users:ada'), { born: 1815 });
  assert.deepEqual(await users.getKeys(), ['ada']);
  storage.mount('cache', noriDriver({ path: join(directory, 'mounted') }));
  await storage.setItem('cache:x', 'in the other database');
  assert.deepEqual((await storage.getKeys()).sort(), ['cache:x', 'users:ada']);
  const saved = await snapshot(storage, '');
  await storage.clear('cache');
  assert.deepEqual(await storage.getKeys(), ['users:ada']);
  await storage.clear();
  assert.deepEqual(await storage.getKeys(), []);
  await restoreSnapshot(storage, saved);
  assert.equal(await storage.getItem('cache:x'), 'in the other database');
  await storage.unmount('cache');
  assert.deepEqual(await storage.getKeys(), ['users:ada']);
});

await check('a reopen', async (storage) => {
  await storage.setItem('kept', { by: 'the disk' });
  await storage.dispose();
  const again = storageAt(`storage-${calls}`);
  assert.deepEqual(await again.getItem('kept'), { by: 'the disk' });
  await again.dispose();
});

console.log(
  `unstorage 1.17.6 with a driver of 60 lines: ${calls} groups of what it asks of a driver, on disk`,
);
