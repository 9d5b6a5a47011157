// Memory, pauses and L0 while 5 M entries of 16 + 100 bytes are loaded, and the
// space that comes back, unasked, when 90 % of them are deleted.
//   node bench/acceptance/memory.mjs [--scale 0.05] [--writer awaited|sync|unawaited]
//     [--deletes random|contiguous] [--waitSeconds 600]
// Run it alone on the machine, after npm run build.
import { open } from '../../dist/index.js';
import {
  MB,
  MiB,
  PauseMeter,
  Latencies,
  atLeast,
  atMost,
  conclude,
  directoryBytes,
  makeDirectory,
  makeValues,
  memoryLimit,
  nextTurn,
  peakRssBytes,
  progress,
  progressDone,
  readFlags,
  removeDirectory,
  round,
  scaledSettings,
  scatter,
  waitForIdle,
  writeKey,
} from './common.mjs';

const flags = readFlags('usage: node bench/acceptance/memory.mjs [flags]', {
  entries: 5_000_000,
  writer: 'awaited',
  deletes: 'random',
  waitSeconds: 600,
});
if (!['awaited', 'sync', 'unawaited'].includes(flags.writer))
  throw new Error('--writer: awaited, sync or unawaited');
if (!['random', 'contiguous'].includes(flags.deletes))
  throw new Error('--deletes: random or contiguous');
const entries = Math.round(flags.entries * flags.scale);
const settings = scaledSettings(flags.scale);
const batchSize = 1000;
const directory = makeDirectory(flags);
const values = makeValues();

// The operations of a batch are copied before the call returns: one set serves all,
// so that the garbage measured is the engine's.
const keys = Array.from({ length: batchSize }, () => new Uint8Array(16));
const operations = keys.map((key) => ({ type: 'put', key, value: values[0] }));

const db = await open(directory, settings);
const sampleBytes = process.memoryUsage().rss;
let mostLevel0 = 0;
const sampleLevel0 = () => {
  mostLevel0 = Math.max(mostLevel0, db.stats().levels[0]?.tables ?? 0);
};
db.on('flush', sampleLevel0);
const calls = new Latencies();
let busy = 0;
let lastTurn = performance.now();

async function write(batch) {
  const begin = performance.now();
  if (flags.writer === 'sync') {
    db.batchSync(batch);
    calls.add(performance.now() - begin);
    // A server that writes synchronously still turns its loop.
    if (performance.now() - lastTurn > 5) {
      await nextTurn();
      lastTurn = performance.now();
    }
  } else if (flags.writer === 'awaited') {
    await db.batch(batch);
    calls.add(performance.now() - begin);
  } else {
    let refused = false;
    db.batch(batch).then(
      () => calls.add(performance.now() - begin),
      (error) => {
        if (error.code !== 'LSM_BUSY') throw error;
        refused = true;
      },
    );
    // A refusal is known at once; everything else is not waited for.
    await null;
    await null;
    if (refused) {
      busy++;
      await nextTurn();
      await write(batch);
    } else if (performance.now() - lastTurn > 5) {
      await nextTurn();
      lastTurn = performance.now();
    }
  }
}

async function run(total, fill) {
  const begin = performance.now();
  let written = 0;
  for (let index = 0; index < total;) {
    let used = 0;
    while (used < batchSize && index < total) if (fill(operations[used], index++)) used++;
    if (used > 0) await write(used === batchSize ? operations : operations.slice(0, used));
    written += used;
    if (index % (100 * batchSize) === 0) {
      sampleLevel0();
      progress(`${index} of ${total}`);
    }
  }
  await db.sync();
  progressDone();
  return { written, perSecond: Math.round((written / (performance.now() - begin)) * 1000) };
}

const loadMeter = new PauseMeter();
const load = await run(entries, (operation, index) => {
  writeKey(operation.key, scatter(index));
  operation.value = values[index % values.length];
  return true;
});
const loadPause = loadMeter.stop();
const loadPeak = peakRssBytes();
const loadCalls = calls.summary();
const waitMs = flags.waitSeconds * 1000;
const loadIdle = await waitForIdle(db, directory, waitMs);
await db.flush();
await waitForIdle(db, directory, waitMs);
const before = directoryBytes(directory);
const loadedStats = db.stats();

for (const operation of operations) {
  operation.type = 'delete';
  delete operation.value;
}
const deleteMeter = new PauseMeter();
const isDeleted =
  flags.deletes === 'random'
    ? (index) => index % 10 !== 0
    : (index) => scatter(index) < 0.9 * 2 ** 32;
const removal = await run(entries, (operation, index) => {
  if (!isDeleted(index)) return false;
  writeKey(operation.key, scatter(index));
  return true;
});
const deletePause = deleteMeter.stop();
const begin = performance.now();
const deleteIdle = await waitForIdle(db, directory, waitMs);
const waited = directoryBytes(directory);
const settleMs = Math.round(performance.now() - begin);
// For orientation: what is held back only because the last tombstones are in memory.
await db.flush();
await waitForIdle(db, directory, waitMs);
const flushed = directoryBytes(directory);
let left = 0;
for (const key of db.keysSync()) if (key.length > 0) left++;
const stats = db.stats();
await db.close();
removeDirectory(directory);

let expected = 0;
for (let index = 0; index < entries; index++) if (!isDeleted(index)) expected++;
const peak = peakRssBytes();
const limit = memoryLimit(settings, flags.writer === 'unawaited' ? settings.maxQueuedBytes : 0);
const returned = (bytes) => round(100 * (1 - bytes.all / before.all), 1);
// A synchronous call is a pause of its caller's making; its length is what counts.
const longestPause =
  flags.writer === 'sync'
    ? loadCalls.longestMs
    : Math.max(loadPause.longestMs, deletePause.longestMs);
conclude(
  'memory',
  flags,
  {
    entries,
    load: {
      ...load,
      pause: loadPause,
      calls: loadCalls,
      peakMB: Math.round(loadPeak / MB),
      idle: loadIdle,
      bytes: before,
    },
    deletes: {
      ...removal,
      pause: deletePause,
      idle: deleteIdle,
      settleMs,
      bytesAfterWait: waited,
      bytesAfterFlush: flushed,
    },
    returnedPercentAfterFlush: returned(flushed),
    rssAtOpenMB: Math.round(sampleBytes / MB),
    engineMemoryMB: Math.round(stats.memoryBytes / MB),
    engineMemoryLoadedMB: Math.round(loadedStats.memoryBytes / MB),
    busy,
    stalls: stats.stalls,
    writeAmplification: stats.writeAmplification,
    levels: stats.levels.map(({ tables, bytes, tombstones }) => ({ tables, bytes, tombstones })),
    memtableMiB: settings.memtableBytes / MiB,
  },
  [
    atMost('peak RSS in MB', Math.round(peak / MB), Math.round(limit / MB)),
    atMost('longest pause in ms', longestPause, 50),
    atMost('tables in L0', mostLevel0, settings.l0StopTables),
    atLeast('percent of the space returned', returned(waited), 80),
    atMost('keys lost or left over', Math.abs(left - expected), 0),
  ],
);
