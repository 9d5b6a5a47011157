import type { DataSet } from './data-set.js';
import type { Meter } from './meter.js';
import type { BenchKey, BenchStore } from './store.js';
import { getBorrowedSyncOf, getSyncOf, type GetSync } from './sync-gets.js';
import { unsampled, type Part, type Progress, type Workload } from './workload.js';

/** Reads of a store that holds all entries. */
export const reads: readonly Workload[] = [
  read('readrandom', 'readrandom, await get', readAwaited, 1000),
  read('readrandom-sync', 'readrandom, getSync', readSync('found', 'owned')),
  read(
    'readrandom-borrowed',
    'readrandom, value valid until the next call',
    readSync('found', 'borrowed'),
  ),
  read('readmissing-sync', 'readmissing, getSync', readSync('missing', 'owned')),
  read(
    'readmissing-borrowed',
    'readmissing, value valid until the next call',
    readSync('missing', 'borrowed'),
  ),
  read('multiget', 'multiget 100, awaited', readMany, 1000),
  read('multiget-sync', 'multiget 100, sync', readManySync),
  read('readseq', 'readseq, key and value handed out', walk(false), 1000),
  read('readreverse', 'readreverse, key and value handed out', walk(true), 1000),
  {
    ...read('seekrandom', 'seekrandom, fresh range read of 10', seek),
    mostOperations: () => 200_000,
  },
];

function read(
  name: string,
  title: string,
  prepare: Workload['prepare'],
  milliseconds = 700,
): Workload {
  return {
    name,
    title,
    needs: 'loaded',
    changes: false,
    durability: 'os',
    mostOperations: () => 1_000_000,
    milliseconds,
    prepare,
  };
}

function readAwaited(store: BenchStore, data: DataSet, operations: number): Part {
  const keys = data.lookupKeys(operations);
  const { weigh, weight } = data;
  return {
    async run(meter: Meter, from: number, to: number): Promise<Progress> {
      let consumed = 0;
      let i = from;
      while (i < to) {
        const end = Math.min(i + unsampled, to - 1);
        for (; i < end; i++) consumed += weigh(await store.get(keys[i]));
        const began = performance.now();
        consumed += weigh(await store.get(keys[i]));
        i++;
        if (meter.sample(began, performance.now())) break;
      }
      return { reached: i, consumed, expected: (i - from) * weight };
    },
  };
}

function readSync(what: 'found' | 'missing', value: 'owned' | 'borrowed'): Workload['prepare'] {
  return (store, data, operations) => {
    const get = value === 'owned' ? getSyncOf(store) : getBorrowedSyncOf(store);
    if (get === undefined) return undefined;
    return what === 'found'
      ? readFound(get, data.lookupKeys(operations), data)
      : readMissing(
          get,
          Array.from(data.lookups(operations), (index) => data.missingKey(index)),
        );
  };
}

function readFound(get: GetSync, keys: readonly BenchKey[], data: DataSet): Part {
  const { weigh, weight } = data;
  return {
    async run(meter: Meter, from: number, to: number): Promise<Progress> {
      let consumed = 0;
      let i = from;
      while (i < to) {
        const end = Math.min(i + unsampled, to - 1);
        for (; i < end; i++) consumed += weigh(get(keys[i]));
        const began = performance.now();
        consumed += weigh(get(keys[i]));
        i++;
        if (meter.sample(began, performance.now())) break;
      }
      return { reached: i, consumed, expected: (i - from) * weight };
    },
  };
}

function readMissing(get: GetSync, keys: readonly BenchKey[]): Part {
  return {
    async run(meter: Meter, from: number, to: number): Promise<Progress> {
      let missed = 0;
      let i = from;
      while (i < to) {
        const end = Math.min(i + unsampled, to - 1);
        for (; i < end; i++) if (get(keys[i]) == null) missed++;
        const began = performance.now();
        if (get(keys[i]) == null) missed++;
        i++;
        if (meter.sample(began, performance.now())) break;
      }
      return { reached: i, consumed: missed, expected: i - from };
    },
  };
}

const width = 100;

function keyGroups(data: DataSet, operations: number): readonly BenchKey[][] {
  const keys = data.lookupKeys(operations);
  return Array.from({ length: Math.ceil(operations / width) }, (_, group) =>
    keys.slice(group * width, (group + 1) * width),
  );
}

function weighAll(values: ArrayLike<unknown>, weigh: (value: unknown) => number): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += weigh(values[i]);
  return sum;
}

function readMany(store: BenchStore, data: DataSet, operations: number): Part | undefined {
  const getMany = store.getMany?.bind(store);
  if (getMany === undefined) return undefined;
  const groups = keyGroups(data, operations);
  const { weigh, weight } = data;
  return {
    async run(meter: Meter, from: number, to: number): Promise<Progress> {
      let consumed = 0;
      let i = from - (from % width);
      const first = i;
      while (i < to) {
        const keys = groups[i / width];
        const began = performance.now();
        consumed += weighAll(await getMany(keys), weigh);
        i += keys.length;
        if (meter.sample(began, performance.now())) break;
      }
      return { reached: i, consumed, expected: (i - first) * weight };
    },
  };
}

function readManySync(store: BenchStore, data: DataSet, operations: number): Part | undefined {
  const getMany = store.getManySync?.bind(store);
  if (getMany === undefined) return undefined;
  const groups = keyGroups(data, operations);
  const { weigh, weight } = data;
  return {
    async run(meter: Meter, from: number, to: number): Promise<Progress> {
      let consumed = 0;
      let i = from - (from % width);
      const first = i;
      while (i < to) {
        const keys = groups[i / width];
        const began = performance.now();
        consumed += weighAll(getMany(keys), weigh);
        i += keys.length;
        if (meter.sample(began, performance.now())) break;
      }
      return { reached: i, consumed, expected: (i - first) * weight };
    },
  };
}

/** Walks over all entries, again from the start when they are fewer than the operations. */
function walk(isReverse: boolean): Workload['prepare'] {
  return (store, data, _operations) => {
    const { weigh, weight } = data;
    const keyLength = data.key(0).length;
    const { entries } = data.shape;
    return {
      async run(meter: Meter, from: number, to: number): Promise<Progress> {
        let consumed = 0;
        let i = from;
        let isOver = false;
        let untilLook = lookEvery;
        let began = performance.now();
        const visit = (key: BenchKey, value: unknown): boolean => {
          consumed += key.length + weigh(value);
          i++;
          if (--untilLook > 0) return true;
          untilLook = lookEvery;
          const now = performance.now();
          if (meter.sample(began, now)) isOver = true;
          began = now;
          return !isOver;
        };
        let promised = 0;
        while (i < to && !isOver) {
          const before = i;
          const limit = to - i;
          const done = store.scan({ isReverse, limit }, visit);
          if (done !== undefined) await done;
          promised += isOver ? i - before : Math.min(limit, entries);
          if (i === before) break;
        }
        return { reached: i, consumed, expected: promised * (keyLength + weight) };
      },
    };
  };
}

/** Entries of a walk between two looks at the clock: what is sampled is the time of so many. */
const lookEvery = 1000;

const rangeLength = 10;

function seek(store: BenchStore, data: DataSet, operations: number): Part {
  const last = Math.max(0, data.shape.entries - rangeLength);
  const keys = data.keys(data.lookups(operations).map((index) => Math.min(index, last)));
  const length = Math.min(rangeLength, data.shape.entries);
  const { weigh, weight } = data;
  const entryWeight = data.key(0).length + weight;
  return {
    async run(meter: Meter, from: number, to: number): Promise<Progress> {
      let consumed = 0;
      const visit = (key: BenchKey, value: unknown): boolean => {
        consumed += key.length + weigh(value);
        return true;
      };
      let i = from;
      while (i < to) {
        const began = performance.now();
        const done = store.scan({ from: keys[i], isReverse: false, limit: length }, visit);
        if (done !== undefined) await done;
        i++;
        if (meter.sample(began, performance.now())) break;
      }
      return { reached: i, consumed, expected: (i - from) * length * entryWeight };
    },
  };
}
