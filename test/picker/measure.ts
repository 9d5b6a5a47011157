/** Write amplification and space of random overwrites, in the simulation. */
import type { Prng } from '../../src/base/prng.js';
import type { CompactionOptions } from '../../src/compaction/level-targets.js';
import { keyOf, Simulation } from './simulation.js';

/** Memtable and table sizes are entries here. */
export const memtableEntries = 256;

/** The defaults, with tables of half a memtable. */
export const nori: CompactionOptions = {
  l0CompactionTrigger: 8,
  levelSizeMultiplier: 8,
  levelSizing: 'dynamic',
  baseLevelBytes: 16 * memtableEntries,
  tableTargetBytes: memtableEntries / 2,
  maxLevels: 7,
  levelForms: [0],
  lastLevelForm: [0],
};

/** The recipe page: L1 is as large as four flushed tables, levels are fixed. */
export const recipe: CompactionOptions = {
  ...nori,
  l0CompactionTrigger: 4,
  levelSizeMultiplier: 10,
  levelSizing: 'static',
  baseLevelBytes: 4 * memtableEntries,
  tableTargetBytes: memtableEntries,
  maxLevels: 5,
};

export interface Workload {
  readonly compaction: CompactionOptions;
  /** Keys in the database for one entry in the memtable. */
  readonly ratio: number;
  /** See `SimulationOptions`. */
  readonly speed?: number;
  readonly jobs?: number;
  readonly isAligned?: boolean;
  readonly nextKey?: (prng: Prng, keyCount: number) => number;
}

export interface Measured {
  readonly writeAmplification: number;
  /** Entries stored per key, the median of all moments after a flush. */
  readonly spaceAmplification: number;
  readonly largestL0: number;
}

/** Loads every key in scattered order, overwrites for a while, then measures. */
export function measureOverwrite(workload: Workload): Measured {
  const { compaction, ratio, speed, jobs, isAligned, nextKey } = workload;
  const keyCount = ratio * memtableEntries;
  const simulation = new Simulation({
    seed: 1,
    memtableEntries,
    keyCount,
    compaction,
    speed,
    jobs,
    isAligned,
    nextKey: nextKey && ((prng) => nextKey(prng, keyCount)),
  });
  for (let i = 0; i < keyCount; i++) simulation.put((i * 7919) % keyCount);
  simulation.churn(2 * keyCount);
  const writtenSoFar = (): number => simulation.flushedEntries + simulation.compactedEntries;
  const writtenBefore = writtenSoFar();
  const putBefore = simulation.putEntries;
  simulation.largestL0 = 0;
  const space: number[] = [];
  simulation.churn(4 * keyCount, () => space.push(simulation.storedEntries / keyCount));
  space.sort((a, b) => a - b);
  return {
    writeAmplification: (writtenSoFar() - writtenBefore) / (simulation.putEntries - putBefore),
    spaceAmplification: space[space.length >> 1],
    largestL0: simulation.largestL0,
  };
}

export interface Deletes {
  /** Keys in the database for one entry in the memtable. */
  readonly ratio: number;
  /** Of the keys, that are deleted. */
  readonly share: number;
  /** Which key the i-th delete is for, of n. */
  readonly keyAt: (i: number, n: number) => number;
}

/** Loads every key, deletes some, and lets compactions do what they find to do. */
export function measureDeletes({ ratio, share, keyAt }: Deletes): {
  /** Share of the space that came back. */
  readonly returned: number;
  /** Entries written by compactions for each delete. */
  readonly writtenPerDelete: number;
} {
  const keyCount = ratio * memtableEntries;
  // 16 bytes of key and 100 of value.
  const options = { seed: 1, memtableEntries, keyCount, compaction: nori, tombstoneSize: 0.2 };
  const simulation = new Simulation(options);
  const settle = (): void => {
    simulation.flush();
    simulation.settle();
  };
  for (let i = 0; i < keyCount; i++) simulation.put((i * 7919) % keyCount);
  settle();
  const stored = simulation.storedSize;
  const written = simulation.compactedEntries;
  const count = Math.floor(share * keyCount);
  for (let i = 0; i < count; i++) simulation.put(keyAt(i, keyCount), true);
  settle();
  return {
    returned: 1 - simulation.storedSize / stored,
    writtenPerDelete: (simulation.compactedEntries - written) / count,
  };
}

/** Appends at one end and deletes at the other, `length` entries apart. */
export function measureQueue(length: number): {
  /** Entries in tables that a scan steps over to its first key: the most, over the first and the last quarter. */
  readonly first: number;
  readonly last: number;
  readonly storedPerLive: number;
} {
  const simulation = new Simulation({
    seed: 1,
    memtableEntries,
    keyCount: 2 ** 20,
    compaction: nori,
    speed: 12,
  });
  const flushes = 400;
  const costs: number[] = [];
  for (let at = 0, flushed = 0; flushed < flushes; at++) {
    simulation.put(at);
    if (at >= length) simulation.put(at - length, true);
    if (!simulation.isInMemory(at)) {
      flushed++;
      let stepped = 0;
      for (const entries of simulation.contents.values()) {
        for (const entry of entries) if (keyOf(entry) <= at - length) stepped++;
      }
      costs.push(stepped);
    }
  }
  const quarter = flushes / 4;
  return {
    first: Math.max(...costs.slice(0, quarter)),
    last: Math.max(...costs.slice(-quarter)),
    storedPerLive: simulation.storedEntries / length,
  };
}
