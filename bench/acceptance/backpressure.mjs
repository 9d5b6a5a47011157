// What happens to writers who are faster than background work: one that never
// awaits, a synchronous one, eight that await.
//   node bench/acceptance/backpressure.mjs [--scale 0.05] [--only unawaited|tick|sync|awaited]
//     [--compression zstd]   (makes flushes slower than any writer)
// Each part runs in a process of its own. Run it alone, after npm run build.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { open } from '../../dist/index.js';
import {
  Latencies,
  MB,
  PauseMeter,
  atLeast,
  atMost,
  conclude,
  makeDirectory,
  makeValues,
  memoryLimit,
  nextTurn,
  peakRssBytes,
  readFlags,
  removeDirectory,
  scaledSettings,
  scatter,
  writeKey,
} from './common.mjs';

const flags = readFlags('usage: node bench/acceptance/backpressure.mjs [flags]', {
  entries: 3_000_000,
  only: '',
  compression: '',
  longestMs: 100,
});
/** Counts what becomes of writes that nobody awaits. */
class Fates {
  accepted = 0;
  busy = 0;
  other = 0;
  pending = 0;

  follow(promise) {
    this.pending++;
    promise.then(
      () => {
        this.pending--;
        this.accepted++;
      },
      (error) => {
        this.pending--;
        if (error.code === 'LSM_BUSY') this.busy++;
        else this.other++;
      },
    );
  }
}

const parts = { unawaited, tick, sync, awaited };

if (flags.only === '') {
  let failed = false;
  for (const name of Object.keys(parts)) {
    const args = [fileURLToPath(import.meta.url), ...process.argv.slice(2), '--only', name];
    const { status } = spawnSync(process.execPath, args, { stdio: 'inherit' });
    failed ||= status !== 0;
  }
  process.exitCode = failed ? 1 : 0;
} else {
  if (!Object.hasOwn(parts, flags.only))
    throw new Error(`--only: ${Object.keys(parts).join(', ')}`);
  await runPart(parts[flags.only]);
}

async function runPart(part) {
  const settings = scaledSettings(flags.scale);
  const directory = makeDirectory(flags);
  const components = flags.compression === '' ? {} : { compression: flags.compression };
  const db = await open(directory, { ...settings, ...components });
  const run = {
    db,
    settings,
    values: makeValues(),
    entries: Math.round(flags.entries * flags.scale),
    mostLevel0: 0,
    stalls: 0,
  };
  const sample = () => {
    run.mostLevel0 = Math.max(run.mostLevel0, db.stats().levels[0]?.tables ?? 0);
  };
  db.on('flush', sample);
  db.on('stall', ({ state }) => {
    if (state === 'begin') run.stalls++;
  });
  const meter = new PauseMeter();
  const begin = performance.now();
  const { measured, checks, moreBytes = 0 } = await part(run);
  const elapsedMs = performance.now() - begin;
  const pause = meter.stop();
  const { stalls } = db.stats();
  await db.close();
  removeDirectory(directory);
  const limit = memoryLimit(settings, moreBytes);
  conclude(
    `backpressure ${flags.only}`,
    flags,
    { ...measured, elapsedMs: Math.round(elapsedMs), pause, stallsBegun: run.stalls, stalls },
    [
      atMost('peak RSS in MB', Math.round(peakRssBytes() / MB), Math.round(limit / MB)),
      atMost('tables in L0', run.mostLevel0, settings.l0StopTables),
      ...checks,
    ],
  );
}

/** Like a socket's handler: so many writes in each turn of the event loop, none awaited. */
async function unawaited({ db, settings, values, entries }) {
  const fates = new Fates();
  const key = new Uint8Array(16);
  let mostPending = 0;
  for (let index = 0; index < entries;) {
    const end = Math.min(entries, index + 2000);
    for (; index < end; index++) {
      fates.follow(db.put(writeKey(key, scatter(index)), values[index % values.length]));
    }
    mostPending = Math.max(mostPending, fates.pending);
    await nextTurn();
  }
  while (fates.pending > 0) await nextTurn();
  return {
    measured: { entries, ...fates, mostPending },
    moreBytes: settings.maxQueuedBytes,
    checks: [
      atMost('writes with another fate than accepted or busy', fates.other, 0),
      atMost('writes without a fate', entries - fates.accepted - fates.busy, 0),
    ],
  };
}

/** All in one tick: whatever does not fit into memtables and the queue has to be refused. */
async function tick({ db, settings, values }) {
  const fates = new Fates();
  const key = new Uint8Array(16);
  const memtables = settings.memtableBytes * (1 + settings.maxImmutableMemtables);
  const entries = Math.round((1.3 * (memtables + settings.maxQueuedBytes)) / 116);
  for (let index = 0; index < entries; index++) {
    fates.follow(db.put(writeKey(key, scatter(index)), values[index % values.length]));
  }
  while (fates.pending > 0) await nextTurn();
  let found = 0;
  for (const entry of db.keysSync()) if (entry.length > 0) found++;
  return {
    measured: { entries, ...fates },
    // Each refused write is an error object until the tick ends: 1 KiB with its stack.
    moreBytes: settings.maxQueuedBytes + entries * 1024,
    checks: [
      atLeast('writes refused', fates.busy, 1),
      atMost('writes with another fate', fates.other, 0),
      atMost('accepted and found differ by', Math.abs(found - fates.accepted), 0),
    ],
  };
}

async function sync({ db, values, entries }) {
  const key = new Uint8Array(16);
  const latencies = new Latencies();
  for (let index = 0; index < entries; index++) {
    const begin = performance.now();
    db.putSync(writeKey(key, scatter(index)), values[index % values.length]);
    latencies.add(performance.now() - begin);
  }
  return {
    measured: { entries, latencies: latencies.summary() },
    checks: [atMost('longest putSync in ms', latencies.summary().longestMs, flags.longestMs)],
  };
}

async function awaited({ db, values, entries }) {
  const single = new Latencies();
  const batched = new Latencies();
  let next = 0;
  async function writer(size, latencies) {
    const keys = Array.from({ length: size }, () => new Uint8Array(16));
    const operations = keys.map((key) => ({ type: 'put', key, value: values[0] }));
    while (next < entries) {
      for (const operation of operations) {
        writeKey(operation.key, scatter(next));
        operation.value = values[next++ % values.length];
      }
      const begin = performance.now();
      if (size === 1) await db.put(keys[0], operations[0].value);
      else await db.batch(operations);
      latencies.add(performance.now() - begin);
    }
  }
  await Promise.all(
    [1, 1, 1, 1, 1000, 1000, 1000, 1000].map((size) => writer(size, size === 1 ? single : batched)),
  );
  const longest = Math.max(single.summary().longestMs, batched.summary().longestMs);
  return {
    measured: { entries, single: single.summary(), batched: batched.summary() },
    checks: [atMost('longest awaited write in ms', longest, flags.longestMs)],
  };
}
