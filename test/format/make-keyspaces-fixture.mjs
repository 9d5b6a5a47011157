// Writes test/format/keyspaces/fixtures/vN: a database with several keyspaces, each
// stored in its own way, three levels, versions that a snapshot kept, and logs that
// were not closed; and what it holds as JSON beside it. Run once when a format
// version is new, from the root, with the package built:
//
//     npm run build && node test/format/make-keyspaces-fixture.mjs v1
//
// What is committed is never made anew: it stands for files that users have.
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { open } from 'nori-lsm';
import { MemoryFileSystem } from 'nori-lsm/fs';

const version = process.argv[2];
if (!/^v\d+$/.test(version ?? '')) throw new Error('usage: make-keyspaces-fixture.mjs vN');
const here = dirname(fileURLToPath(import.meta.url));
const target = join(here, 'keyspaces', 'fixtures', version);
if (existsSync(target)) throw new Error(`${target} exists: fixtures are never made anew`);

let state = 77;
const random = {
  u32: () => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0),
};
const hex = (bytes) => {
  let text = '';
  while (text.length < 2 * bytes) text += (random.u32() >>> 8).toString(16);
  return text.slice(0, bytes);
};
const turn = () => new Promise((resolve) => setImmediate(resolve));

const fs = new MemoryFileSystem();
const text = { keyEncoding: 'utf8', valueEncoding: 'utf8' };
const options = {
  ...text,
  fs,
  random,
  memtableBytes: 64 * 1024,
  syncIntervalMs: 0,
  compression: 'lz4',
  maxWalBytes: 16 * 1024 * 1024,
};
const db = await open('/', options);
const settled = async () => {
  while (db.stats().background.running.length > 0 || db.stats().tables.obsolete > 0) await turn();
};
const stepped = await db.keyspace('by levels, é 日本', {
  ...text,
  memtableBytes: 64 * 1024,
  tableBytes: 16 * 1024,
  levelSizing: 'static',
  maxLevels: 4,
  baseLevelBytes: 64 * 1024,
  levelSizeMultiplier: 2,
  l0CompactionTrigger: 1,
  l0SlowdownTables: 4,
  l0StopTables: 8,
  levels: [
    { compression: 'none' },
    { compression: 'lz4', bloomBitsPerKey: 0, blockSizeBytes: 1024 },
    { compression: 'zstd', cachePriority: 'high' },
  ],
});
const packed = await db.keyspace('packed', { ...text, compression: 'zstd', bloomBitsPerKey: 20 });
await db.keyspace('empty', { ...text });
const dropped = await db.keyspace('dropped', { ...text });

// Levels, and the cursors of compactions that take one table after the other.
for (let round = 0; round < 4; round++) {
  for (let i = 0; i < 300; i++) {
    await stepped.put(`key ${String((i * 37 + round * 11) % 509).padStart(4, '0')}`, hex(180));
  }
  await stepped.delete(`key ${String(round * 3).padStart(4, '0')}`);
  await db.flush();
  await settled();
}
// Versions that a snapshot keeps.
const snapshots = [];
for (let i = 0; i < 20; i++) {
  await packed.put('counted', `${i} times`);
  if (i % 4 === 0) snapshots.push(db.snapshot());
  await packed.put(`packed ${i}`, 'the same words again, '.repeat(5));
}
await packed.delete('packed 3');
await dropped.put('gone', 'with its keyspace');
await db.put('default', 'has entries too');
await db.flush();
await settled();
await db.dropKeyspace('dropped');
// The log: batches across keyspaces, a record over several blocks, and a log before the last one.
await packed.put('in the first log', 'replayed');
for (let i = 0; i < 40; i++) await db.put(`filler ${i}`, 'x'.repeat(2000));
await db.batch([
  { type: 'put', key: 'both', value: 'default' },
  { type: 'put', key: 'both', value: 'packed', keyspace: packed },
  { type: 'delete', key: 'packed 4', keyspace: packed },
]);
await stepped.put('over blocks', 'y'.repeat(70_000));
await db.put('last', 'synced', { durability: 'disk' });

const keyspaces = {};
for (const name of db.keyspaces()) {
  keyspaces[name] = [...(await db.keyspace(name, text)).entriesSync()];
}
const files = fs.snapshotFiles();
for (const snapshot of snapshots) snapshot.close();
await db.close();

mkdirSync(join(target, 'db'), { recursive: true });
for (const [path, bytes] of files) writeFileSync(join(target, 'db', path.slice(1)), bytes);

/** One entry a line; a long value of one character as that and how often. */
const lineOf = ([key, value]) =>
  JSON.stringify(
    value.length > 300 && value === value[0].repeat(value.length)
      ? [key, value[0], value.length]
      : [key, value],
  );
const parts = Object.entries(keyspaces).map(
  ([name, entries]) => `${JSON.stringify(name)}:[\n${entries.map(lineOf).join(',\n')}\n]`,
);
writeFileSync(join(target, 'expected.json'), `{${parts.join(',\n')}}\n`);
