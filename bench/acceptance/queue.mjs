// A queue: appended at one end, consumed at the other. Counts what it costs to
// find the first key, at the start and after 10 M operations.
//   node bench/acceptance/queue.mjs [--scale 0.05] [--length 1000] [--longest 100000]
//     [--read entries|keys|iterator] [--sync]
// Run it alone on the machine, after npm run build.
import { open } from '../../dist/index.js';
import {
  atMost,
  conclude,
  directoryBytes,
  makeDirectory,
  makeValues,
  progress,
  progressDone,
  readFlags,
  removeDirectory,
  round,
  scaledSettings,
  writeKey,
} from './common.mjs';

const flags = readFlags('usage: node bench/acceptance/queue.mjs [flags]', {
  operations: 10_000_000,
  length: 1000,
  longest: 100_000,
  read: 'entries',
  sync: false,
  limit: 2,
  windows: 50,
  maxSeconds: 7200,
});
if (!['entries', 'keys', 'iterator'].includes(flags.read))
  throw new Error('--read: entries, keys or iterator');
const total = Math.round(flags.operations * flags.scale);
const steady = Math.max(10, Math.round(flags.length * Math.min(1, flags.scale * 5)));
const longest = Math.round(flags.longest * Math.min(1, flags.scale));
const settings = scaledSettings(flags.scale);
const directory = makeDirectory(flags);
const values = makeValues();
const db = await open(directory, settings);
const key = new Uint8Array(16);
let appended = 0;
let consumed = 0;

async function append() {
  writeKey(key, appended);
  const value = values[appended++ % values.length];
  if (flags.sync) db.putSync(key, value);
  else await db.put(key, value);
}

/** The first key, in the way that the flag names. */
function first() {
  if (flags.read === 'keys') {
    for (const found of db.keysSync({ limit: 1 })) return found;
  } else if (flags.read === 'entries') {
    for (const [found] of db.entriesSync({ limit: 1 })) return found;
  } else {
    for (const [found] of db.entriesSync()) return found;
  }
  throw new Error(`the queue is empty after ${consumed} of ${appended}`);
}

let firstMs = 0;
async function consume() {
  const begin = performance.now();
  const found = first();
  firstMs += performance.now() - begin;
  if (Number(Buffer.from(found).latin1Slice()) !== consumed) {
    throw new Error(`expected ${consumed} at the head, found ${Buffer.from(found).latin1Slice()}`);
  }
  consumed++;
  if (flags.sync) db.deleteSync(found);
  else await db.delete(found);
}

/** What reads have cost so far: counted, not timed. */
function costs() {
  const stats = db.stats();
  return {
    steppedOver: stats.scans?.steppedOver,
    blocks: stats.blockCache.hits + stats.blockCache.misses,
    flushes: stats.background.flushes,
    tables: stats.levels.reduce((sum, level) => sum + level.tables, 0),
  };
}

/** How long the queue should be: steady, but for two times when it grows and drains. */
function targetAt(share) {
  return (share > 0.3 && share < 0.35) || (share > 0.6 && share < 0.65) ? longest : steady;
}

const perWindow = Math.floor(total / flags.windows);
const windows = [];
let before = costs();
let consumedBefore = 0;
let isSteady = true;
let done = 0;
const begin = performance.now();
for (let operation = 1; operation <= total; operation++) {
  const length = appended - consumed;
  const target = targetAt(operation / total);
  if (length < target) await append();
  else await consume();
  if (length > 2 * steady) isSteady = false;
  const isOutOfTime = operation % 100 === 0 && performance.now() - begin > flags.maxSeconds * 1000;
  if (operation % perWindow !== 0 && !isOutOfTime) continue;
  const after = costs();
  const reads = Math.max(1, consumed - consumedBefore);
  const stepped =
    after.steppedOver === undefined ? undefined : (after.steppedOver - before.steppedOver) / reads;
  const blocks = (after.blocks - before.blocks) / reads;
  windows.push({
    until: operation,
    reads: consumed - consumedBefore,
    isSteady,
    steppedOver: stepped === undefined ? undefined : round(stepped),
    blocks: round(blocks),
    // The entry itself is 1: a queue that is all in memory costs no block.
    cost: round(1 + (stepped ?? 0) + blocks),
    microseconds: round((1000 * firstMs) / reads),
    flushes: after.flushes,
    tables: after.tables,
    length: appended - consumed,
  });
  progress(`${operation} of ${total}: ${JSON.stringify(windows.at(-1))}`);
  before = after;
  consumedBefore = consumed;
  firstMs = 0;
  isSteady = appended - consumed <= 2 * steady;
  done = operation;
  if (isOutOfTime) break;
}
progressDone();
const elapsedMs = performance.now() - begin;
const bytes = directoryBytes(directory);
const written = db.stats().written;
await db.close();
removeDirectory(directory);

/** The mean over a fifth of the run, so that every place of a memtable's life is in it; growing and draining aside. */
function meanCost(list, field) {
  const calm = list.filter((window) => window.isSteady && window.reads > 0);
  const reads = calm.reduce((sum, window) => sum + window.reads, 0);
  return round(
    calm.reduce((sum, window) => sum + window[field] * window.reads, 0) / Math.max(1, reads),
  );
}
const fifth = Math.ceil(windows.length / 5);
const atStart = windows.slice(0, fifth);
const atEnd = windows.slice(-fifth);
for (const window of windows) {
  const { until, steppedOver, blocks, microseconds, flushes, tables, length } = window;
  console.log(
    `until ${until}: stepped over ${steppedOver ?? '?'}, blocks ${blocks}, ${microseconds} µs; ${flushes} flushes, ${tables} tables, length ${length}`,
  );
}
const start = meanCost(atStart, 'cost');
const end = meanCost(atEnd, 'cost');
const ratio = round(end / start);
conclude(
  'queue',
  flags,
  {
    operations: done,
    perSecond: Math.round((done / elapsedMs) * 1000),
    countsSteppedOver: windows[0].steppedOver !== undefined,
    start: { cost: start, microseconds: meanCost(atStart, 'microseconds') },
    end: { cost: end, microseconds: meanCost(atEnd, 'microseconds') },
    bytes,
    written,
    windows,
  },
  [
    atMost(
      `cost of the first key: ${end} at the end, ${start} at the start, times`,
      ratio,
      flags.limit,
    ),
    atMost('operations not done in time', total - done, perWindow),
  ],
);
