import type { DataSet } from './data-set.js';
import { percentilesOf, type Meter } from './meter.js';
import type { BenchKey, BenchStore } from './store.js';
import { nextTurn, unsampled, type Part, type Progress, type Workload } from './workload.js';

type Order = 'ascending' | 'random';

/** Writes to an empty store. @param batchEntries - of fillseq and fillrandom */
export function makeFills(batchEntries = 1000): readonly Workload[] {
  const batches = `batches of ${batchEntries}`;
  return [
    fill('fillseq', `fillseq, ${batches}`, fillBatches('ascending', batchEntries), Infinity, 3000),
    fill(
      'fillrandom',
      `fillrandom, ${batches}`,
      fillBatches('random', batchEntries),
      Infinity,
      4000,
    ),
    fill('put', 'put, awaited one by one', putOneByOne, 300_000, 1000),
    fill('put-sync', 'putSync, one by one', putSyncOneByOne, 300_000, 1000),
    fill('put-inflight', 'put, 1000 in flight', putInFlight, 500_000, 1000),
    { ...fill('fillsync', 'fillsync, 1 writer', syncWriters(1), 5000, 1000), durability: 'disk' },
    {
      ...fill('fillsync-blocking', 'fillsync, putSync', putSyncOneByOne, 5000, 1000),
      durability: 'disk',
    },
    {
      ...fill('fillsync-64', 'fillsync, 64 writers', syncWriters(64), 200_000, 1000),
      durability: 'disk',
    },
    {
      ...fill(
        'fill100-lateness',
        'fillrandom, batches of 100, a turn after each',
        fillBesideTimer,
        0,
        2000,
      ),
      mostOperations: () => Infinity,
    },
  ];
}

function fill(
  name: string,
  title: string,
  prepare: Workload['prepare'],
  most: number,
  milliseconds: number,
): Workload {
  return {
    name,
    title,
    needs: 'fresh',
    changes: true,
    durability: 'os',
    mostOperations: (entries) => Math.min(entries, most),
    milliseconds,
    prepare,
  };
}

interface Entries {
  readonly keys: readonly BenchKey[];
  readonly values: readonly unknown[];
}

function entriesInOrder(data: DataSet, order: Order, count: number): Entries {
  const indexes = data.fillOrder(order).subarray(0, count);
  return { keys: data.keys(indexes), values: data.values(indexes) };
}

function written(reached: number): Progress {
  return { reached, consumed: 0, expected: 0 };
}

function fillBatches(order: Order, size: number): Workload['prepare'] {
  return (store, data, operations): Part => {
    const { keys, values } = entriesInOrder(data, order, operations);
    return {
      async run(meter: Meter, from: number, to: number): Promise<Progress> {
        let i = from;
        while (i < to) {
          const end = Math.min(i + size, to);
          const began = performance.now();
          await store.batch(keys, values, i, end);
          i = end;
          if (meter.sample(began, performance.now())) break;
        }
        return written(i);
      },
    };
  };
}

function putOneByOne(store: BenchStore, data: DataSet, operations: number): Part {
  const { keys, values } = entriesInOrder(data, 'random', operations);
  return {
    async run(meter: Meter, from: number, to: number): Promise<Progress> {
      let i = from;
      while (i < to) {
        const end = Math.min(i + unsampled, to - 1);
        for (; i < end; i++) await store.put(keys[i], values[i]);
        const began = performance.now();
        await store.put(keys[i], values[i]);
        i++;
        if (meter.sample(began, performance.now())) break;
      }
      return written(i);
    },
  };
}

function putSyncOneByOne(store: BenchStore, data: DataSet, operations: number): Part | undefined {
  if (store.putSync === undefined) return undefined;
  const put = store.putSync.bind(store);
  const { keys, values } = entriesInOrder(data, 'random', operations);
  return {
    run(meter: Meter, from: number, to: number): Promise<Progress> {
      let i = from;
      while (i < to) {
        const end = Math.min(i + unsampled, to - 1);
        for (; i < end; i++) put(keys[i], values[i]);
        const began = performance.now();
        put(keys[i], values[i]);
        i++;
        if (meter.sample(began, performance.now())) break;
      }
      return Promise.resolve(written(i));
    },
  };
}

/** Thousands of puts at once; the next thousand begins when all of them are acknowledged. */
function putInFlight(store: BenchStore, data: DataSet, operations: number): Part {
  const { keys, values } = entriesInOrder(data, 'random', operations);
  const width = 1000;
  return {
    async run(meter: Meter, from: number, to: number): Promise<Progress> {
      let i = from;
      while (i < to) {
        const end = Math.min(i + width, to);
        const pending: Promise<unknown>[] = [];
        const began = performance.now();
        for (; i < end; i++) {
          const done = store.put(keys[i], values[i]);
          if (done !== undefined) pending.push(done);
        }
        await Promise.all(pending);
        if (meter.sample(began, performance.now())) break;
      }
      return written(i);
    },
  };
}

/** So many writers, each of which awaits its put before the next. */
function syncWriters(writers: number): Workload['prepare'] {
  return (store, data, operations): Part => {
    const { keys, values } = entriesInOrder(data, 'random', operations);
    return {
      async run(meter: Meter, from: number, to: number): Promise<Progress> {
        let next = from;
        let isOver = false;
        const write = async (): Promise<void> => {
          while (next < to && !isOver) {
            const i = next++;
            const began = performance.now();
            await store.put(keys[i], values[i]);
            if (meter.sample(began, performance.now())) isOver = true;
          }
        };
        await Promise.all(Array.from({ length: writers }, write));
        return written(next);
      },
    };
  };
}

const timerMs = 5;

/**
 * Fills at full speed while a timer wants to be called every 5 ms, and notes how
 * late it is. Each batch is followed by a turn of the event loop, in every store:
 * where a write is acknowledged without one, no timer would ever be called.
 */
function fillBesideTimer(store: BenchStore, data: DataSet, operations: number): Part {
  const { keys, values } = entriesInOrder(data, 'random', operations);
  const lateness = new Float64Array(100_000);
  let count = 0;
  return {
    async run(meter: Meter, from: number, to: number): Promise<Progress> {
      count = 0;
      let dueMs = performance.now() + timerMs;
      const tick = (): void => {
        const now = performance.now();
        if (count < lateness.length) lateness[count++] = Math.max(0, now - dueMs);
        dueMs = now + timerMs;
        timer = setTimeout(tick, timerMs);
      };
      let timer = setTimeout(tick, timerMs);
      let i = from;
      while (i < to) {
        // Again from the first, as the time is what is given here.
        const at = i % keys.length;
        const end = Math.min(at + 100, at + to - i, keys.length);
        const began = performance.now();
        await store.batch(keys, values, at, end);
        i += end - at;
        const isOver = meter.sample(began, performance.now());
        await nextTurn();
        if (isOver) break;
      }
      clearTimeout(timer);
      return written(i);
    },
    notes(): { readonly [name: string]: number } {
      const late = percentilesOf(lateness.subarray(0, count));
      return late === undefined
        ? {}
        : { 'late p50 ms': late.p50, 'late p99 ms': late.p99, 'late max ms': late.max };
    },
  };
}
