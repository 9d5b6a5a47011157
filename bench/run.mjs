// Measures nori-lsm beside other stores: npm run bench -- [--set NAME] [--stores a,b] [--workloads a,b] …
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { findWorkloads, workloads as allWorkloads } from '../dist/bench.js';
import { sets, sizes } from './sets.mjs';

const { values: flags } = parseArgs({
  options: {
    set: { type: 'string', default: 'standard' },
    stores: {
      type: 'string',
      default: 'nori,classic-level,lmdb,better-sqlite3,rocksdb-native,rocksdb',
    },
    workloads: { type: 'string' },
    repeats: { type: 'string', default: '7' },
    entries: { type: 'string' },
    operations: { type: 'string' },
    dir: { type: 'string', default: tmpdir() },
    out: { type: 'string' },
  },
});
const set = sets[flags.set];
const names =
  flags.workloads?.split(',') ??
  (set.workloads === 'all' ? allWorkloads.map(({ name }) => name) : set.workloads);
const workloads = findWorkloads(names);
const stores = flags.stores.split(',');
const entries = Number(flags.entries ?? set.entries);
const { kind, valueBytes } = set;
const shape = { kind, entries, valueBytes };

const rates = {};
const directory = mkdtempSync(join(flags.dir, 'nori-bench-'));
try {
  for (let repeat = 1; repeat <= Number(flags.repeats); repeat++) {
    for (const store of stores) {
      for (const needs of ['fresh', 'loaded']) {
        const group = workloads
          .filter((workload) => workload.needs === needs)
          .map(({ name }) => name);
        if (group.length === 0) continue;
        const task = { store, names: group, shape, sizes, directory };
        if (flags.operations) task.operations = Number(flags.operations);
        const child = spawnSync(
          process.execPath,
          [
            '--expose-gc',
            '--max-old-space-size=8192',
            fileURLToPath(new URL('child.mjs', import.meta.url)),
            JSON.stringify(task),
          ],
          { stdio: ['ignore', 'pipe', 'inherit'], encoding: 'utf8', maxBuffer: 1e9 },
        );
        for (const line of child.stdout.split('\n').filter(Boolean)) {
          const result = JSON.parse(line);
          if (result.workload === undefined) continue;
          ((rates[result.workload] ??= {})[store] ??= []).push(result);
        }
        if (child.status !== 0)
          console.error(`${store} ended with ${child.status ?? child.signal}`);
      }
    }
    console.error(`repeat ${repeat} done`);
  }
} finally {
  rmSync(directory, { recursive: true, force: true });
}

const median = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];
const rows = {};
for (const { name } of workloads) {
  const row = {};
  for (const store of stores) {
    const results = rates[name]?.[store];
    row[store] =
      results &&
      Math.round(median(results.map((r) => (r.operations / r.milliseconds) * 1000))).toLocaleString(
        'en',
      );
  }
  rows[name] = row;
}
console.table(rows);
