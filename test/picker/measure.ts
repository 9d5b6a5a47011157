/** Write amplification and space of random overwrites, in the simulation. */
import type { CompactionOptions } from '../../src/compaction/level-targets.js';
import type { Prng } from '../../src/base/prng.js';
import { Simulation } from './simulation.js';

export interface Configuration {
  readonly compaction: (memtableEntries: number) => CompactionOptions;
}

/** The defaults, with a table of half a memtable. */
export const nori: Configuration = {
  compaction: (memtableEntries) => ({
    l0CompactionTrigger: 8,
    levelSizeMultiplier: 8,
    levelSizing: 'dynamic',
    baseLevelBytes: 16 * memtableEntries,
    tableTargetBytes: memtableEntries / 2,
    maxLevels: 7,
    levelForms: [0],
    lastLevelForm: undefined,
  }),
};

/** The recipe page: L1 is as large as four flushed tables, levels are fixed. */
export const recipe: Configuration = {
  compaction: (memtableEntries) => ({
    l0CompactionTrigger: 4,
    levelSizeMultiplier: 10,
    levelSizing: 'static',
    baseLevelBytes: 4 * memtableEntries,
    tableTargetBytes: memtableEntries,
    maxLevels: 5,
    levelForms: [0],
    lastLevelForm: undefined,
  }),
};

export interface Workload extends Configuration {
  /** Keys in the database for one entry in the memtable. */
  readonly ratio: number;
  readonly memtableEntries?: number;
  readonly speed?: number;
  readonly alignFrom?: number;
  readonly nextKey?: (prng: Prng, keyCount: number) => number;
  /** Overwrites before and during the measurement, as multiples of the database. */
  readonly warmUp?: number;
  readonly rounds?: number;
}

export interface Measured {
  readonly writeAmplification: number;
  /** Entries stored per key, the median of all moments after a flush. */
  readonly spaceAmplification: number;
  readonly largestL0: number;
}

/** Loads every key in scattered order, overwrites for a while, then measures. */
export function measureOverwrite(workload: Workload): Measured {
  const { ratio, memtableEntries = 256, warmUp = 2, rounds = 4, nextKey } = workload;
  const keyCount = ratio * memtableEntries;
  const simulation = new Simulation({
    seed: 1,
    memtableEntries,
    keyCount,
    compaction: workload.compaction(memtableEntries),
    speed: workload.speed,
    alignFrom: workload.alignFrom,
    nextKey: nextKey && ((prng) => nextKey(prng, keyCount)),
  });
  for (let i = 0; i < keyCount; i++) simulation.put((i * 7919) % keyCount);
  simulation.churn(warmUp * keyCount);
  const begin = simulation.flushedEntries + simulation.compactedEntries;
  const putBefore = simulation.putEntries;
  simulation.largestL0 = 0;
  const space: number[] = [];
  simulation.churn(rounds * keyCount, () => space.push(simulation.storedEntries / keyCount));
  const end = simulation.flushedEntries + simulation.compactedEntries;
  space.sort((a, b) => a - b);
  return {
    writeAmplification: (end - begin) / (simulation.putEntries - putBefore),
    spaceAmplification: space[space.length >> 1],
    largestL0: simulation.largestL0,
  };
}
