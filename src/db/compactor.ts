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
import { pickForReads } from '../compaction/picker-level0.js';
import { pickCompaction } from '../compaction/picker.js';
import type { CompactionPlan } from '../compaction/plan.js';
import { BackOff } from './back-off.js';
import { CompactionRunner } from './compaction-runner.js';
import { closedError, type Core } from './core.js';
import type { Jobs } from './jobs.js';
import type { KeyspaceCore } from './keyspace-core.js';
import { Lane, type LaneEvents } from './lane.js';
import type { Pacing } from './pacing.js';
import { ReadWatch } from './read-watch.js';

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
  /** The `compactRange` that it is a step of. */
  readonly run?: ManualRun;
}

/** A keyspace whose last compaction failed. */
interface Failing {
  readonly backOff: BackOff;
  error: LsmError;
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
 * then the level that is fullest, of whatever keyspace, then an L0 that reads
 * have looked into too often, then garbage.
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
  /** Until a compaction of it succeeds; the latest failure comes last. */
  readonly #failing = new Map<KeyspaceCore, Failing>();
  readonly #readWatch = new ReadWatch();

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
    return this.#damage.get(keyspace) ?? this.#failing.get(keyspace)?.error;
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

  /**
   * Reads have wasted what they may. Nothing begins before the next turn: the read
   * that tells has not used its entry yet. With `isFlushing`, L0 is about to get what
   * is still in the memtable, and is brought down with that.
   */
  readsWasted(keyspace: KeyspaceCore, isFlushing: boolean): void {
    if (!this.#readWatch.spent(keyspace, isFlushing)) return;
    this.#core.components.clock.nextTurn(() => this.#events.onDue());
  }

  /** Settles when the range is in the deepest level, without garbage. `start` has to be called. */
  addRun(keyspace: KeyspaceCore, range: ManualRange): Promise<void> {
    const damage = this.#damage.get(keyspace);
    if (damage !== undefined) return Promise.reject(damage);
    return new Promise((resolve, reject) => {
      this.#manualRuns.push({ keyspace, range, progress: manualStart, resolve, reject });
    });
  }

  rejectRuns(error: LsmError, isMeant: (run: ManualRun) => boolean = () => true): void {
    for (const run of this.#manualRuns.splice(0)) {
      if (isMeant(run)) run.reject(error);
      else this.#manualRuns.push(run);
    }
  }

  /** Somebody waits for a keyspace's compaction: if one failed, there is no pause before the next. */
  tryNow(keyspace: KeyspaceCore): void {
    this.#failing.get(keyspace)?.backOff.skip();
  }

  /** Why the last compaction of some keyspace failed, until one of it succeeds. */
  get error(): LsmError | undefined {
    for (const error of this.#damage.values()) return error;
    for (const { error } of this.#failing.values()) return error;
    return undefined;
  }

  /** The keyspace is gone: whoever waits for it hears `error`. */
  forget(keyspace: KeyspaceCore, error: LsmError): void {
    this.#damage.delete(keyspace);
    this.#readWatch.forget(keyspace);
    this.#recovered(keyspace);
    this.rejectRuns(error, (run) => run.keyspace === keyspace);
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
    const end = (): Chosen => {
      const chosen = slot.chosen!;
      slot.chosen = undefined;
      return chosen;
    };
    const lane = new Lane(
      this.#core,
      () => {
        this.#recovered(end().keyspace);
        this.#events.onEnded();
      },
      (error) => this.#failed(end(), error),
    );
    const slot: Slot = { lane, chosen: undefined };
    return slot;
  }

  #failed({ keyspace, run }: Chosen, error: unknown): void {
    const core = this.#core;
    // A closing database gives its jobs up.
    if (core.state !== 'open') return;
    // What it was about is gone, and its files perhaps with it: the next one, please.
    if (keyspace.isDropped && core.failure === undefined) {
      this.#events.onEnded();
      return;
    }
    const known = this.#jobs.classify(error, 'a compaction failed');
    if (core.failure !== undefined) {
      this.rejectRuns(known);
      return;
    }
    const failures = this.#noteFailure(keyspace, known);
    // Who awaits another compaction of the keyspace hears of it when it fails again.
    const isOften = failures > 1 || this.#damage.has(keyspace);
    this.rejectRuns(known, (other) => other === run || (isOften && other.keyspace === keyspace));
    core.report({ during: 'compaction', keyspace: keyspace.name, error: known, fatal: false });
    this.#events.onFailed(known);
  }

  /** How often in a row its compactions have failed. */
  #noteFailure(keyspace: KeyspaceCore, error: LsmError): number {
    const failing = this.#failing.get(keyspace) ?? {
      backOff: new BackOff(this.#core.components.clock, this.#events.onDue),
      error,
    };
    failing.error = error;
    this.#failing.delete(keyspace);
    this.#failing.set(keyspace, failing);
    if (isForGood(error)) this.#damage.set(keyspace, error);
    else failing.backOff.failed();
    return failing.backOff.failures;
  }

  #recovered(keyspace: KeyspaceCore): void {
    this.#failing.get(keyspace)?.backOff.succeeded();
    this.#failing.delete(keyspace);
  }

  /** Keyspaces whose last compaction failed come last, in turns: none keeps the others from theirs. */
  #choose(): Chosen | undefined {
    const healthy = [...this.#core.keyspaces()].filter(
      (keyspace) => !keyspace.isDropped && !this.#damage.has(keyspace),
    );
    let chosen = this.#chooseAmong(healthy.filter((keyspace) => !this.#failing.has(keyspace)));
    for (const [keyspace, { backOff }] of this.#failing) {
      if (!backOff.isWaiting && healthy.includes(keyspace)) {
        chosen ??= this.#chooseAmong([keyspace]);
      }
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
      this.#chooseFullest(others) ??
      firstOf(others, (keyspace) => this.#pickForReads(keyspace)) ??
      firstOf(others, (keyspace) => this.#pickGarbage(keyspace))
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
        return { keyspace, plan: step.plan, run };
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

  #pickForReads(keyspace: KeyspaceCore): CompactionPlan | undefined {
    if (!this.#readWatch.isDue(keyspace)) return undefined;
    return pickForReads(keyspace.version, keyspace.compaction, this.#pickerState(keyspace));
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
