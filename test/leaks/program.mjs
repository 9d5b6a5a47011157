// Does one thing many times and prints what it has kept of it: run with
// --expose-gc by leaks.test.ts. argv: what, how many times, a directory.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { open } from '../../dist/index.js';
import { nodeFileSystem } from '../../dist/fs.js';
import { FaultFileSystem, MemoryFileSystem } from '../../dist/testing.js';

const [what, count, directory] = process.argv.slice(2);

async function turn() {
  await new Promise((resolve) => void setImmediate(resolve));
}

/**
 * What this process holds once nothing that can be collected is left. Of its heap, the
 * least of several looks: now and then one finds 238 KB more, which the next does not.
 */
async function measure() {
  let heapUsed = Infinity;
  for (let look = 0; look < 4; look++) {
    // Finalizers run in a turn of their own, and close what was lost.
    for (let i = 0; i < 4; i++) {
      globalThis.gc();
      await turn();
    }
    heapUsed = Math.min(heapUsed, process.memoryUsage().heapUsed);
    await new Promise((resolve) => void setTimeout(resolve, 20));
  }
  return {
    heapUsed,
    descriptors: readdirSync('/proc/self/fd').length,
    threads: readdirSync('/proc/self/task').length,
  };
}

/** Small: what is measured is what stays, not what a database takes. */
const small = { memtableBytes: 64 * 1024, blockCacheBytes: 64 * 1024 };

/** Timers that a database leaves behind keep it for up to two seconds: here they run in the next turn. */
const clock = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  after(_delayMs, run) {
    const pending = setImmediate(run);
    return () => clearImmediate(pending);
  },
  nextTurn: (run) => setImmediate(run),
  sleepSync: () => undefined,
};

/** Each makes a function that does the thing `n` times. */
const kinds = {
  'open and close, in memory': () => {
    const fs = new MemoryFileSystem();
    return async (n) => {
      for (let i = 0; i < n; i++) {
        const db = await open('/db', { fs, clock, ...small });
        await db.put('a', String(i));
        await db.close();
      }
    };
  },
  'open and close, with threads': () => async (n) => {
    for (let i = 0; i < n; i++) {
      const db = await open(directory, small);
      await db.put('a', String(i));
      await db.flush();
      if (i % 4 === 0) await db.compactRange();
      await db.close();
    }
  },
  'iterators, synchronous': async () => {
    const db = await openWithTables();
    return async (n) => {
      for (let i = 0; i < n; i++) {
        db.entriesSync().next();
        if (i % 20_000 === 0) await letGo();
      }
      await untilNone('iterators', () => db.stats().iterators);
    };
  },
  'iterators, asynchronous': async () => {
    const db = await openWithTables();
    return async (n) => {
      for (let i = 0; i < n; i++) {
        await db.entries().next();
        if (i % 20_000 === 0) await letGo();
      }
      await untilNone('iterators', () => db.stats().iterators);
    };
  },
  snapshots: async () => {
    const db = await openWithTables();
    return async (n) => {
      for (let i = 0; i < n; i++) {
        db.snapshot();
        if (i % 20_000 === 0) await letGo();
      }
      await untilNone('snapshots', () => db.stats().snapshots);
    };
  },
  'failed opens': async () => {
    const path = (name) => join(directory, name);
    const fresh = await open(path('held'), small);
    await fresh.put('a', '1');
    for (const name of ['damaged', 'full']) {
      const db = await open(path(name), { ...small, executor: 'inline' });
      await db.put('a', '1');
      await db.flush();
      await db.put('a', '2');
      await db.close();
    }
    const { readFileSync, writeFileSync } = await import('node:fs');
    const manifest = readdirSync(path('damaged')).find((name) => name.startsWith('MANIFEST'));
    const bytes = readFileSync(join(path('damaged'), manifest));
    bytes[bytes.length >> 1] ^= 1;
    writeFileSync(join(path('damaged'), manifest), bytes);
    const failing = [
      () => ['LSM_LOCKED', path('held'), {}],
      () => ['LSM_CORRUPTION', path('damaged'), {}],
      // At another call each time.
      (i) => ['LSM_NO_SPACE', path('full'), { fs: faulty('ENOSPC', i) }],
      (i) => ['LSM_TOO_MANY_FILES', path('full'), { fs: faulty('EMFILE', i) }],
    ];
    return async (n) => {
      for (let i = 0; i < n; i++) {
        const [code, place, options] = failing[i % 4](Math.floor(i / 4));
        const error = await open(place, { ...small, executor: 'inline', ...options }).then(
          // The fault was meant for a call that this open did not make.
          (db) => db.close(),
          (reason) => reason,
        );
        if (error !== undefined) note(error, code);
      }
    };
  },
};

const failures = {};
function note(error, expected) {
  // A log or manifest that cannot be written is said to have failed, with the reason.
  const codes = [error.code, error.cause?.code];
  if (!codes.includes(expected)) throw error;
  failures[expected] = (failures[expected] ?? 0) + 1;
}

function faulty(error, i) {
  const rule = { nth: 1 + (i % 6), error };
  return new FaultFileSystem(nodeFileSystem, [rule]);
}

async function openWithTables() {
  const db = await open('/db', {
    fs: new MemoryFileSystem(),
    ...small,
    keyEncoding: 'utf8',
    valueEncoding: 'utf8',
  });
  for (const round of ['1', '2', '3']) {
    for (let i = 0; i < 20; i++) await db.put(`key ${i}`, round);
    if (round !== '3') await db.flush();
  }
  return db;
}

async function letGo() {
  await turn();
  globalThis.gc();
  await turn();
}

/** The one lost last can be seen from a register or the stack still: a second collection finds it. */
async function untilNone(name, list) {
  for (let i = 0; i < 10; i++) {
    await letGo();
    if (list().length === 0) return;
  }
  throw new Error(`${list().length} ${name} are still open`);
}

const run = await kinds[what]();
const quarter = Math.ceil(Number(count) / 4);
// What is filled once and then stays: caches, pools, compiled code.
await run(quarter);
const before = await measure();
await run(quarter);
const between = await measure();
await run(2 * quarter);
const after = await measure();
console.log(JSON.stringify({ done: 4 * quarter, before, between, after, failures }));
process.exit();
