// What a runtime must be able to do for the engine, tried out on it, with nothing of
// Node's but what Bun and Deno have as well. Prints a line of JSON for each point.
//
//   <runtime> runtime-check.mjs PACKAGE COMMAND
//
// PACKAGE: the directory of an installed nori-lsm. COMMAND: JSON array, how this
// runtime is started, for the child processes.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import * as zlib from 'node:zlib';

const [packed, command, role, directory] = process.argv.slice(2);
const { destroy, LsmError, open } = await import(pathToFileURL(join(packed, 'dist/index.js')).href);

const small = { memtableBytes: 256 * 1024, tableBytes: 256 * 1024, l0CompactionTrigger: 2 };
const entries = 30_000;
const keyOf = (i) => `key ${String((i * 7919) % entries).padStart(6, '0')}`;
const valueOf = (i) => `value ${i} `.repeat(1 + (i % 5));

/** Roles of child processes: they say one word and wait for their end. */
const roles = {
  async crash() {
    const db = await open(directory, small);
    for (let i = 0; i < 5000; i++) await db.put(`crash ${i}`, valueOf(i));
    await db.put('crash end', '1', { durability: 'disk' });
    console.log('stored');
    // Goes on writing until it is killed.
    for (let i = 0; ; i++) await db.put(`more ${i % 1000}`, valueOf(i));
  },
  async hold() {
    const db = await open(directory);
    console.log('open');
    await db.put('held', '1');
    setInterval(() => db.isOpen, 1000);
  },
  async close() {
    const db = await open(directory, small);
    await db.put('left behind', '1');
    // The process must end by itself, with the database open and threads idle.
    for (let i = 0; i < 5000; i++) await db.put(keyOf(i), valueOf(i));
    await db.flush();
    console.log('idle');
  },
};

function fail(message) {
  throw new Error(message);
}

function start(childRole, place) {
  const [file, ...args] = JSON.parse(command);
  const script = fileURLToPath(import.meta.url);
  const child = spawn(file, [...args, script, packed, command, childRole, place], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = new Promise((settle) => {
    child.once('exit', (code, signal) => settle(signal ?? code));
  });
  const said = new Promise((settle) => {
    child.stdout.once('data', settle);
    void ended.then(settle);
  });
  return { child, ended, said };
}

const points = {
  async 'reads and writes, also without waiting'(place) {
    const db = await open(place, { ...small, valueEncoding: 'utf8' });
    db.putSync('a', '1');
    await db.batch([{ type: 'put', key: 'b', value: '2' }]);
    const snapshot = db.snapshot();
    await db.delete('a');
    if (db.getSync('a') !== undefined || snapshot.getSync('a') !== '1') fail('snapshot');
    snapshot.close();
    const all = [];
    for await (const [, value] of db.entries()) all.push(value);
    if (all.join() !== '2') fail(`entries are ${all.join()}`);
    await db.close();
  },
  async 'flushes and compacts in worker threads'(place) {
    const db = await open(place, { ...small, valueEncoding: 'utf8' });
    for (let round = 0; round < 2; round++) {
      for (let i = 0; i < entries; i++) await db.put(keyOf(i), valueOf(i + round));
    }
    await db.flush();
    await db.compactRange();
    const { background } = db.stats();
    for (let i = 0; i < entries; i += 7) {
      if ((await db.get(keyOf(i))) !== valueOf(i + 1)) fail(`entry ${i} is wrong`);
    }
    await db.close();
    const again = await open(place, { ...small, valueEncoding: 'utf8' });
    let count = 0;
    for (const _ of again.keysSync()) count++;
    const { damages } = await again.verify();
    await again.close();
    if (count !== entries) fail(`${count} entries after a reopen`);
    if (damages.length > 0) fail('damage');
    if (background.compactions === 0) fail('no compaction');
    if (background.workersLost > 0) return `${background.workersLost} workers were lost`;
    return background.executor === 'worker' ? undefined : 'worker threads: the main thread does it';
  },
  async 'compresses with Zstd'(place) {
    const db = await open(place, { compression: 'zstd', valueEncoding: 'utf8' });
    for (let i = 0; i < 1000; i++) await db.put(keyOf(i), valueOf(i));
    await db.flush();
    await db.compactRange();
    if ((await db.get(keyOf(5))) !== valueOf(5)) fail('wrong value');
    await db.close();
    return 'zstdCompressSync' in zlib ? undefined : 'Zstd in `node:zlib`: WebAssembly does it';
  },
  async 'loses nothing when it is killed'(place) {
    const { child, ended, said } = start('crash', place);
    await said;
    await new Promise((settle) => setTimeout(settle, 100));
    child.kill('SIGKILL');
    await ended;
    const db = await open(place, { valueEncoding: 'utf8' });
    for (let i = 0; i < 5000; i++) {
      if (db.getSync(`crash ${i}`) !== valueOf(i)) fail(`entry ${i} is lost`);
    }
    if (db.getSync('crash end') !== '1') fail('the last entry is lost');
    await db.close();
  },
  async 'keeps other processes out'(place) {
    const { child, ended, said } = start('hold', place);
    await said;
    const owner = readFileSync(join(place, 'LOCK.owner'), 'utf8');
    const error = await open(place).then(
      () => fail('two processes have it open'),
      (reason) => reason,
    );
    if (!(error instanceof LsmError) || error.code !== 'LSM_LOCKED') throw error;
    child.kill('SIGKILL');
    await ended;
    const db = await open(place, { lockTimeoutMs: 5000 });
    await db.close();
    return /"kernelLock"/.test(owner) ? undefined : 'a kernel lock: `LOCK.owner` is all';
  },
  async 'ends by itself with a database open'(place) {
    const { child, ended, said } = start('close', place);
    await said;
    const late = setTimeout(() => child.kill('SIGKILL'), 20_000);
    const how = await ended;
    clearTimeout(late);
    const db = await open(place, { valueEncoding: 'utf8' });
    if (db.getSync('left behind') !== '1') fail('an entry is lost');
    await db.close();
    return how === 0 ? undefined : `ended with ${how}`;
  },
  async 'finds what was forgotten'(place) {
    const bun = globalThis.Bun;
    const collect = bun === undefined ? globalThis.gc : () => bun.gc(true);
    if (collect === undefined) return 'a garbage collector that can be called (not tried)';
    let forgotten = 0;
    const db = await open(place, { listeners: { forgotten: () => forgotten++ } });
    (() => db.snapshot())();
    for (let i = 0; i < 500 && forgotten === 0; i++) {
      await new Promise((settle) => setTimeout(settle, 20));
      collect();
    }
    await db.close();
    return forgotten > 0 ? undefined : 'lost snapshots are not found';
  },
  async 'is loaded by require()'() {
    const { open: required } = createRequire(import.meta.url)(join(packed, 'dist/index.js'));
    if (required !== open) return 'another copy than by import';
  },
};

if (role !== undefined) await roles[role]();
else {
  const directory = mkdtempSync(join(tmpdir(), 'nori-runtime-'));
  let i = 0;
  for (const [what, run] of Object.entries(points)) {
    const place = join(directory, String(i++));
    let lacking;
    let error;
    try {
      lacking = await run(place);
      await destroy(place).catch(() => undefined);
    } catch (thrown) {
      error = `${thrown?.message ?? thrown}`;
    }
    console.log(JSON.stringify({ what, lacking, error }));
  }
  rmSync(directory, { recursive: true, force: true });
}
