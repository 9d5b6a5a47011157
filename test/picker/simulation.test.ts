import { describe, expect, it } from 'vitest';
import type { TableMeta } from '../../src/base/table-meta.js';
import { pickCompaction } from '../../src/compaction/picker.js';
import { pickGarbage } from '../../src/compaction/picker-garbage.js';
import { manualStart, pickManual } from '../../src/compaction/picker-manual.js';
import { pendingCompactionBytes } from '../../src/compaction/picker-score.js';
import { checkCompacted, checkOldGarbageGone, checkReads } from './legality.js';
import { forSeeds, randomSimulation, seeds } from './random.js';
import { encodeKey, Simulation } from './simulation.js';

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

  it('leave no place where most is tombstones when pickGarbage has been followed', () => {
    let plans = 0;
    forSeeds((prng, seed) => {
      const deleteShare = prng.below(16) / 16;
      const simulation = randomSimulation(prng, seed, { jobs: 0, deleteShare });
      const { compaction } = simulation.options;
      for (let part = 0; part < 10; part++) {
        simulation.churn(300);
        for (;;) {
          const plan = pickCompaction(simulation.version, compaction, simulation.state);
          if (plan === undefined) break;
          simulation.perform(plan);
        }
      }
      // The price: four entries for each that goes down one level, two for each that is dropped.
      const { version } = simulation;
      let price = 2 * simulation.storedEntries;
      for (const table of version.tables()) {
        price += 4 * table.entries * (version.deepestLevel - table.level);
      }
      const readBefore = simulation.garbageRead;
      for (;;) {
        const plan = pickGarbage(simulation.version, compaction, simulation.state, []);
        if (plan === undefined) break;
        simulation.perform(plan);
        expect(simulation.garbageRead - readBefore).toBeLessThanOrEqual(price);
        plans++;
      }
      simulation.flush();
      checkReads(simulation);
      for (const table of simulation.version.tables()) {
        if (table.level > 0) checkFewTombstones(simulation, table);
      }
    });
    if (seeds >= 12) expect(plans).toBeGreaterThan(8);
  });
});

/** At most half of what is in the table and below it are its tombstones. */
function checkFewTombstones({ version }: Simulation, table: TableMeta): void {
  let entries = table.entries;
  for (let level = table.level + 1; level <= version.deepestLevel; level++) {
    for (const below of version.overlapping(level, table.smallest, table.largest)) {
      entries += below.entries;
    }
  }
  expect(table.tombstones * 2).toBeLessThanOrEqual(entries);
}
