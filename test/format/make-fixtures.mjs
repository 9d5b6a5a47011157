// Writes the fixtures of one format version: small databases and a table, with what
// they hold as JSON beside them. Run once when a format version is new, from the
// root, with the package built:
//
//     npm run build && node test/format/make-fixtures.mjs v1
//
// What is committed is never made anew: it stands for files that users have. The
// script refuses to touch a directory that exists. Ids come from a seeded source,
// so that two runs of the same code write the same databases.
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { open } from 'nori-lsm';
import { MemoryFileSystem } from 'nori-lsm/fs';
import { Entry, SSTableBuilder } from 'nori-lsm/sstable';

const version = process.argv[2];
if (!/^v\d+$/.test(version ?? '')) throw new Error('usage: make-fixtures.mjs vN');
const target = join(dirname(fileURLToPath(import.meta.url)), 'fixtures', version);
if (existsSync(target)) throw new Error(`${target} exists: fixtures are never made anew`);

function seededRandom(seed) {
  let state = seed;
  return {
    u32: () => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return state;
    },
  };
}

/** Bytes as text, one character for each byte. */
const latin1 = (bytes) => Buffer.from(bytes).toString('latin1');
const bytesOf = (text) => Buffer.from(text, 'latin1');

const binaryKeys = ['', '\0', '\0\0', 'a', 'a\0', '\xc3\xa9', '\xff', '\xff\xff\xff\xff\xff'];

/** Five L0 tables compacted to L1, then two more in L0, all with deletes and overwrites. */
async function writeTwoLevels(db) {
  for (let round = 0; round < 5; round++) {
    for (let i = round; i < 60; i += 1 + (round % 3)) {
      db.putSync(
        `user:${String(i).padStart(4, '0')}`,
        `round ${round}, and some words, and some words`,
      );
    }
    db.deleteSync(`user:${String(round * 7).padStart(4, '0')}`);
    await db.flush();
  }
  await db.compactRange();
  for (const key of binaryKeys) db.putSync(bytesOf(key), bytesOf(`value of ${key}`));
  db.putSync('empty value', '');
  db.putSync('long value', 'x'.repeat(600));
  await db.flush();
  for (let i = 1; i < 60; i += 9) db.deleteSync(`user:${String(i).padStart(4, '0')}`);
  db.putSync('user:0002', 'newest');
  await db.flush();
}

async function writeLog(db) {
  await db.put('in the log', '1');
  await db.batch([
    { type: 'put', key: 'batch a', value: '1' },
    { type: 'put', key: 'batch b', value: '2' },
    { type: 'delete', key: 'user:0003' },
  ]);
  await db.delete('in the log');
  await db.put('\xff in the log', 'as UTF-8', { durability: 'disk' });
}

/** One entry a line. */
function writeExpected(name, { entries, ...facts }) {
  const lines = entries.map((entry) => JSON.stringify(entry)).join(',\n');
  const head = JSON.stringify(facts).slice(1, -1);
  const text = `{${head}${head === '' ? '' : ','}\n"entries":[\n${lines}\n]}\n`;
  writeFileSync(join(target, `${name}.json`), text);
}

async function make(name, seed, options, { write, isCrash = false, tornBytes = 0 }) {
  const fs = new MemoryFileSystem();
  const random = seededRandom(seed);
  const db = await open('/', {
    memtableBytes: 64 * 1024,
    syncIntervalMs: 0,
    ...options,
    fs,
    random,
  });
  await write(db);
  while (db.stats().background.running.length > 0 || db.stats().tables.obsolete > 0) {
    await new Promise((resolve) => setImmediate(resolve));
  }
  const entries = [...db.entriesSync()].map(([key, value]) => [latin1(key), latin1(value)]);
  const levels = db.stats().levels.map((level) => level.tables);
  if (tornBytes > 0) {
    // Handed to the OS, never synced: a crash may leave any part of it.
    db.putSync('torn', 'this record is cut in the middle');
  }
  const crashed = fs.snapshotFiles();
  await db.close();
  const files = isCrash ? crashed : fs.snapshotFiles();
  const directory = join(target, name);
  mkdirSync(directory, { recursive: true });
  let tornLog;
  for (const [path, bytes] of files) {
    let kept = bytes;
    // The other log is the next one, made ahead and still empty.
    if (tornBytes > 0 && bytes.length > 0 && path.endsWith('.log')) {
      kept = bytes.subarray(0, bytes.length - tornBytes);
      tornLog = path.slice(1);
    }
    writeFileSync(join(directory, path.slice(1)), kept);
  }
  writeExpected(name, { levels, isClean: !isCrash, tornLog, entries });
}

await make('tables-none', 1, { compression: 'none' }, { write: writeTwoLevels });
await make('tables-lz4', 2, { compression: 'lz4' }, { write: writeTwoLevels });
await make('tables-zstd', 3, { compression: 'zstd' }, { write: writeTwoLevels });
await make('no-filters', 4, { compression: 'none', bloomBitsPerKey: 0 }, { write: writeTwoLevels });
const withLog = async (db) => {
  await writeTwoLevels(db);
  await writeLog(db);
};
await make('unflushed', 5, {}, { write: withLog });
await make('crashed', 6, {}, { write: withLog, isCrash: true });
await make('torn', 7, {}, { write: withLog, isCrash: true, tornBytes: 20 });
await make('empty', 8, {}, { write: async () => {} });

const path = join(target, 'standalone.sst');
const builder = await SSTableBuilder.create({ path });
const entries = [
  Entry.put(bytesOf(''), 'the empty key', 7),
  Entry.delete('apple', 12),
  Entry.put('apple', 'red', 5),
  Entry.put('banana', 'yellow, yellow, yellow, yellow, yellow, yellow', 6),
  Entry.put(bytesOf('\xff\0\xff'), bytesOf('\0\x01\x02'), 2 ** 40),
];
for (const entry of entries) await builder.add(entry);
await builder.finish();
const shown = entries.map(({ key, seq, kind, value }) => [latin1(key), seq, kind, latin1(value)]);
writeExpected('standalone', { entries: shown });
