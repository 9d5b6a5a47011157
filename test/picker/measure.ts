/** Write amplification and space of random overwrites, in the simulation. */
import type { Prng } from '../../src/base/prng.js';
import type { CompactionOptions } from '../../src/compaction/level-targets.js';
import { Simulation } from './simulation.js';

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
  lastLevelForm: undefined,
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
  const { compaction, ratio, speed, isAligned, nextKey } = workload;
  const keyCount = ratio * memtableEntries;
  const simulation = new Simulation({
    seed: 1,
    memtableEntries,
    keyCount,
    compaction,
    speed,
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
