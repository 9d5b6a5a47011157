// How long open takes after a clean close, by the size of the database.
//   node bench/acceptance/open-time.mjs [--scale 0.05] [--sizesGB 0.1,1,3] [--valueKiB 64]
// Each open is timed in a process of its own. Run it alone, after npm run build.
import { spawnSync } from 'node:child_process';
import { randomFillSync } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { open } from '../../dist/index.js';
import {
  KiB,
  atMost,
  conclude,
  directoryBytes,
  makeDirectory,
  progress,
  progressDone,
  readFlags,
  removeDirectory,
  round,
  scatter,
  waitForIdle,
  writeKey,
} from './common.mjs';

const flags = readFlags('usage: node bench/acceptance/open-time.mjs [flags]', {
  sizesGB: '0.1,1,3',
  valueKiB: 64,
  opens: 7,
  limitMs: 200,
  timed: '',
});

if (flags.timed !== '') {
  const begin = performance.now();
  const db = await open(flags.timed);
  const openMs = performance.now() - begin;
  const isThere = db.getSync(writeKey(new Uint8Array(16), scatter(0))) !== undefined;
  const firstGetMs = performance.now() - begin - openMs;
  await db.close();
  console.log(JSON.stringify({ openMs, firstGetMs, isThere }));
} else {
  const measured = [];
  for (const size of flags.sizesGB.split(','))
    measured.push(await measure(Number(size) * flags.scale));
  const [smallest] = measured;
  const largest = measured.at(-1);
  conclude('open-time', flags, { measured }, [
    atMost('open of the largest in ms', largest.openMs, flags.limitMs),
    // A fixed allowance for timer noise, and twice for the rest.
    atMost(
      'open of the largest against the smallest in ms',
      largest.openMs,
      round(2 * smallest.openMs + 10),
    ),
    atMost(
      'opens that did not find their data',
      measured.filter(({ isThere }) => !isThere).length,
      0,
    ),
  ]);
}

async function measure(sizeGB) {
  const directory = makeDirectory(flags);
  // Bytes that do not compress: written as they are.
  const db = await open(directory, { compression: 'none' });
  const value = randomFillSync(new Uint8Array(flags.valueKiB * KiB));
  const key = new Uint8Array(16);
  const count = Math.ceil((sizeGB * 1e9) / value.length);
  for (let index = 0; index < count; index++) {
    value[index % value.length] ^= 1;
    await db.put(writeKey(key, scatter(index)), value);
    if (index % 100 === 0) progress(`${sizeGB} GB: ${index} of ${count}`);
  }
  await db.flush();
  await waitForIdle(db, directory, 600_000, 1000);
  const tables = db.stats().levels.reduce((sum, level) => sum + level.tables, 0);
  await db.close();
  progressDone();
  const runs = [];
  for (let i = 0; i < flags.opens; i++) {
    const args = [fileURLToPath(import.meta.url), '--timed', directory];
    const { stdout, stderr, status } = spawnSync(process.execPath, args, { encoding: 'utf8' });
    if (status !== 0) throw new Error(`open failed: ${stderr}`);
    runs.push(JSON.parse(stdout));
  }
  const { all } = directoryBytes(directory);
  removeDirectory(directory);
  const median = (field) =>
    round(runs.map((run) => run[field]).sort((a, b) => a - b)[Math.floor(runs.length / 2)]);
  const result = {
    sizeGB: round(sizeGB, 3),
    fileBytes: all,
    tables,
    openMs: median('openMs'),
    firstGetMs: median('firstGetMs'),
    isThere: runs.every(({ isThere }) => isThere),
  };
  console.log(
    `${result.sizeGB} GB in ${tables} tables: open ${result.openMs} ms, first get ${result.firstGetMs} ms`,
  );
  return result;
}
