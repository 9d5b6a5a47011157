// Measures nori-lsm beside other stores, one process for each store and run:
//   npm run bench -- [--set NAME] [--stores a,b] [--workloads a,b] [--repeats 7]
//     [--entries N] [--operations N] [--dir DIR] [--out FILE]
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { findWorkloads, makeWorkloads } from '../dist/bench.js';
import { installPeers } from './install.mjs';
import { describeMachine } from './machine.mjs';
import { costTable, latencyTable, latenessVerdict, rateTable, storeLines } from './print.mjs';
import { makeReport } from './report.mjs';
import { defaultStoreNames, sets, sizes, storeNames } from './sets.mjs';

const here = dirname(fileURLToPath(import.meta.url));

function fail(message) {
  console.error(`bench: ${message}`);
  process.exit(64);
}

function readFlags() {
  try {
    return parseArgs({
      options: {
        set: { type: 'string', default: 'standard' },
        stores: { type: 'string', default: defaultStoreNames.join(',') },
        workloads: { type: 'string' },
        repeats: { type: 'string', default: '7' },
        entries: { type: 'string' },
        operations: { type: 'string' },
        dir: { type: 'string', default: tmpdir() },
        out: { type: 'string' },
        latencies: { type: 'boolean', default: false },
      },
    }).values;
  } catch (error) {
    return fail(error.message);
  }
}

function count(name, text) {
  if (text === undefined) return undefined;
  const number = Number(text);
  if (!Number.isSafeInteger(number) || number < 1) fail(`--${name} takes a whole number from 1 up`);
  return number;
}

const flags = readFlags();
const set =
  sets[flags.set] ??
  fail(`there is no set '${flags.set}'; there are: ${Object.keys(sets).join(', ')}`);
const stores = flags.stores.split(',');
for (const store of stores) {
  if (!storeNames.includes(store))
    fail(`there is no store '${store}'; there are: ${storeNames.join(', ')}`);
}
const repeats = count('repeats', flags.repeats);
const operations = count('operations', flags.operations);
const shape = {
  kind: set.kind,
  entries: count('entries', flags.entries) ?? set.entries,
  valueBytes: set.valueBytes,
};
const isWhole = [flags.workloads, flags.entries, flags.operations].every(
  (flag) => flag === undefined,
);

function chooseWorkloads() {
  const all = makeWorkloads().map(({ name }) => name);
  const names = flags.workloads?.split(',') ?? (set.workloads === 'all' ? all : set.workloads);
  try {
    return findWorkloads(names);
  } catch (error) {
    return fail(error.message);
  }
}
const workloads = chooseWorkloads();

/** Runs one store once; gives what it tells, also when it fails on the way. */
async function runChild(task) {
  const child = spawn(
    process.execPath,
    ['--expose-gc', '--max-old-space-size=8192', join(here, 'child.mjs'), JSON.stringify(task)],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const ended = new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve(code ?? signal));
  });
  const messages = [];
  for await (const line of createInterface({ input: child.stdout })) {
    messages.push({ ...JSON.parse(line), store: task.store });
  }
  const end = await ended;
  if (end !== 0) {
    console.error(`${task.store} ended with ${end}`);
    process.exitCode = 1;
  }
  return messages;
}

if (stores.some((store) => store !== 'nori' && store !== 'empty')) installPeers();

const begun = new Date();
const messages = [];
const directory = mkdtempSync(join(flags.dir, 'nori-bench-'));
process.on('exit', () => rmSync(directory, { recursive: true, force: true }));
process.on('SIGINT', () => process.exit(130));
process.on('SIGTERM', () => process.exit(143));
for (let repeat = 1; repeat <= repeats; repeat++) {
  for (const store of stores) {
    for (const needs of ['fresh', 'loaded']) {
      const names = workloads
        .filter((workload) => workload.needs === needs)
        .map(({ name }) => name);
      if (names.length === 0 || (store === 'empty' && needs === 'loaded')) continue;
      const begunMs = performance.now();
      messages.push(
        ...(await runChild({
          store,
          names,
          shape,
          sizes,
          directory,
          operations,
          milliseconds: set.milliseconds ?? {},
        })),
      );
      const seconds = ((performance.now() - begunMs) / 1000).toFixed(0);
      console.error(
        `run ${repeat} of ${repeats}: ${store}, ${needs === 'fresh' ? 'fills' : 'reads'}: ${seconds} s`,
      );
    }
  }
}

const about = {};
for (const { store, name, version, settings, acknowledgement } of messages) {
  if (name !== undefined) about[store] = { name, version, settings, acknowledgement };
}
const report = {
  set: flags.set,
  title: set.title,
  begun: begun.toISOString(),
  minutes: (Date.now() - begun.getTime()) / 60_000,
  machine: describeMachine(directory),
  shape,
  sizes,
  repeats,
  stores: about,
  ...makeReport(flags.set, workloads, messages),
};

console.log(`${set.title}; medians of ${repeats}, quartiles below`);
console.log(rateTable(report));
if (flags.latencies) console.log(latencyTable(report));
console.log(costTable(report));
console.log(latenessVerdict(report));
console.log(storeLines(report));

// A part of a set does not replace the figures of the whole.
const out = flags.out ?? (isWhole ? join(here, 'results', `${flags.set}.json`) : undefined);
if (out !== undefined) {
  mkdirSync(dirname(out), { recursive: true });
  writeFileSync(out, `${JSON.stringify(report, undefined, 2)}\n`);
  console.log(`written: ${out}`);
  if (flags.out === undefined) {
    const { render } = await import('./render.mjs');
    await render();
    console.log('written: docs/performance.md, docs/performance.svg');
  }
}
