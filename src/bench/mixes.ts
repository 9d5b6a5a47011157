import type { DataSet } from './data-set.js';
import { Draws, Zipfian } from './draws.js';
import type { Meter } from './meter.js';
import { putAloneOf } from './puts.js';
import type { BenchKey, BenchStore } from './store.js';
import { quickestGetOf } from './sync-gets.js';
import { nextTurn, unsampled, type Part, type Progress, type Workload } from './workload.js';

/** Reads and writes, or writes alone, of a store that holds all entries. @param batchEntries - of overwrite and deleterandom */
export function makeMixes(batchEntries = 100): readonly Workload[] {
  return [
    {
      ...mix('readwhilewriting', 'readwhilewriting, 20,000 writes/s beside', readBesideWriter),
      milliseconds: 1000,
    },
    mix('ycsba', 'YCSB a: 50 % read, 50 % update, zipfian', ycsb({ update: 50 })),
    mix('ycsbb', 'YCSB b: 95 % read, 5 % update, zipfian', ycsb({ update: 5 })),
    mix('ycsbc', 'YCSB c: read, zipfian', ycsb({})),
    mix('ycsbd', 'YCSB d: 95 % read latest, 5 % insert', ycsb({ insert: 5, isLatest: true })),
    {
      ...mix('ycsbe', 'YCSB e: 95 % scan of up to 100, 5 % insert', ycsb({ scan: 95, insert: 5 })),
      mostOperations: () => 100_000,
    },
    mix('ycsbf', 'YCSB f: 50 % read, 50 % read-modify-write', ycsb({ modify: 50 })),
    mix('overwrite', `overwrite, batches of ${batchEntries}`, overwrite(batchEntries)),
    mix('deleterandom', `deleterandom, batches of ${batchEntries}`, deleteRandom(batchEntries)),
  ];
}

function mix(name: string, title: string, prepare: Workload['prepare']): Workload {
  return {
    name,
    title,
    needs: 'loaded',
    changes: true,
    durability: 'os',
    mostOperations: () => 500_000,
    milliseconds: 1000,
    prepare,
  };
}

function overwrite(batchEntries: number): Workload['prepare'] {
  return (store, data, operations): Part => {
    const indexes = data.lookups(operations, 0x7c3e9a15);
    const keys = data.keys(indexes);
    const values = data.values(indexes, 1);
    return {
      async run(meter: Meter, from: number, to: number): Promise<Progress> {
        let i = from;
        while (i < to) {
          const end = Math.min(i + batchEntries, to);
          const began = performance.now();
          await store.batch(keys, values, i, end);
          i = end;
          if (meter.sample(began, performance.now())) break;
        }
        return { reached: i, consumed: 0, expected: 0 };
      },
    };
  };
}

function deleteRandom(batchEntries: number): Workload['prepare'] {
  return (store, data, operations): Part => {
    const keys = data.keys(data.lookups(operations, 0x3d8f5b21));
    return {
      async run(meter: Meter, from: number, to: number): Promise<Progress> {
        let i = from;
        while (i < to) {
          const end = Math.min(i + batchEntries, to);
          const began = performance.now();
          await store.deleteBatch(keys, i, end);
          i = end;
          if (meter.sample(began, performance.now())) break;
        }
        return { reached: i, consumed: 0, expected: 0 };
      },
    };
  };
}

const writesPerSecond = 20_000;
const batchSize = 100;
const readsPerTurn = 256;

/**
 * A writer puts batches of 100 at a fixed rate, which some stores cannot keep; a
 * reader reads as fast as it can and lets the event loop turn in between.
 */
function readBesideWriter(store: BenchStore, data: DataSet, operations: number): Part {
  const keys = data.lookupKeys(operations);
  const writtenIndexes = data.lookups(200_000, 0x5e17b0c3);
  const writtenKeys = data.keys(writtenIndexes);
  const writtenValues = data.values(writtenIndexes, 2);
  const { weigh, weight } = data;
  const get = quickestGetOf(store);
  let writesDone = 0;
  let tookMs = 1;
  return {
    async run(meter: Meter, from: number, to: number): Promise<Progress> {
      const begunMs = performance.now();
      const everyMs = (1000 * batchSize) / writesPerSecond;
      let isOver = false;
      writesDone = 0;
      const write = async (): Promise<void> => {
        let dueMs = begunMs;
        while (!isOver) {
          if (performance.now() < dueMs) {
            await nextTurn();
            continue;
          }
          const at = writesDone % (writtenKeys.length - batchSize);
          await store.batch(writtenKeys, writtenValues, at, at + batchSize);
          writesDone += batchSize;
          // Who is late does not catch up: the rate is a limit, no debt.
          dueMs = Math.max(dueMs + everyMs, performance.now() - everyMs);
        }
      };
      const writing = write();
      let consumed = 0;
      let i = from;
      while (i < to && !isOver) {
        const turnEnds = Math.min(i + readsPerTurn, to);
        while (i < turnEnds && !isOver) {
          const end = Math.min(i + unsampled, turnEnds - 1);
          if (get === undefined) {
            for (; i < end; i++) consumed += weigh(await store.get(keys[i]));
          } else for (; i < end; i++) consumed += weigh(get(keys[i]));
          const began = performance.now();
          consumed += weigh(get === undefined ? await store.get(keys[i]) : get(keys[i]));
          i++;
          if (meter.sample(began, performance.now())) isOver = true;
        }
        await nextTurn();
      }
      isOver = true;
      tookMs = performance.now() - begunMs;
      await writing;
      return { reached: i, consumed, expected: (i - from) * weight };
    },
    notes: () => ({ 'writes/s': (writesDone / tookMs) * 1000 }),
  };
}

interface Shares {
  readonly update?: number;
  readonly insert?: number;
  readonly scan?: number;
  readonly modify?: number;
  /** Reads draw the newest entries most often, else all over the set. */
  readonly isLatest?: boolean;
}

const readKind = 0;
const updateKind = 1;
const insertKind = 2;
const scanKind = 3;
const modifyKind = 4;

const longestScan = 100;
/** Where the inserts of the next workload of a process begin. */
const firstInserts = new WeakMap<BenchStore, number>();

/** The mixes of the Yahoo! Cloud Serving Benchmark (Cooper et al., SoCC 2010). */
function ycsb(shares: Shares): Workload['prepare'] {
  return (store, data, operations): Part => {
    const { entries } = data.shape;
    const draws = new Draws(0x4f1bbcdc);
    const zipfian = new Zipfian(entries, draws);
    const kinds = new Uint8Array(operations);
    const lengths = new Uint8Array(operations);
    const indexes = new Uint32Array(operations);
    let nextInsert = firstInserts.get(store) ?? entries;
    for (let i = 0; i < operations; i++) {
      const kind = drawKind(shares, draws);
      kinds[i] = kind;
      if (kind === insertKind) indexes[i] = nextInsert++;
      else if (shares.isLatest === true) {
        indexes[i] = Math.max(0, nextInsert - 1 - zipfian.nextRank());
      } else indexes[i] = zipfian.nextScattered();
      if (kind === scanKind) {
        lengths[i] = Math.min(1 + draws.below(longestScan), entries);
        // So that each scan finds all that it asks for.
        indexes[i] = Math.min(indexes[i], entries - lengths[i]);
      }
    }
    firstInserts.set(store, nextInsert);
    const keys = data.keys(indexes);
    const values = data.values(indexes, 3);
    return ycsbPart(store, data, { kinds, lengths, keys, values });
  };
}

function drawKind(shares: Shares, draws: Draws): number {
  const { update = 0, insert = 0, scan = 0, modify = 0 } = shares;
  let draw = draws.below(100);
  if ((draw -= update) < 0) return updateKind;
  if ((draw -= insert) < 0) return insertKind;
  if ((draw -= scan) < 0) return scanKind;
  return draw - modify < 0 ? modifyKind : readKind;
}

interface Operations {
  readonly kinds: Uint8Array;
  readonly lengths: Uint8Array;
  readonly keys: readonly BenchKey[];
  readonly values: readonly unknown[];
}

function ycsbPart(store: BenchStore, data: DataSet, operations: Operations): Part {
  const { kinds, lengths, keys, values } = operations;
  const { weigh, weight } = data;
  const keyLength = data.key(0).length;
  const get = quickestGetOf(store);
  const put = putAloneOf(store);
  return {
    async run(meter: Meter, from: number, to: number): Promise<Progress> {
      let consumed = 0;
      let expected = 0;
      const visit = (key: BenchKey, value: unknown): boolean => {
        consumed += key.length + weigh(value);
        return true;
      };
      let i = from;
      let untilSample = 0;
      while (i < to) {
        const began = untilSample === 0 ? performance.now() : 0;
        const kind = kinds[i];
        if (kind === readKind || kind === modifyKind) {
          consumed += weigh(get === undefined ? await store.get(keys[i]) : get(keys[i]));
          expected += weight;
        }
        if (kind === scanKind) {
          const range = { from: keys[i], isReverse: false, limit: lengths[i] };
          const done = store.scan(range, visit);
          if (done !== undefined) await done;
          expected += lengths[i] * (keyLength + weight);
        } else if (kind !== readKind) await put(keys[i], values[i]);
        i++;
        if (untilSample > 0) untilSample--;
        else {
          if (meter.sample(began, performance.now())) break;
          untilSample = unsampled;
        }
      }
      return { reached: i, consumed, expected };
    },
  };
}
