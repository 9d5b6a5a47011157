/**
 * The benchmark programme: workloads under the names of db_bench and YCSB, and
 * what is needed to run them on any store. `nori bench` runs them on this
 * library; the folder `bench/` of the repository runs them on others too.
 *
 * ```js
 * import { DataSet, findWorkloads, loadStore, noriDriver, runWorkload } from 'nori-lsm/bench';
 *
 * const data = new DataSet({ kind: 'bytes', entries: 100_000, valueBytes: 100 });
 * const store = await noriDriver.open({
 *   directory: './bench-data', kind: 'bytes', durability: 'os',
 *   cacheBytes: 2 ** 28, writeBufferBytes: 2 ** 25,
 * });
 * await loadStore(store, noriDriver, data);
 * const [workload] = findWorkloads(['readrandom-sync']);
 * console.log(await runWorkload(store, workload, data));
 * ```
 *
 * @module nori-lsm/bench
 */
import { makeFills } from './bench/fills.js';
import { makeMixes } from './bench/mixes.js';
import { reads } from './bench/reads.js';
import type { Workload } from './bench/workload.js';

/**
 * All workloads, in the order in which they are run: fills, reads, what changes
 * what is loaded.
 * @param batchEntries - entries of one batch; default: 1000 of fills, 100 of overwrites
 */
export function makeWorkloads(batchEntries?: number): readonly Workload[] {
  return [...makeFills(batchEntries), ...reads, ...makeMixes(batchEntries)];
}

/**
 * The workloads of these names, in the order in which they are run.
 * @throws RangeError that names all others
 */
export function findWorkloads(
  names: readonly string[],
  workloads: readonly Workload[] = makeWorkloads(),
): Workload[] {
  const unknown = names.filter((name) => !workloads.some((workload) => workload.name === name));
  if (unknown.length > 0) {
    const all = workloads.map(({ name }) => name).join(', ');
    throw new RangeError(`there is no workload '${unknown[0]}'; there are: ${all}`);
  }
  return workloads.filter(({ name }) => names.includes(name));
}

export { DataSet, type DataSetShape } from './bench/data-set.js';
export type { Meter, Percentiles, Timed } from './bench/meter.js';
export { noriDriver, openNori } from './bench/nori-driver.js';
export {
  loadStore,
  runFresh,
  runWorkload,
  type BenchDirectories,
  type FreshOptions,
  type RunOptions,
  type StoreSizes,
  type WorkloadResult,
} from './bench/run.js';
export type {
  Acknowledgements,
  BenchDriver,
  BenchDurability,
  BenchKey,
  BenchKind,
  BenchOpenOptions,
  BenchRange,
  BenchStore,
  BenchVisit,
} from './bench/store.js';
export type { Part, Progress, Workload } from './bench/workload.js';
