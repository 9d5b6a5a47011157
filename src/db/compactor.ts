import { assert } from '../base/assert.js';
import type { LsmError } from '../base/errors.js';
import { pickGarbage } from '../compaction/picker-garbage.js';
import {
  manualStart,
  pickManual,
  type ManualProgress,
  type ManualRange,
} from '../compaction/picker-manual.js';
import type { PickerState } from '../compaction/picker-plan.js';
import { compareUrgency, urgencyOf, type Urgency } from '../compaction/picker-score.js';
import { pickCompaction } from '../compaction/picker.js';
import type { CompactionPlan } from '../compaction/plan.js';
import { CompactionRunner } from './compaction-runner.js';
import { closedError, type Core } from './core.js';
import type { Jobs } from './jobs.js';
import type { KeyspaceCore } from './keyspace-core.js';
import { Lane, type LaneEvents } from './lane.js';
import type { Pacing } from './pacing.js';

/** A `compactRange` that is under way. */
interface ManualRun {
  readonly keyspace: KeyspaceCore;
  readonly range: ManualRange;
  progress: ManualProgress;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

interface Chosen {
  readonly keyspace: KeyspaceCore;
  readonly plan: CompactionPlan;
}

/** A place where one compaction runs at a time. */
interface Slot {
  readonly lane: Lane;
  chosen: Chosen | undefined;
}

/**
 * Keeps the levels of all keyspaces in shape, several compactions at once where
 * they do not touch each other, and carries out what `compactRange` asks for.
 *
 * What goes first: an L0 that slows writers down, then what somebody awaits,
 * then the level that is fullest, of whatever keyspace, then garbage.
 */
export class Compactor {
  readonly runner: CompactionRunner;
  readonly #core: Core;
  readonly #jobs: Jobs;
  readonly #events: LaneEvents;
  readonly #slots: readonly Slot[];
  readonly #manualRuns: ManualRun[] = [];
  /** A table that a compaction cannot read, damaged or of a newer version: none is begun in its keyspace any more. */
  readonly #damage = new Map<KeyspaceCore, LsmError>();
  /** Why the last compaction of a keyspace failed, until one succeeds; the latest failure comes last. */
  readonly #errors = new Map<KeyspaceCore, LsmError>();

  constructor(core: Core, jobs: Jobs, pacing: Pacing, events: LaneEvents) {
    this.#core = core;
    this.#jobs = jobs;
    this.#events = events;
    this.runner = new CompactionRunner(core, jobs, pacing);
    this.#slots = Array.from({ length: jobs.compactionSlots }, () => this.#makeSlot());
  }

  /** What is being carried out. */
  get running(): readonly Chosen[] {
    return this.#slots.flatMap(({ chosen }) => (chosen === undefined ? [] : [chosen]));
  }

  /** Why none is begun in a keyspace any more. */
  damageOf(keyspace: KeyspaceCore): LsmError | undefined {
    return this.#damage.get(keyspace);
  }

  errorOf(keyspace: KeyspaceCore): LsmError | undefined {
    return this.#damage.get(keyspace) ?? this.#errors.get(keyspace);
  }

  /** Begins what is most urgent, as long as anything is due and a slot is free. */
  start(): void {
    for (const slot of this.#slots) {
      if (slot.lane.isBusy) continue;
      const chosen = this.#choose();
      if (chosen === undefined) return;
      slot.chosen = chosen;
      slot.lane.start(this.runner.run(chosen.keyspace, chosen.plan));
    }
  }

  /** Settles when the range is in the deepest level, without garbage. `start` has to be called. */
  addRun(keyspace: KeyspaceCore, range: ManualRange): Promise<void> {
    const damage = this.#damage.get(keyspace);
    if (damage !== undefined) return Promise.reject(damage);
    return new Promise((resolve, reject) => {
      this.#manualRuns.push({ keyspace, range, progress: manualStart, resolve, reject });
    });
  }

  rejectRuns(error: LsmError, keyspace?: KeyspaceCore): void {
    for (const run of this.#manualRuns.splice(0)) {
      if (keyspace === undefined || run.keyspace === keyspace) run.reject(error);
      else this.#manualRuns.push(run);
    }
  }

  /** The keyspace is gone: whoever waits for it hears `error`. */
  forget(keyspace: KeyspaceCore, error: LsmError): void {
    this.#damage.delete(keyspace);
    this.#errors.delete(keyspace);
    this.rejectRuns(error, keyspace);
  }

  /** Ends, before it returns, a compaction that stands between a keyspace and room in its L0. @throws LsmError when it cannot be done */
  makeRoomSync(keyspace: KeyspaceCore): void {
    const damage = this.#damage.get(keyspace);
    if (damage !== undefined) throw damage;
    const busy = this.#slots.filter(({ lane }) => lane.isBusy);
    const own = busy.filter(({ chosen }) => chosen?.keyspace === keyspace);
    const slot = own.find(({ chosen }) => chosen?.plan.level === 0) ?? own.at(0) ?? busy.at(0);
    assert(slot !== undefined, 'a full L0 is being compacted');
    slot.lane.finishSync();
  }

  /** As `Flusher.waitSync`, for a compaction out of an L0. */
  waitSync(timeoutMs: number): boolean {
    const slot = this.#slots.find(({ lane, chosen }) => lane.isBusy && chosen?.plan.level === 0);
    if (slot?.chosen === undefined) return false;
    if (this.#jobs.waitSync(slot.chosen.plan, timeoutMs)) slot.lane.finishSyncQuietly();
    return true;
  }

  /** Compactions under way are given up. */
  async stop(): Promise<void> {
    const lanes = this.#slots.map(({ lane }) => lane.settle());
    await Promise.all([this.#jobs.closeCompactions(), ...lanes]);
    this.rejectRuns(closedError(this.#core.path));
  }

  #makeSlot(): Slot {
    const end = (): KeyspaceCore => {
      const { keyspace } = slot.chosen!;
      slot.chosen = undefined;
      return keyspace;
    };
    const lane = new Lane(
      this.#core,
      () => {
        this.#errors.delete(end());
        this.#events.onEnded();
      },
      (error) => this.#failed(end(), error),
    );
    const slot: Slot = { lane, chosen: undefined };
    return slot;
  }

  #failed(keyspace: KeyspaceCore, error: unknown): void {
    const core = this.#core;
    // A closing database gives its jobs up.
    if (core.state !== 'open') return;
    // What it was about is gone, and its files perhaps with it: the next one, please.
    if (keyspace.isDropped && core.failure === undefined) {
      this.#events.onEnded();
      return;
    }
    const known = this.#jobs.classify(error, 'a compaction failed');
    this.rejectRuns(known, keyspace);
    if (core.failure !== undefined) return;
    this.#errors.delete(keyspace);
    this.#errors.set(keyspace, known);
    if (isForGood(known)) this.#damage.set(keyspace, known);
    core.report({ during: 'compaction', keyspace: keyspace.name, error: known, fatal: false });
    this.#events.onFailed(known);
  }

  /** Keyspaces whose last compaction failed come last, in turns: none keeps the others from theirs. */
  #choose(): Chosen | undefined {
    const healthy = [...this.#core.keyspaces()].filter(
      (keyspace) => !keyspace.isDropped && !this.#damage.has(keyspace),
    );
    let chosen = this.#chooseAmong(healthy.filter((keyspace) => !this.#errors.has(keyspace)));
    for (const keyspace of this.#errors.keys()) {
      if (healthy.includes(keyspace)) chosen ??= this.#chooseAmong([keyspace]);
    }
    return chosen;
  }

  #chooseAmong(keyspaces: readonly KeyspaceCore[]): Chosen | undefined {
    const first = this.#chooseOverdue(keyspaces) ?? this.#chooseManual(keyspaces);
    if (first !== undefined) return first;
    // Where a compactRange waits for what runs, nothing new gets in its way.
    const others = keyspaces.filter(
      (keyspace) => !this.#manualRuns.some((run) => run.keyspace === keyspace),
    );
    return (
      this.#chooseFullest(others) ?? firstOf(others, (keyspace) => this.#pickGarbage(keyspace))
    );
  }

  /** A long compactRange, or a large keyspace, must not stall the writers of another one. */
  #chooseOverdue(keyspaces: readonly KeyspaceCore[]): Chosen | undefined {
    const fill = ({ level0Tables, settings }: KeyspaceCore): number =>
      level0Tables / settings.l0StopTables;
    const overdue = keyspaces
      .filter(({ level0Tables, settings }) => level0Tables >= settings.l0SlowdownTables)
      .sort((a, b) => fill(b) - fill(a));
    return firstOf(overdue, (keyspace) => this.#pick(keyspace));
  }

  /** The next step of the oldest manual run that has one now; runs that are done are settled. */
  #chooseManual(keyspaces: readonly KeyspaceCore[]): Chosen | undefined {
    for (const run of [...this.#manualRuns]) {
      const { keyspace, range, progress } = run;
      if (!keyspaces.includes(keyspace)) continue;
      const state = this.#pickerState(keyspace);
      const step = pickManual(keyspace.version, keyspace.compaction, state, range, progress);
      if (step === 'wait') continue;
      if (step !== undefined) {
        run.progress = step.next;
        return { keyspace, plan: step.plan };
      }
      this.#manualRuns.splice(this.#manualRuns.indexOf(run), 1);
      run.resolve();
    }
    return undefined;
  }

  #chooseFullest(keyspaces: readonly KeyspaceCore[]): Chosen | undefined {
    if (keyspaces.length === 1) return firstOf(keyspaces, (keyspace) => this.#pick(keyspace));
    const byUrgency = keyspaces
      .map((keyspace) => ({ keyspace, urgency: this.#urgencyOf(keyspace) }))
      .filter(({ urgency }) => urgency.score > 1)
      .sort((a, b) => compareUrgency(a.urgency, b.urgency))
      .map(({ keyspace }) => keyspace);
    return firstOf(byUrgency, (keyspace) => this.#pick(keyspace));
  }

  #urgencyOf(keyspace: KeyspaceCore): Urgency {
    return urgencyOf(keyspace.version, keyspace.compaction, this.#pickerState(keyspace));
  }

  #pick(keyspace: KeyspaceCore): CompactionPlan | undefined {
    return pickCompaction(keyspace.version, keyspace.compaction, this.#pickerState(keyspace));
  }

  #pickGarbage(keyspace: KeyspaceCore): CompactionPlan | undefined {
    const state = this.#pickerState(keyspace);
    const snapshotSeqs = this.#core.snapshots.seqs();
    return pickGarbage(keyspace.version, keyspace.compaction, state, snapshotSeqs);
  }

  #pickerState(keyspace: KeyspaceCore): PickerState {
    const { cursors } = this.#core.versions.keyspaces.get(keyspace.id)!;
    const running = this.running.filter((chosen) => chosen.keyspace === keyspace);
    return { cursors, running: running.map(({ plan }) => plan) };
  }
}

function firstOf(
  keyspaces: readonly KeyspaceCore[],
  pick: (keyspace: KeyspaceCore) => CompactionPlan | undefined,
): Chosen | undefined {
  for (const keyspace of keyspaces) {
    const plan = pick(keyspace);
    if (plan !== undefined) return { keyspace, plan };
  }
  return undefined;
}

/** A failed compaction is tried again later, but for what no waiting mends. */
function isForGood({ code }: LsmError): boolean {
  return code === 'LSM_CORRUPTION' || code === 'LSM_UNSUPPORTED_FORMAT';
}
