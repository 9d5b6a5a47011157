import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { ensureBuilt, makeTemporaryDirectory } from '../cli/command.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const directory = makeTemporaryDirectory();

beforeAll(ensureBuilt);

/** Without the other stores, which are a package of their own that is not installed here. */
function bench(...flags: readonly string[]) {
  const args = ['--stores', 'nori,empty', '--repeats', '2', '--dir', directory, ...flags];
  return spawnSync(process.execPath, [join(root, 'bench/run.mjs'), ...args], { encoding: 'utf8' });
}

interface Report {
  readonly machine: { readonly node: string };
  readonly shape: unknown;
  readonly stores: { readonly [store: string]: { readonly acknowledgement: { os: string } } };
  readonly rows: readonly {
    readonly title: string;
    readonly stores: {
      readonly [store: string]: {
        readonly workload: string;
        readonly runs: number;
        readonly operations: number;
        readonly perSecond: { median: number; lower: number; upper: number };
        readonly diskBytesPerOperation?: number;
      };
    };
  }[];
}

describe('the benchmark programme', () => {
  it('runs each store in processes of its own and writes what they gave', () => {
    const out = join(directory, 'report.json');
    const names = ['fillrandom', 'multiget', 'multiget-sync', 'overwrite'];
    const result = bench(
      ...['--workloads', names.join(','), '--entries', '3000', '--operations', '600', '--out', out],
    );
    expect(result.stderr).toMatch(/run 2 of 2: nori, reads/);
    expect(result.status).toBe(0);
    expect(result.stdout).toMatch(/fillrandom, batches of 1000/);
    expect(result.stdout).toMatch(/An acknowledged write: handed to the OS/);
    const report = JSON.parse(readFileSync(out, 'utf8')) as Report;
    expect(report.machine.node).toBe(process.version);
    expect(report.shape).toEqual({ kind: 'bytes', entries: 3000, valueBytes: 100 });
    expect(report.stores.nori.acknowledgement.os).toBe('handed to the OS');
    expect(report.rows.map(({ title }) => title)).toEqual([
      'fillrandom, batches of 1000',
      'multiget 100',
      'overwrite, batches of 100',
    ]);
    for (const row of report.rows) {
      const { perSecond, runs, operations } = row.stores.nori;
      expect(runs).toBe(2);
      expect(operations).toBeGreaterThan(0);
      expect(perSecond.lower).toBeLessThanOrEqual(perSecond.median);
      expect(perSecond.median).toBeLessThanOrEqual(perSecond.upper);
    }
    expect(report.rows[0].stores.nori.diskBytesPerOperation).toBeGreaterThan(0);
    expect(Object.keys(report.rows[1].stores)).toEqual(['nori']);
    expect(readdirSync(directory)).toEqual(['report.json']);
  });

  it.each([
    [['--set', 'small'], /there is no set 'small'; there are: standard, /],
    [['--stores', 'nori,mongo'], /there is no store 'mongo'; there are: nori, /],
    [['--workloads', 'readsec'], /there is no workload 'readsec'/],
    [['--repeats', '0'], /--repeats takes a whole number from 1 up/],
    [['--repeat', '1'], /'--repeat'/],
  ])('refuses %j', (flags, message) => {
    const result = bench(...flags);
    expect(result.stderr).toMatch(message);
    expect(result.status).toBe(64);
  });
});
