// The long run: the reliability tests again and again with fresh seeds until the
// time is up, exhaustive ones once at their long bar.
//
//     npm run test:long -- --minutes 30 [--seed 7] [--only T1,T13] [--workers 2]
//
// Prints the seeds, what was done, and for each failure the command that repeats it.
import { spawn } from 'node:child_process';
import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import {
  filesOf,
  isSeeded,
  kinds,
  printMatrix,
  readReports,
  root,
  sumReports,
} from './reliability-tests.mjs';

/** A test that goes on beyond its time by so much is stopped. */
const graceMs = 300_000;
const shortestSliceMs = 20_000;
const longestSliceMs = 300_000;
/** Seeds of one slice stay below the first one of the next. */
const seedsPerSlice = 100_000;

const { minutes, firstSeed, only, workers } = readArguments();
const endMs = Date.now() + minutes * 60_000;
const directory = mkdtempSync(join(tmpdir(), 'nori-long-'));
const countsFile = join(directory, 'counts');
const logFile = join(tmpdir(), `nori-long-${firstSeed}.log`);
const failures = [];
const unfinished = [];
let runs = 0;

function readArguments() {
  let values;
  try {
    ({ values } = parseArgs({
      options: {
        minutes: { type: 'string' },
        seed: { type: 'string' },
        only: { type: 'string' },
        workers: { type: 'string' },
      },
    }));
  } catch (error) {
    fail(error.message);
  }
  const number = (name, given, fallback) => {
    const value = given === undefined ? fallback : Number(given);
    if (!(value > 0)) fail(`--${name} takes a number above 0, not '${given}'`);
    return value;
  };
  const only = values.only?.split(',') ?? Object.keys(kinds);
  const unknown = only.find((kind) => !(kind in kinds));
  if (unknown !== undefined)
    fail(`--only takes ${Object.keys(kinds).join(', ')}, not '${unknown}'`);
  if (values.minutes === undefined)
    fail('--minutes says how long: npm run test:long -- --minutes 30');
  return {
    minutes: number('minutes', values.minutes),
    firstSeed: Math.floor(number('seed', values.seed, 1 + Math.floor(Math.random() * 1e9))),
    only,
    workers: Math.floor(number('workers', values.workers, 2)),
  };
}

function fail(message) {
  console.error(message);
  process.exit(2);
}

/** Runs one file until `untilMs`; resolves when it has ended. */
function runFile(file, seed, untilMs) {
  const output = [];
  const environment = {
    ...process.env,
    NORI_LONG: '1',
    NORI_COUNTS: countsFile,
    NORI_FIRST_SEED: String(seed),
    NORI_UNTIL: String(untilMs),
  };
  const child = spawn('npx', ['vitest', 'run', file, '--maxWorkers', '1'], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: environment,
    detached: true,
  });
  child.stdout.on('data', (data) => output.push(data));
  child.stderr.on('data', (data) => output.push(data));
  let isStopped = false;
  const timer = setTimeout(
    () => {
      isStopped = true;
      process.kill(-child.pid, 'SIGKILL');
    },
    untilMs + graceMs - Date.now(),
  );
  return new Promise((resolve) => {
    child.on('close', (status) => {
      clearTimeout(timer);
      runs++;
      const text = Buffer.concat(output).toString();
      appendFileSync(logFile, `== ${file}, seeds from ${seed}\n${text}\n`);
      if (isStopped) unfinished.push(file);
      else if (status !== 0) {
        failures.push({ file, seed });
        console.log(`FAILED: ${file}, seeds from ${seed}`);
        console.log(text.split('\n').slice(-60).join('\n'));
      }
      resolve();
    });
  });
}

/** Which file runs next, and until when; undefined when the time is up. */
function* plan() {
  const files = [...new Set(only.flatMap(filesOf))];
  const once = files.filter((file) => !isSeeded(file));
  const seeded = files.filter(isSeeded);
  let slice = 0;
  for (const file of once) yield { file, seed: firstSeed, untilMs: endMs };
  while (seeded.length > 0) {
    for (const file of seeded) {
      const leftMs = endMs - Date.now();
      if (leftMs < 5_000) return;
      const shareMs = (leftMs * workers) / seeded.length;
      const sliceMs = Math.min(longestSliceMs, Math.max(shortestSliceMs, shareMs));
      const seed = firstSeed + slice++ * seedsPerSlice;
      yield { file, seed, untilMs: Math.min(endMs, Date.now() + sliceMs) };
    }
  }
}

async function work(jobs) {
  for (const { file, seed, untilMs } of jobs) await runFile(file, seed, untilMs);
}

console.log(
  `seed ${firstSeed}: repeat with npm run test:long -- --minutes ${minutes} --seed ${firstSeed}`,
);
console.log(`the output of all tests goes to ${logFile}`);
const jobs = plan();
await Promise.all(Array.from({ length: workers }, () => work(jobs)));
printMatrix(sumReports(readReports(countsFile)));
rmSync(directory, { recursive: true });
for (const file of unfinished) console.log(`not finished in time: ${file}`);
const repeats = new Set(
  readFileSync(logFile, 'utf8').match(/NORI_[A-Z]+=\S+ .*npx vitest run \S+/g),
);
for (const { file, seed } of failures) console.log(`failed: ${file} (seeds from ${seed})`);
if (failures.length > 0) for (const command of repeats) console.log(`  repeat: ${command}`);
console.log(`${runs} runs from seed ${firstSeed}, ${failures.length} failed`);
process.exitCode = failures.length === 0 ? 0 : 1;
