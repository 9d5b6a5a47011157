// levelup 5 with encoding-down 7: encodings, streams, iterators, deferred open.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { promisify } from 'node:util';

const require = createRequire(import.meta.url);
const encode = require('encoding-down');
const leveldown = require('leveldown');
const levelup = require('levelup');

export async function checkLevelup(directory) {
  const location = join(directory, 'levelup');
  const open = () => levelup(encode(leveldown(location), { valueEncoding: 'json' }));
  const users = Array.from({ length: 5000 }, (_, i) => [
    `user!${String(i).padStart(4, '0')}`,
    { name: `Nr ${i}`, tags: [i, null] },
  ]);

  // Not awaited: levelup keeps it until the database is open.
  const db = open();
  await db.put('a', { b: 1 });
  assert.deepEqual(await db.get('a'), { b: 1 });
  const missing = await db.get('nobody').catch((error) => error);
  assert.equal(missing.notFound, true);
  assert.equal(missing.type, 'NotFoundError');

  await db.batch(users.map(([key, value]) => ({ type: 'put', key, value })));
  await db.batch().del('a').put('z', 'last', { sync: true }).write();
  assert.deepEqual(await db.getMany(['user!0007', 'a']), [users[7][1], undefined]);

  const range = { gte: 'user!', lt: 'user!~' };
  const streamed = [];
  for await (const { key, value } of db.createReadStream(range)) streamed.push([key, value]);
  assert.deepEqual(streamed, users);
  const keys = [];
  for await (const key of db.createKeyStream({
    ...range,
    reverse: true,
    limit: 3,
  }))
    keys.push(key);
  assert.deepEqual(keys, ['user!4999', 'user!4998', 'user!4997']);

  const iterator = db.iterator({
    ...range,
    keyAsBuffer: false,
    valueAsBuffer: false,
  });
  await db.clear(range);
  iterator.seek('user!4998');
  const left = [];
  for await (const [key] of iterator) left.push(key);
  assert.deepEqual(left, ['user!4998', 'user!4999'], 'an iterator sees the moment it was made in');

  const second = await promisify((done) => levelup(leveldown(location), done))().catch(
    (error) => error,
  );
  assert.equal(second.type, 'OpenError');
  assert.match(second.message, /lock|in use|open/i);
  await db.close();

  const again = open();
  assert.equal(await again.get('z'), 'last');
  const all = [];
  for await (const key of again.createKeyStream()) all.push(key);
  assert.deepEqual(all, ['z']);
  await again.close();
  return `levelup 5 + encoding-down 7: ${users.length} entries`;
}
