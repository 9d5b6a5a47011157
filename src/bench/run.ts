import type { DataSet } from './data-set.js';
import { Meter, type Timed } from './meter.js';
import type { BenchDriver, BenchOpenOptions, BenchStore } from './store.js';
import { nextTurn, type Part, type Workload } from './workload.js';

/** What one workload gave. */
export interface WorkloadResult extends Timed {
  /** Its name. */
  readonly workload: string;
  /** More figures, by what they are. */
  readonly notes: { readonly [name: string]: number };
  /** CPU of the timed part and of the work in the background that it left behind, where that was waited for. */
  readonly cpuMicrosecondsSettled?: number;
}

/** Operations of a warm-up at most, and its milliseconds. */
const warmUpOperations = 50_000;
const warmUpMs = 200;

/** How a workload is run. */
export interface RunOptions {
  /** At most so many are measured. Default: the workload's own number. */
  readonly operations?: number | undefined;
  /** Called when keys and values are made, before the warm-up: the time to collect garbage. */
  readonly whenPrepared?: (() => void) | undefined;
}

/**
 * Measures one workload in `store`, which is as the workload needs it. A short
 * warm-up of the same operations goes before.
 *
 * @returns undefined when the store lacks a call that the workload needs
 * @throws Error when the store has handed out less, or more, than was stored
 */
export async function runWorkload(
  store: BenchStore,
  workload: Workload,
  data: DataSet,
  options: RunOptions = {},
): Promise<WorkloadResult | undefined> {
  const { operations = workload.mostOperations(data.shape.entries) } = options;
  const warmUp = workload.needs === 'fresh' ? 0 : Math.min(warmUpOperations, operations);
  const part = workload.prepare(store, data, operations + warmUp);
  if (part === undefined) return undefined;
  options.whenPrepared?.();
  const meter = new Meter();
  const from = warmUp === 0 ? 0 : await timed(part, meter, 0, warmUp, warmUpMs, workload.name);
  const reached = await timed(
    part,
    meter,
    from,
    from + operations,
    workload.milliseconds,
    workload.name,
  );
  const result = meter.stop(reached - from);
  return { workload: workload.name, ...result, notes: part.notes?.() ?? {} };
}

async function timed(
  part: Part,
  meter: Meter,
  from: number,
  to: number,
  milliseconds: number,
  name: string,
): Promise<number> {
  meter.start(milliseconds);
  const { reached, consumed, expected } = await part.run(meter, from, to);
  if (consumed !== expected) {
    throw new Error(`${name}: ${consumed} was handed out, it should have been ${expected}`);
  }
  return reached;
}

/** Where stores are made. */
export interface BenchDirectories {
  /** A new, empty directory. */
  make(): Promise<string>;
  /** Removes one with all that is in it. */
  remove(directory: string): Promise<void>;
}

/** How the stores of a run are opened. */
export type StoreSizes = Pick<BenchOpenOptions, 'cacheBytes' | 'writeBufferBytes'>;

/** How a workload is run that needs an empty store. */
export interface FreshOptions extends RunOptions {
  /** Where the stores are made. */
  readonly directories: BenchDirectories;
  /** What every store is given. */
  readonly sizes: StoreSizes;
  /** Called with the directory when work in the background has come to rest and the store is closed; without it nobody waits for that work. */
  readonly inspect?: ((directory: string) => Promise<void>) | undefined;
}

/**
 * Measures a workload that needs an empty store: the first one, which is thrown
 * away, warms up the compiler.
 * @returns undefined when the store lacks what the workload needs
 */
export async function runFresh(
  driver: BenchDriver,
  workload: Workload,
  data: DataSet,
  options: FreshOptions,
): Promise<WorkloadResult | undefined> {
  const { directories, sizes, inspect } = options;
  const { operations = workload.mostOperations(data.shape.entries) } = options;
  const { durability } = workload;
  if (driver.acknowledgement[durability] === undefined) return undefined;
  const open = async (directory: string): Promise<BenchStore> =>
    driver.open({ directory, kind: data.shape.kind, durability, ...sizes });
  const warmUpDirectory = await directories.make();
  const rehearsed = await open(warmUpDirectory);
  const part = workload.prepare(rehearsed, data, Math.min(warmUpOperations, operations));
  if (part !== undefined) {
    await timed(
      part,
      new Meter(),
      0,
      Math.min(warmUpOperations, operations),
      warmUpMs,
      workload.name,
    );
  }
  await rehearsed.close();
  await directories.remove(warmUpDirectory);
  if (part === undefined) return undefined;

  const directory = await directories.make();
  const store = await open(directory);
  const result = await runWorkload(store, workload, data, options);
  const cpu = process.cpuUsage();
  if (inspect !== undefined) await store.settle();
  await store.close();
  const { user, system } = process.cpuUsage(cpu);
  await inspect?.(directory);
  await directories.remove(directory);
  if (result === undefined || inspect === undefined) return result;
  return { ...result, cpuMicrosecondsSettled: result.cpuMicroseconds + user + system };
}

/** Puts all entries in random order, waits for work in the background, and reads some of them back. */
export async function loadStore(
  store: BenchStore,
  driver: BenchDriver,
  data: DataSet,
): Promise<void> {
  const { entries } = data.shape;
  const order = data.fillOrder('random');
  const chunk = Math.max(100_000, driver.loadBatch);
  for (let begin = 0; begin < entries; begin += chunk) {
    const indexes = order.subarray(begin, begin + chunk);
    const keys = data.keys(indexes);
    const values = data.values(indexes);
    for (let i = 0; i < keys.length; i += driver.loadBatch) {
      await store.batch(keys, values, i, Math.min(i + driver.loadBatch, keys.length));
    }
  }
  await store.settle();
  await checkLoaded(store, data);
  await bringToRest(store, data);
}

/** Reads for so long, and at most so much, before a store is said to be at rest. */
const restingMs = 1500;
const restingReads = 1_000_000;

/**
 * Measured is a store at rest: its caches are warm, and what it does of itself to be
 * read faster is done. So it is read twice, with time to act on it.
 */
async function bringToRest(store: BenchStore, data: DataSet): Promise<void> {
  const keys = data.lookupKeys(Math.min(restingReads, 2 * data.shape.entries));
  for (let round = 0; round < 2; round++) {
    const end = performance.now() + restingMs;
    for (let i = 0; i < keys.length && performance.now() < end; i++) {
      await store.get(keys[i]);
      if (i % 1024 === 0) await nextTurn();
    }
    await store.settle();
  }
}

const checkedEntries = 1000;

async function checkLoaded(store: BenchStore, data: DataSet): Promise<void> {
  for (const index of data.lookups(Math.min(checkedEntries, data.shape.entries), 0x2f6e2b1d)) {
    const value = await store.get(data.key(index));
    if (comparable(value) !== comparable(data.value(index))) {
      throw new Error(`entry ${index} is not what was stored: ${comparable(value)}`);
    }
    const missing = (await store.getMany?.([data.missingKey(index)]))?.[0];
    if (missing != null)
      throw new Error(`a key that was not stored behind entry ${index} is found`);
  }
}

function comparable(value: unknown): string {
  if (value instanceof Uint8Array) {
    return Buffer.from(value.buffer, value.byteOffset, value.length).toString('hex');
  }
  return JSON.stringify(value) ?? 'nothing';
}
