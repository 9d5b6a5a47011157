import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Table from 'cli-table3';
import {
  DataSet,
  findWorkloads,
  loadStore,
  makeWorkloads,
  noriDriver,
  openNori,
  runFresh,
  runWorkload,
  type BenchDirectories,
  type BenchDriver,
  type Workload,
  type WorkloadResult,
} from '../bench.js';
import type { OpenOptions } from '../index.js';
import type { Settings } from './database.js';
import { usage } from './failure.js';
import { formatCount } from './numbers.js';
import type { Output } from './output.js';
import { printNote } from './terminal.js';

export interface BenchOptions {
  readonly entries: number;
  readonly valueBytes: number;
  readonly batch?: number;
  readonly dir?: string;
  readonly json?: boolean;
  readonly set?: Settings;
}

const MiB = 1024 * 1024;
const sizes = { cacheBytes: 256 * MiB, writeBufferBytes: 32 * MiB };

/** Measures the workloads of these names, or all, in databases of its own. */
export async function bench(
  output: Output,
  names: readonly string[],
  options: BenchOptions,
): Promise<void> {
  const workloads = chooseWorkloads(names, options.batch);
  const driver = driverWith(Object.fromEntries(options.set ?? []));
  const { entries, valueBytes } = options;
  const data = new DataSet({ kind: 'bytes', entries, valueBytes }, driver.bytes);
  const root = mkdtempSync(join(options.dir ?? tmpdir(), 'nori-bench-'));
  try {
    const directories: BenchDirectories = {
      make: async () => mkdtempSync(join(root, 'db-')),
      remove: async (directory) => rmSync(directory, { recursive: true, force: true }),
    };
    const results: [Workload, WorkloadResult][] = [];
    const tell = (workload: Workload, result: WorkloadResult | undefined): void => {
      if (result === undefined) return;
      results.push([workload, result]);
      if (options.json === true) output.write(`${JSON.stringify(result)}\n`);
      else printNote(`${workload.name}: ${formatCount(perSecond(result))} a second`);
    };
    for (const workload of workloads.filter(({ needs }) => needs === 'fresh')) {
      tell(workload, await runFresh(driver, workload, data, { directories, sizes }));
    }
    const loaded = workloads.filter(({ needs }) => needs === 'loaded');
    if (loaded.length > 0) await measureLoaded(driver, data, loaded, directories, tell);
    if (options.json !== true) output.write(`${describeResults(results)}\n`);
    await output.drain();
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

function chooseWorkloads(names: readonly string[], batch: number | undefined): readonly Workload[] {
  const all = makeWorkloads(batch);
  if (names.length === 0) return all;
  try {
    return findWorkloads(names, all);
  } catch (error) {
    throw error instanceof RangeError ? usage(error.message) : error;
  }
}

function driverWith(settings: Omit<OpenOptions, `${'key' | 'value'}Encoding`>): BenchDriver {
  return { ...noriDriver, open: (options) => openNori(options, settings) };
}

async function measureLoaded(
  driver: BenchDriver,
  data: DataSet,
  workloads: readonly Workload[],
  directories: BenchDirectories,
  tell: (workload: Workload, result: WorkloadResult | undefined) => void,
): Promise<void> {
  const directory = await directories.make();
  const store = await driver.open({ directory, kind: 'bytes', durability: 'os', ...sizes });
  try {
    await loadStore(store, driver, data);
    for (const workload of workloads) tell(workload, await runWorkload(store, workload, data));
  } finally {
    await store.close();
  }
}

function perSecond({ operations, milliseconds }: WorkloadResult): number {
  return (operations / milliseconds) * 1000;
}

function describeResults(results: readonly (readonly [Workload, WorkloadResult])[]): string {
  const table = new Table({
    head: ['workload', 'operations', 'per second', 'p50', 'p99', 'p99.9', 'CPU each', ''],
    colAligns: ['left', 'right', 'right', 'right', 'right', 'right', 'right', 'left'],
    style: { head: [], border: [], compact: true },
  });
  for (const [workload, result] of results) {
    const { operations, latencyMs, cpuMicroseconds, notes } = result;
    table.push([
      workload.title,
      formatCount(operations),
      formatCount(perSecond(result)),
      formatMicroseconds(latencyMs?.p50),
      formatMicroseconds(latencyMs?.p99),
      formatMicroseconds(latencyMs?.p999),
      `${(cpuMicroseconds / operations).toFixed(2)} µs`,
      Object.entries(notes)
        .map(([name, value]) => `${name} ${value < 100 ? value.toFixed(1) : formatCount(value)}`)
        .join(', '),
    ]);
  }
  return table.toString();
}

function formatMicroseconds(milliseconds: number | undefined): string {
  if (milliseconds === undefined) return '–';
  return milliseconds < 1
    ? `${(milliseconds * 1000).toFixed(1)} µs`
    : `${milliseconds.toFixed(1)} ms`;
}
