import { describe, expect, it } from 'vitest';
import type { Prng } from '../../src/base/prng.js';
import { pickCompaction } from '../../src/compaction/picker.js';
import { pickGarbage } from '../../src/compaction/picker-garbage.js';
import { pickForReads } from '../../src/compaction/picker-level0.js';
import {
  manualStart,
  pickManual,
  type ManualProgress,
} from '../../src/compaction/picker-manual.js';
import type { CompactionPlan } from '../../src/compaction/plan.js';
import { checkOldGarbageGone, checkReads, checkRunning, checkSnapshot } from './legality.js';
import { forSeeds, randomSimulation, seeds } from './random.js';
import type { Job, Simulation } from './simulation.js';

const everything = { lower: undefined, upper: undefined };
const mostJobs = 4;

interface ManualRun {
  /** Everything up to here is to be compacted. */
  readonly seq: number;
  progress: ManualProgress;
}

/** Begins and ends compactions of all sorts in random order, while the database is written. */
class Interleaving {
  readonly counts = { parallel: 0, waits: 0, manualRuns: 0, garbage: 0, snapshots: 0 };
  readonly #simulation: Simulation;
  readonly #prng: Prng;
  readonly #usesSnapshots: boolean;
  /** What each open snapshot sees, by its number. */
  readonly #models = new Map<number, Map<number, number>>();
  #manual: ManualRun | undefined;

  constructor(simulation: Simulation, prng: Prng) {
    this.#simulation = simulation;
    this.#prng = prng;
    this.#usesSnapshots = prng.chance(0.5);
  }

  turn(): void {
    const simulation = this.#simulation;
    const { compaction } = simulation.options;
    const { version, state, snapshots } = simulation;
    switch (this.#prng.below(9)) {
      case 0:
      case 1:
        simulation.churn(this.#prng.below(50));
        break;
      case 2:
        this.#begin(pickCompaction(version, compaction, state));
        break;
      case 3: {
        const pick = this.#prng.chance(0.2) ? pickForReads : pickCompaction;
        this.#begin(pick(version, compaction, state));
        break;
      }
      case 4: {
        const plan = pickGarbage(version, compaction, state, snapshots);
        if (this.#begin(plan) !== undefined) this.counts.garbage++;
        break;
      }
      case 5:
        this.#stepManual();
        break;
      case 6:
        if (this.#usesSnapshots && this.#prng.chance(0.1)) this.#changeSnapshots();
        break;
      default:
        this.#end();
    }
    if (simulation.running.length > 1) this.counts.parallel++;
  }

  finish(): void {
    while (this.#simulation.running.length > 0) this.#end();
    this.#simulation.flush();
    this.#check();
  }

  #begin(plan: CompactionPlan | undefined): Job | undefined {
    if (plan === undefined || this.#simulation.running.length === mostJobs) return undefined;
    const job = this.#simulation.begin(plan);
    checkRunning(this.#simulation);
    return job;
  }

  #end(): void {
    const { running } = this.#simulation;
    if (running.length === 0) return;
    const job = running[this.#prng.below(running.length)];
    this.#simulation.end(job);
    if (this.#prng.chance(0.1)) this.#check();
  }

  #stepManual(): void {
    const simulation = this.#simulation;
    const { state, options } = simulation;
    if (this.#manual === undefined) {
      if (!this.#prng.chance(0.1)) return;
      simulation.flush();
      this.#manual = { seq: simulation.putEntries, progress: manualStart };
    }
    const run = this.#manual;
    if (simulation.running.length === mostJobs) return;
    const step = pickManual(
      simulation.version,
      options.compaction,
      state,
      everything,
      run.progress,
    );
    if (step === 'wait') {
      this.counts.waits++;
    } else if (step === undefined) {
      this.#manual = undefined;
      this.counts.manualRuns++;
      if (!this.#usesSnapshots) checkOldGarbageGone(simulation, run.seq);
    } else {
      this.#begin(step.plan);
      run.progress = step.next;
    }
  }

  #changeSnapshots(): void {
    const { snapshots, model, putEntries } = this.#simulation;
    if (snapshots.length > 0 && this.#prng.chance(0.5)) {
      const [seq] = snapshots.splice(this.#prng.below(snapshots.length), 1);
      this.#models.delete(seq);
      return;
    }
    this.#simulation.takeSnapshot();
    this.#models.set(putEntries, new Map(model));
    this.counts.snapshots++;
  }

  #check(): void {
    const simulation = this.#simulation;
    simulation.flush();
    checkReads(simulation);
    for (const [seq, model] of this.#models) checkSnapshot(simulation, seq, model);
  }
}

describe('compactions that run at once', () => {
  it('are legal in any order, with each other, snapshots and compactRange', () => {
    const sum = { parallel: 0, waits: 0, manualRuns: 0, garbage: 0, snapshots: 0 };
    forSeeds((prng, seed) => {
      const simulation = randomSimulation(prng, seed, { jobs: 0 });
      const interleaving = new Interleaving(simulation, prng);
      for (let turn = 0; turn < 2500; turn++) interleaving.turn();
      interleaving.finish();
      for (const name of Object.keys(sum) as (keyof typeof sum)[]) {
        sum[name] += interleaving.counts[name];
      }
    });
    if (seeds < 12) return;
    expect(sum.parallel).toBeGreaterThan(1000);
    expect(sum.waits).toBeGreaterThan(50);
    expect(sum.manualRuns).toBeGreaterThan(30);
    expect(sum.garbage).toBeGreaterThan(50);
    expect(sum.snapshots).toBeGreaterThan(20);
  });
});
