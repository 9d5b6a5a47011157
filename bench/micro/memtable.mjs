// The memtable: entries of 16 + 100 bytes.
import { keyForms, layOut, load, Random, runAlone } from './harness.mjs';

const { ArenaPool } = await load('memtable/arena-pool.js');
const { Memtable } = await load('memtable/memtable.js');
const { CursorEntry } = await load('iterator/cursor.js');
const { maxSeq } = await load('base/internal-key.js');

export async function define({ measure, note, scaled }) {
  const entries = scaled(200_000);
  const random = new Random();
  const ascending = layOut(Array.from({ length: entries }, (_, i) => i));
  const shuffled = layOut(random.order(entries));
  const lookups = layOut(random.order(entries));
  const absent = lookups.slice();
  for (let i = 15; i < absent.length; i += 16) absent[i] ^= 0x40;
  const value = new Uint8Array(100).fill(7);
  const pool = new ArenaPool({ maxPooledBytes: 2 ** 28 });
  const entry = new CursorEntry();

  let last;
  const fresh = () => {
    last?.release();
    return (last = new Memtable(pool));
  };
  const fill = (memtable, keys, firstSeq = 1) => {
    for (let i = 0; i < entries; i++) {
      memtable.add(keys, i * 16, i * 16 + 16, firstSeq + i, 0, value, 0, 100);
    }
    return memtable.entries;
  };
  const get = (memtable, keys) => {
    let found = 0;
    for (let i = 0; i < entries; i++) {
      if (memtable.get(keys, i * 16, i * 16 + 16, maxSeq, entry)) found += entry.valueEnd;
    }
    return found;
  };

  await measure('put, ascending keys', entries, (memtable) => fill(memtable, ascending), fresh);
  note('overhead, ascending keys', overheadOf(last), 'bytes/entry');
  await measure('put, random keys', entries, (memtable) => fill(memtable, shuffled), fresh);
  note('overhead, random keys', overheadOf(last), 'bytes/entry');
  const families = layOut(random.order(entries), keyForms.families);
  await measure(
    'put, random keys of four families',
    entries,
    (table) => fill(table, families),
    fresh,
  );

  const memtable = fresh();
  fill(memtable, shuffled);
  await measure('get, random keys', entries, () => get(memtable, lookups));
  await measure('get, ascending keys', entries, () => get(memtable, ascending));
  await measure('get, absent keys', entries, () => get(memtable, absent) + 1);

  const cursor = memtable.cursor();
  await measure('cursor, next', entries, () => {
    let sum = 0;
    for (cursor.first(); cursor.valid; cursor.next()) sum += cursor.entry.valueEnd;
    return sum;
  });
  await measure('cursor, prev', entries, () => {
    let sum = 0;
    for (cursor.last(); cursor.valid; cursor.prev()) sum += cursor.entry.valueEnd;
    return sum;
  });
  const key = new Uint8Array(16);
  await measure('cursor, seek', entries, () => {
    let sum = 0;
    for (let i = 0; i < entries; i++) {
      for (let j = 0; j < 16; j++) key[j] = lookups[i * 16 + j];
      cursor.seek(key, maxSeq);
      sum += cursor.entry.valueEnd;
    }
    return sum;
  });

  await measure(
    'put, versions of keys that are there',
    entries,
    (table) => fill(table, lookups, entries + 1),
    () => {
      const table = fresh();
      fill(table, shuffled);
      return table;
    },
  );
  last.release();
}

function overheadOf(memtable) {
  return memtable === undefined ? 0 : (memtable.usedBytes - memtable.rawBytes) / memtable.entries;
}

await runAlone(import.meta.url, define);
