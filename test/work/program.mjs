/*
 * What one operation leaves to the garbage collector, and how many promises it makes: in a
 * process of its own, with a young generation so large that nothing is collected meanwhile.
 * Prints one line of JSON: by name of the operation, what one of it takes.
 */
import { createHook } from 'node:async_hooks';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PerformanceObserver } from 'node:perf_hooks';
import { open } from '../../dist/index.js';

const isCollecting = process.argv[2] === 'collect';
const count = Number(process.argv[3]);
const keys = Array.from({ length: count }, (_, i) =>
  Uint8Array.from(Buffer.from(`key:${String(i).padStart(12, '0')}`)),
);
const texts = keys.map((key) => Buffer.from(key).toString());
const value = new Uint8Array(100).fill(118);
const batches = [];
for (let i = 0; i < count; i += 100) {
  batches.push(keys.slice(i, i + 100).map((key) => ({ type: 'put', key, value })));
}
let collections = 0;
new PerformanceObserver((list) => void (collections += list.getEntries().length)).observe({
  entryTypes: ['gc'],
});

/** Whatever an operation gives, so that it must give it. */
let consumed = 0;

/** Each does `count` of what it is called. */
const operations = {
  async 'put, one tick'(db) {
    for (let i = 0; i < count; i += 100) {
      const writes = [];
      for (let at = i; at < i + 100; at++) writes.push(db.put(keys[at], value));
      await Promise.all(writes);
    }
  },
  async 'put, awaited'(db) {
    for (const key of keys) await db.put(key, value);
  },
  putSync(db) {
    for (const key of keys) db.putSync(key, value);
  },
  async 'batch of 100, per put'(db) {
    for (const batch of batches) await db.batch(batch);
  },
  async 'get, awaited'(db) {
    for (const key of keys) consumed += (await db.get(key)).length;
  },
  getSync(db) {
    for (const key of keys) consumed += db.getSync(key).length;
  },
  'getSync, absent'(db) {
    for (const text of texts) if (db.getSync(`${text}x`) === undefined) consumed++;
  },
  async 'getMany of 100, per key'(db) {
    for (let i = 0; i < count; i += 100) {
      for (const found of await db.getMany(keys.slice(i, i + 100))) consumed += found.length;
    }
  },
  entriesSync(db) {
    for (const [key, found] of db.entriesSync()) consumed += key.length + found.length;
  },
  async 'entries, awaited'(db) {
    for await (const [key, found] of db.entries()) consumed += key.length + found.length;
  },
  'range of 10, a tenth of one'(db) {
    for (let i = 0; i < count; i += 10) {
      const gte = keys[i];
      for (const [, found] of db.entriesSync({ gte, limit: 10 })) consumed += found.length;
    }
  },
};

const directory = mkdtempSync(join(tmpdir(), 'nori-work-'));
const found = {};
try {
  // The memtable takes all of it; reads are of tables and cached blocks.
  const db = await open(join(directory, 'db'), {
    syncIntervalMs: 0,
    memtableBytes: 2 ** 28,
    blockCacheBytes: 2 ** 28,
  });
  for (const batch of batches) await db.batch(batch);
  await db.flush();
  for (const [name, run] of Object.entries(operations)) {
    if (name === 'get, awaited') await db.compactRange();
    // Twice: compiled, blocks cached, buffers grown.
    await run(db);
    await run(db);
    found[name] = isCollecting ? await collectionsIn(run, db) : await leftBy(run, db);
  }
  await db.close();
} finally {
  rmSync(directory, { recursive: true });
}
if (consumed === 0) throw new Error('nothing was done');
console.log(JSON.stringify(found));

async function leftBy(run, db) {
  let promises = 0;
  const hook = createHook({ init: (_, type) => void (type === 'PROMISE' && promises++) });
  hook.enable();
  await run(db);
  hook.disable();
  const promisesPerOperation = promises / count;
  await collectAll();
  const before = process.memoryUsage();
  await run(db);
  const after = process.memoryUsage();
  await turns();
  return {
    heapBytes: (after.heapUsed - before.heapUsed) / count,
    externalBytes: (after.external - before.external) / count,
    promises: promisesPerOperation,
    collections,
  };
}

/** With V8's own sizes: how many collections a million operations take. */
async function collectionsIn(run, db) {
  await collectAll();
  for (let i = 0; i < 4; i++) await run(db);
  await turns();
  return (collections * 1e6) / (4 * count);
}

/** Twice: what the first frees outside the heap is gone only with the second. */
async function collectAll() {
  for (let i = 0; i < 2; i++) {
    gc();
    await turns();
  }
  collections = 0;
}

/** Entries of the collector come a turn or two later. */
async function turns() {
  for (let i = 0; i < 5; i++) await new Promise((resolve) => void setTimeout(resolve, 1));
}
