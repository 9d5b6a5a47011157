/** Random options and workloads for the simulation, one seed after the other. */
import { Prng } from '../../src/base/prng.js';
import type { CompactionOptions } from '../../src/compaction/level-targets.js';
import { checkPlan } from './legality.js';
import { Simulation, type SimulationOptions } from './simulation.js';

const baseSeed = Number(process.env.NORI_SEED ?? 1);
export const seeds = Number(
  process.env.NORI_SEEDS ?? (process.env.NORI_SEED === undefined ? 12 : 1),
);

/** Runs `body` with one seed after the other; a failure names its seed. */
export function forSeeds(body: (prng: Prng, seed: number) => void): void {
  for (let seed = baseSeed; seed < baseSeed + seeds; seed++) {
    try {
      body(new Prng(seed), seed);
    } catch (error) {
      throw new Error(`with NORI_SEED=${seed}`, { cause: error });
    }
  }
}

function randomOptions(prng: Prng, memtableEntries: number): CompactionOptions {
  return {
    l0CompactionTrigger: 1 + prng.below(8),
    levelSizeMultiplier: 2 + prng.below(9),
    levelSizing: prng.chance(0.5) ? 'dynamic' : 'static',
    baseLevelBytes: memtableEntries * (1 + prng.below(8)),
    tableTargetBytes: Math.ceil(memtableEntries * (0.2 + prng.below(10) / 8)),
    maxLevels: 2 + prng.below(5),
    levelForms: prng.chance(0.5) ? [0] : [0, 1, 1, 2],
    lastLevelForm: prng.chance(0.5) ? [3] : [0, 1, 1, 2],
  };
}

export function randomSimulation(
  prng: Prng,
  seed: number,
  change: Partial<SimulationOptions> = {},
): Simulation {
  const memtableEntries = 20 + prng.below(40);
  const keyCount = 200 + prng.below(2000);
  return new Simulation({
    seed,
    memtableEntries,
    keyCount,
    compaction: randomOptions(prng, memtableEntries),
    deleteShare: prng.below(5) / 8,
    speed: prng.chance(0.3) ? Infinity : 1 + prng.below(12),
    jobs: 1 + prng.below(4),
    nextKey: randomWorkload(prng, keyCount, memtableEntries),
    onPlan: checkPlan,
    ...change,
  });
}

/** In the last two L0 tables do not all overlap, and tables have gaps between them. */
function randomWorkload(
  prng: Prng,
  keyCount: number,
  memtableEntries: number,
): (random: Prng) => number {
  const window = 1 + prng.below(keyCount);
  const kind = prng.below(3);
  if (kind === 0) return (random) => random.below(keyCount);
  let at = 0;
  if (kind === 1) {
    return (random) => (at++ + random.below(window) * random.below(2)) % keyCount;
  }
  let start = 0;
  return (random) => {
    if (at++ % memtableEntries === 0) start = random.below(keyCount);
    return (start + random.below(1 + (window >> 4))) % keyCount;
  };
}
