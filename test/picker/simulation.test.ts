import { describe, expect, it } from 'vitest';
import { maxSeq } from '../../src/base/internal-key.js';
import { Prng } from '../../src/base/prng.js';
import type { CompactionOptions } from '../../src/compaction/level-targets.js';
import { pickCompaction } from '../../src/compaction/picker.js';
import { pickGarbage } from '../../src/compaction/picker-garbage.js';
import { manualStart, pickManual } from '../../src/compaction/picker-manual.js';
import { garbageOf } from '../../src/compaction/picker-plan.js';
import { pendingCompactionBytes } from '../../src/compaction/picker-score.js';
import { checkCompacted, checkOldGarbageGone, checkPlan, checkReads } from './legality.js';
import { encodeKey, Simulation } from './simulation.js';

const baseSeed = Number(process.env.NORI_SEED ?? 1);
const seeds = Number(process.env.NORI_SEEDS ?? (process.env.NORI_SEED === undefined ? 12 : 1));

/** Runs `body` with one seed after the other; a failure names its seed. */
function forSeeds(body: (prng: Prng, seed: number) => void): void {
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
    lastLevelForm: prng.chance(0.5) ? 3 : undefined,
  };
}

function randomSimulation(prng: Prng, seed: number): Simulation {
  const memtableEntries = 20 + prng.below(40);
  const keyCount = 200 + prng.below(2000);
  const window = 1 + prng.below(keyCount);
  let at = 0;
  const walks = prng.chance(0.4);
  return new Simulation({
    seed,
    memtableEntries,
    keyCount,
    compaction: randomOptions(prng, memtableEntries),
    deleteShare: prng.below(5) / 8,
    speed: prng.chance(0.3) ? Infinity : 1 + prng.below(12),
    jobs: 1 + prng.below(4),
    // Some workloads walk through the keys, so that L0 tables do not all overlap.
    nextKey: (random) =>
      walks ? (at++ + random.below(window) * random.below(2)) % keyCount : random.below(keyCount),
    onPlan: checkPlan,
  });
}

describe('random workloads and options', () => {
  it('never make a plan that loses or revives an entry', () => {
    let parallel = 0;
    let moves = 0;
    forSeeds((prng, seed) => {
      const simulation = randomSimulation(prng, seed);
      simulation.churn(4000, () => {
        parallel += simulation.state.running.length > 1 ? 1 : 0;
      });
      simulation.flush();
      checkReads(simulation);
      moves += simulation.moves;
    });
    if (seeds >= 12) {
      expect(parallel).toBeGreaterThan(30);
      expect(moves).toBeGreaterThan(50);
    }
  });

  it('come to rest with every level within its target', () => {
    forSeeds((prng, seed) => {
      const simulation = new Simulation({
        ...randomSimulation(prng, seed).options,
        speed: Infinity,
        jobs: 1,
      });
      const { compaction } = simulation.options;
      simulation.churn(4000, () => {
        expect(simulation.version.tablesAt(0).length).toBeLessThanOrEqual(
          compaction.l0CompactionTrigger,
        );
        expect(pickCompaction(simulation.version, compaction, simulation.state)).toBeUndefined();
        expect(pendingCompactionBytes(simulation.version, compaction)).toBe(0);
      });
    });
  });

  it('are brought to one live entry per key by a manual run', () => {
    forSeeds((prng, seed) => {
      const simulation = randomSimulation(prng, seed);
      simulation.churn(3000);
      simulation.flush();
      simulation.finishRunning();
      const { compaction, keyCount } = simulation.options;
      const bounds = [prng.below(keyCount), prng.below(keyCount)].sort((a, b) => a - b);
      const [lower, upper] = [encodeKey(bounds[0]), encodeKey(bounds[1] + 1)];
      let progress = manualStart;
      for (;;) {
        const step = pickManual(
          simulation.version,
          compaction,
          simulation.state,
          { lower, upper },
          progress,
        );
        if (step === undefined) break;
        if (step === 'wait') throw new Error('nothing is running');
        simulation.perform(step.plan);
        progress = step.next;
      }
      checkReads(simulation);
      checkCompacted(simulation, lower, upper);
    });
  });

  it('do not keep a manual run from ending, nor it them from being right', () => {
    forSeeds((prng, seed) => {
      const simulation = randomSimulation(prng, seed);
      simulation.churn(2000);
      simulation.flush();
      const { compaction } = simulation.options;
      const writtenBefore = simulation.putEntries;
      let progress = manualStart;
      for (let turn = 0; ; turn++) {
        if (turn > 5000) throw new Error('does not end');
        const range = { lower: undefined, upper: undefined };
        const step = pickManual(simulation.version, compaction, simulation.state, range, progress);
        if (step === undefined) break;
        if (step === 'wait') {
          simulation.finishRunning();
        } else {
          simulation.perform(step.plan);
          progress = step.next;
          simulation.churn(prng.below(60));
        }
      }
      simulation.flush();
      checkReads(simulation);
      checkOldGarbageGone(simulation, writtenBefore);
    });
  });

  it('leave no table that is mostly garbage when pickGarbage has been followed', () => {
    let plans = 0;
    forSeeds((prng, seed) => {
      const simulation = randomSimulation(prng, seed);
      simulation.churn(3000);
      simulation.finishRunning();
      const { compaction } = simulation.options;
      for (let turn = 0; ; turn++) {
        if (turn > 1000) throw new Error('does not end');
        const plan = pickGarbage(simulation.version, compaction, simulation.state, maxSeq);
        if (plan === undefined) break;
        simulation.perform(plan);
        plans++;
      }
      simulation.flush();
      checkReads(simulation);
      for (const table of simulation.version.tables()) {
        if (table.level > 0) expect(garbageOf(table) * 2).toBeLessThanOrEqual(table.entries);
      }
    });
    if (seeds >= 12) expect(plans).toBeGreaterThan(8);
  });
});
