// y-leveldb stores documents of Yjs in `level`, which is ours by an override.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { Level } from 'level';
import { NoriLevel } from 'nori-lsm/level';
import { LeveldbPersistence } from 'y-leveldb';
import * as Y from 'yjs';
import { temporaryDirectory } from '../temporary.mjs';

assert.equal(Level, NoriLevel, 'the override is not in place');

const directory = join(temporaryDirectory(), 'documents');
const edits = 1200;

/** y-leveldb tells of a failure by console.warn and goes on. */
console.warn = (...args) => {
  throw new Error(`warned: ${args.join(' ')}`);
};

/** A document that many updates have made, each of them stored. */
async function edit(persistence, name) {
  const doc = new Y.Doc();
  const stored = [];
  doc.on('update', (update) => stored.push(persistence.storeUpdate(name, update)));
  const text = doc.getText('text');
  const map = doc.getMap('map');
  for (let i = 0; i < edits; i++) {
    text.insert((i * 7) % (text.length + 1), `${i} `);
    if (i % 3 === 0) text.delete(0, 2);
    if (i % 5 === 0) map.set(`key ${i % 50}`, { i });
  }
  await Promise.all(stored);
  return doc;
}

function assertSame(found, expected) {
  assert.equal(found.getText('text').toString(), expected.getText('text').toString());
  assert.deepEqual(found.getMap('map').toJSON(), expected.getMap('map').toJSON());
  assert.deepEqual(Y.encodeStateVector(found), Y.encodeStateVector(expected));
}

let persistence = new LeveldbPersistence(directory);
const names = ['notes', 'notes 2', 'größe'];
const docs = new Map();
for (const name of names) docs.set(name, await edit(persistence, name));

for (const [name, doc] of docs) assertSame(await persistence.getYDoc(name), doc);
assert.deepEqual((await persistence.getAllDocNames()).sort(), [...names].sort());

// What a client that has the state of `half` is missing.
const half = new Y.Doc();
Y.applyUpdate(half, Y.encodeStateAsUpdate(docs.get('notes')));
const before = Y.encodeStateVector(half);
const persisted = await persistence.getYDoc('notes');
const stored = [];
persisted.on('update', (update) => stored.push(persistence.storeUpdate('notes', update)));
persisted.getText('text').insert(0, 'the last edit');
await Promise.all(stored);
docs.set('notes', persisted);
Y.applyUpdate(half, await persistence.getDiff('notes', before));
assertSame(half, persisted);
assert.deepEqual(await persistence.getStateVector('notes'), Y.encodeStateVector(persisted));

await persistence.setMeta('notes', 'title', { text: 'Notes', at: 7 });
await persistence.setMeta('notes', 'gone', 'x');
await persistence.delMeta('notes', 'gone');
await persistence.flushDocument('notes 2');
await persistence.destroy();

persistence = new LeveldbPersistence(directory);
for (const [name, doc] of docs) assertSame(await persistence.getYDoc(name), doc);
assert.deepEqual(await persistence.getMeta('notes', 'title'), { text: 'Notes', at: 7 });
assert.equal(await persistence.getMeta('notes', 'gone'), undefined);
assert.deepEqual([...(await persistence.getMetas('notes')).keys()], ['title']);

await persistence.clearDocument('notes 2');
assert.equal((await persistence.getYDoc('notes 2')).getText('text').length, 0);
assertSame(await persistence.getYDoc('größe'), docs.get('größe'));
assert.deepEqual((await persistence.getAllDocNames()).sort(), ['größe', 'notes']);
await persistence.clearAll();
assert.deepEqual(await persistence.getAllDocNames(), []);
await persistence.destroy();

console.log(
  `y-leveldb 0.2.0 by an override of level: ${names.length} Yjs documents of ${edits} edits each stored, diffed, reloaded, cleared`,
);
