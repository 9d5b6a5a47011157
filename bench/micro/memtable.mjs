// What a memtable costs, per entry: `node bench/micro/memtable.mjs [entries] [keys]` after `npm run build`.
// `keys` is one of random, hex, user, families; default user. Orientation only: pin it to a core.
import { ArenaPool } from '../../dist/memtable/arena-pool.js';
import { Memtable } from '../../dist/memtable/memtable.js';
import { CursorEntry } from '../../dist/iterator/cursor.js';

const entries = Number(process.argv[2] ?? 300_000);
const keysName = process.argv[3] ?? 'user';
const rounds = 7;

let state = 12345;
function random(bound) {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return Math.floor((state / 2 ** 32) * bound);
}

const digits = (n, length) => String(n).padStart(length, '0');
const makeKey = {
  random: () => Uint8Array.from({ length: 16 }, () => random(256)),
  hex: () => Buffer.from(Array.from({ length: 16 }, () => random(16).toString(16)).join('')),
  user: (i) => Buffer.from(`user:${digits(i, 11)}`),
  families: (i) => Buffer.from(`${['order', 'users', 'carts', 'items'][i & 3]}:${digits(i, 10)}`),
}[keysName];

// One array of bytes for all keys, so that reading them costs no cache miss of its own.
const sorted = Array.from({ length: entries }, (_, i) => makeKey(i)).sort(Buffer.compare);
function layOut(order) {
  const bytes = new Uint8Array(entries * 16);
  order.forEach((index, i) => bytes.set(sorted[index], i * 16));
  return bytes;
}
const ascending = Array.from({ length: entries }, (_, i) => i);
function shuffled() {
  const order = ascending.slice();
  for (let i = entries - 1; i > 0; i--) {
    const j = random(i + 1);
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}
const ascendingKeys = layOut(ascending);
const randomKeys = layOut(shuffled());
const otherRandomKeys = layOut(shuffled());
const value = new Uint8Array(100).fill(7);

const pool = new ArenaPool({ maxPooledBytes: 2 ** 28 });
const entry = new CursorEntry();
const samples = new Map();

function time(name, count, run) {
  // Processor time, as other processes may share the core.
  const start = process.cpuUsage();
  const consumed = run();
  const { user, system } = process.cpuUsage(start);
  const nsPerEntry = ((user + system) * 1000) / count;
  if (consumed === 0) throw new Error(`${name} did nothing`);
  if (!samples.has(name)) samples.set(name, []);
  samples.get(name).push(nsPerEntry);
}

function fill(memtable, keys, firstSeq) {
  for (let i = 0; i < entries; i++) {
    memtable.add(keys, i * 16, i * 16 + 16, firstSeq + i, 0, value, 0, 100);
  }
  return memtable.entries;
}

function readAll(memtable, keys) {
  let found = 0;
  for (let i = 0; i < entries; i++) {
    if (memtable.get(keys, i * 16, i * 16 + 16, 2 ** 50, entry)) found += entry.valueEnd;
  }
  return found;
}

for (let round = 0; round < rounds; round++) {
  const sequential = new Memtable(pool);
  time('put ascending', entries, () => fill(sequential, ascendingKeys, 1));
  const sequentialOverhead = (sequential.usedBytes - sequential.rawBytes) / entries;
  sequential.release();

  const memtable = new Memtable(pool);
  time('put random', entries, () => fill(memtable, randomKeys, 1));
  const overhead = (memtable.usedBytes - memtable.rawBytes) / entries;
  time('get random', entries, () => readAll(memtable, otherRandomKeys));
  time('get ascending', entries, () => readAll(memtable, ascendingKeys));
  const absent = otherRandomKeys.slice();
  for (let i = 15; i < absent.length; i += 16) absent[i] ^= 0x80;
  time('get absent', entries, () => readAll(memtable, absent) + 1);
  const cursor = memtable.cursor();
  time('next', entries, () => {
    let sum = 0;
    for (cursor.first(); cursor.valid; cursor.next()) sum += cursor.entry.valueEnd;
    return sum;
  });
  time('prev', entries, () => {
    let sum = 0;
    for (cursor.last(); cursor.valid; cursor.prev()) sum += cursor.entry.valueEnd;
    return sum;
  });
  const seekKey = new Uint8Array(16);
  time('seek random', entries, () => {
    let sum = 0;
    for (let i = 0; i < entries; i++) {
      for (let j = 0; j < 16; j++) seekKey[j] = otherRandomKeys[i * 16 + j];
      cursor.seek(seekKey, 2 ** 50);
      sum += cursor.entry.valueEnd;
    }
    return sum;
  });
  time('overwrite random', entries, () => fill(memtable, otherRandomKeys, entries + 1));
  memtable.release();
  if (round === rounds - 1) {
    console.log(`${entries} entries of 16 + 100 bytes, ${keysName} keys, node ${process.version}`);
    console.log(
      `overhead ${overhead.toFixed(1)} B per entry, ascending ${sequentialOverhead.toFixed(1)} B`,
    );
  }
}

for (const [name, values] of samples) {
  values.sort((a, b) => a - b);
  const [best, median] = [values[0], values[rounds >>> 1]];
  console.log(
    `${name.padEnd(18)} best ${best.toFixed(0).padStart(5)}  median ${median.toFixed(0).padStart(5)} ns`,
  );
}
