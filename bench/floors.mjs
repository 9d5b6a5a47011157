// Measures the floors that this version promises: 1 M entries of 16 + 100 bytes.
// Run it alone on the machine: npm run bench [-- ENTRIES]
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { open } from 'nori-lsm';

const count = Number(process.argv[2] ?? 1_000_000);
if (!Number.isSafeInteger(count) || count < 10_000) {
  console.error('usage: npm run bench [-- ENTRIES]   (ENTRIES: at least 10000)');
  process.exit(64);
}

/** xorshift32: the same keys and values in every run. */
let state = 0x9e3779b9;
function random() {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return state >>> 0;
}

// Keys and values are made before any clock starts. Values compress to about half.
const keyOf = (i) =>
  Uint8Array.from(Buffer.from(String((i * 2_654_435_761) % 2 ** 40).padStart(16, '0')));
const keys = Array.from({ length: count }, (_, i) => keyOf(i));
const values = Array.from({ length: 1000 }, () => {
  const value = new Uint8Array(100);
  for (let i = 0; i < 50; i++) value[i] = random();
  return value;
});
// Made in the order of use: reading keys from all over the heap would be measured otherwise.
const lookups = Array.from({ length: count }, () => keyOf(random() % count));
const batches = [];
for (let i = 0; i < count; i += 1000) {
  batches.push(
    keys
      .slice(i, i + 1000)
      .map((key, j) => ({ type: 'put', key, value: values[(i + j) % values.length] })),
  );
}

const rows = [];
function report(name, operations, ms, floor) {
  const rate = (operations / ms) * 1000;
  const verdict = floor === undefined ? '' : rate >= floor ? 'met' : 'NOT met';
  rows.push({
    measured: name,
    'per second': Math.round(rate).toLocaleString('en'),
    floor: floor === undefined ? '' : (floor * 1).toLocaleString('en'),
    verdict,
  });
}

async function timed(run) {
  const begin = performance.now();
  await run();
  return performance.now() - begin;
}

const directory = mkdtempSync(join(tmpdir(), 'nori-bench-'));
const db = await open(join(directory, 'db'), { blockCacheBytes: 256 * 1024 * 1024 });
try {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  report(
    'fillrandom, batches of 1000, acknowledged by the OS',
    count,
    await timed(async () => {
      for (const batch of batches) await db.batch(batch);
    }),
    400_000,
  );
  await db.flush();
  while (db.stats().background.running.length > 0) await new Promise((go) => setTimeout(go, 50));
  delay.disable();

  let bytes = 0;
  const readAll = () => {
    for (let i = 0; i < count; i++) bytes += db.getSync(lookups[i]).length;
  };
  const scan = (options) => {
    for (const [key, value] of db.entriesSync(options)) bytes += key.length + value.length;
  };
  for (const state of ['as loaded', 'compacted']) {
    if (state === 'compacted') await db.compactRange();
    readAll();
    report(`readrandom, getSync, ${state}`, count, await timed(readAll), 450_000);
    report(
      `readrandom, await get, ${state}`,
      count,
      await timed(async () => {
        for (let i = 0; i < count; i++) bytes += (await db.get(lookups[i])).length;
      }),
      300_000,
    );
    scan({});
    report(`readseq, entriesSync, ${state}`, count, await timed(() => scan({})), 3_000_000);
    report(`readreverse, entriesSync, ${state}`, count, await timed(() => scan({ reverse: true })));
  }
  const puts = Math.min(count, 200_000);
  report(
    'put, awaited one by one',
    puts,
    await timed(async () => {
      for (let i = 0; i < puts; i++) await db.put(keys[i], values[i % values.length]);
    }),
  );

  console.table(rows);
  const { levels, writeAmplification, background } = db.stats();
  console.log(
    `event loop while filling and flushing: p99 ${(delay.percentile(99) / 1e6).toFixed(1)} ms, ` +
      `longest ${(delay.max / 1e6).toFixed(1)} ms (floor 50 ms); ` +
      `${background.flushes} flushes, ${background.compactions} compactions`,
  );
  console.log(
    `levels (tables): ${levels.map((level) => level.tables).join(', ')}; ` +
      `write amplification ${writeAmplification?.toFixed(2)}; ${bytes.toLocaleString('en')} bytes read`,
  );
} finally {
  await db.close();
  rmSync(directory, { recursive: true, force: true });
}
