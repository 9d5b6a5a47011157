import { assert } from '../base/assert.js';
import type { LsmError } from '../base/errors.js';
import { maxSeq } from '../base/internal-key.js';
import type { Steps } from '../base/task.js';
import { compactionSettings, countOutputs, type JobResult } from '../compaction/job-settings.js';
import type { CompactionOptions } from '../compaction/level-targets.js';
import { pickGarbage } from '../compaction/picker-garbage.js';
import {
  manualStart,
  pickManual,
  type ManualProgress,
  type ManualRange,
} from '../compaction/picker-manual.js';
import type { PickerState } from '../compaction/picker-plan.js';
import { pickCompaction } from '../compaction/picker.js';
import type { CompactionPlan } from '../compaction/plan.js';
import { compactionOptionsOf, tableSettingsAt } from './compaction-options.js';
import { closedError, defaultKeyspaceId, type Core } from './core.js';
import type { Jobs } from './jobs.js';
import { Lane, type LaneEvents } from './lane.js';

/** A `compactRange` that is under way. */
interface ManualRun {
  readonly range: ManualRange;
  progress: ManualProgress;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** Keeps the levels in shape, and carries out what `compactRange` asks for. */
export class Compactor {
  readonly lane: Lane;
  readonly #core: Core;
  readonly #jobs: Jobs;
  readonly #options: CompactionOptions;
  readonly #manualRuns: ManualRun[] = [];
  #plan: CompactionPlan | undefined;
  #damage: LsmError | undefined;
  #error: LsmError | undefined;
  compactions = 0;
  trivialMoves = 0;

  constructor(core: Core, jobs: Jobs, events: LaneEvents) {
    this.#core = core;
    this.#jobs = jobs;
    this.#options = compactionOptionsOf(core.settings);
    this.lane = new Lane(
      core,
      () => {
        this.#plan = undefined;
        this.#error = undefined;
        events.onEnded();
      },
      (error) => {
        this.#plan = undefined;
        // A closing database gives its jobs up.
        if (core.state !== 'open') return;
        const known = jobs.classify(error, 'a compaction failed');
        this.rejectRuns(known);
        if (core.failure !== undefined) return;
        this.#error = known;
        if (isForGood(known)) this.#damage = known;
        core.report({ during: 'compaction', error: known, fatal: false });
        events.onFailed(known);
      },
    );
  }

  /** Why the last compaction failed, until one succeeds. */
  get error(): LsmError | undefined {
    return this.#error;
  }

  /** A table that a compaction cannot read, damaged or of a newer version: none is begun any more. */
  get damage(): LsmError | undefined {
    return this.#damage;
  }

  /** Begins what is most urgent, if anything is due. */
  start(): void {
    if (this.lane.isBusy || this.#damage !== undefined) return;
    // A long compactRange must not stall writers: an overdue L0 goes first.
    const { version, settings } = this.#core;
    const isOverdue = version.tablesAt(0).length >= settings.l0SlowdownTables;
    const plan = (isOverdue ? this.#pick() : undefined) ?? this.#pickManual() ?? this.#pick();
    if (plan === undefined) return;
    this.#plan = plan;
    this.lane.start(plan.isTrivialMove ? this.#move(plan) : this.#rewrite(plan));
  }

  /** Settles when the range is in the deepest level, without garbage. `start` has to be called. */
  addRun(range: ManualRange): Promise<void> {
    if (this.#damage !== undefined) return Promise.reject(this.#damage);
    return new Promise((resolve, reject) => {
      this.#manualRuns.push({ range, progress: manualStart, resolve, reject });
    });
  }

  rejectRuns(error: LsmError): void {
    for (const run of this.#manualRuns.splice(0)) run.reject(error);
  }

  /** A compaction under way is given up. */
  async stop(): Promise<void> {
    await Promise.all([this.#jobs.closeCompactions(), this.lane.settle()]);
    this.rejectRuns(closedError(this.#core.path));
  }

  #pick(): CompactionPlan | undefined {
    const { version, snapshots } = this.#core;
    const state = this.#pickerState();
    return (
      pickCompaction(version, this.#options, state) ??
      pickGarbage(version, this.#options, state, snapshots.seqs().at(0) ?? maxSeq)
    );
  }

  /** The next step of the oldest manual run; runs that are done are settled. */
  #pickManual(): CompactionPlan | undefined {
    for (;;) {
      const run = this.#manualRuns.at(0);
      if (run === undefined) return undefined;
      const { version } = this.#core;
      const step = pickManual(version, this.#options, this.#pickerState(), run.range, run.progress);
      assert(step !== 'wait', 'one compaction runs at a time');
      if (step !== undefined) {
        run.progress = step.next;
        return step.plan;
      }
      this.#manualRuns.shift();
      run.resolve();
    }
  }

  #pickerState(): PickerState {
    const { cursors } = this.#core.versions.keyspaces.get(defaultKeyspaceId)!;
    return { cursors, running: this.#plan === undefined ? [] : [this.#plan] };
  }

  /** The table changes its level without being read. */
  *#move(plan: CompactionPlan): Steps<void> {
    const { clock } = this.#core.components;
    const startMs = clock.monotonicMs();
    const [table] = plan.inputs;
    yield* this.#core.applyEdit(() => ({
      removedTables: [{ keyspaceId: defaultKeyspaceId, fileNumber: table.fileNumber }],
      addedTables: [{ ...table, level: plan.outputLevel }],
      cursors: cursorsOf(plan),
    }));
    this.trivialMoves++;
    this.#emit(plan, undefined, clock.monotonicMs() - startMs);
  }

  *#rewrite(plan: CompactionPlan): Steps<void> {
    const core = this.#core;
    const { settings, counters, versions, version } = core;
    const outputCount = countOutputs(plan, settings.tableBytes);
    yield* core.ensureFileNumbers(outputCount);
    const base = {
      ...this.#jobs.base(outputCount),
      table: tableSettingsAt(settings, version, plan.outputLevel),
      flushedSeq: versions.keyspaces.get(defaultKeyspaceId)!.flushedSeq,
    };
    const result = yield* this.#jobs.run(compactionSettings(base, plan, settings.tableBytes));
    addAt(counters.read, plan.outputLevel, result.counters.rawBytesRead);
    addAt(counters.written, plan.outputLevel, result.counters.rawBytesWritten);
    const removedTables = [...plan.inputs, ...plan.overlapping].map(({ fileNumber }) => ({
      keyspaceId: defaultKeyspaceId,
      fileNumber,
    }));
    yield* core.applyEdit(() => ({
      removedTables,
      addedTables: result.tables,
      cursors: cursorsOf(plan),
      counters: core.editCounters,
    }));
    this.compactions++;
    this.#emit(plan, result, result.counters.elapsedMs);
  }

  #emit(plan: CompactionPlan, result: JobResult | undefined, durationMs: number): void {
    this.#core.events.emit('compaction', () => ({
      level: plan.level,
      outputLevel: plan.outputLevel,
      reason: plan.reason,
      trivialMove: result === undefined,
      inputTables: plan.inputs.length + plan.overlapping.length,
      outputTables: result === undefined ? 1 : result.tables.length,
      readBytes: result?.counters.rawBytesRead ?? 0,
      writtenBytes: result?.counters.rawBytesWritten ?? 0,
      droppedTombstones: result?.counters.droppedTombstones ?? 0,
      droppedEntries: result?.counters.droppedSuperseded ?? 0,
      durationMs,
    }));
  }
}

function cursorsOf(plan: CompactionPlan): { keyspaceId: number; level: number; key: Uint8Array }[] {
  if (plan.nextCursor === undefined) return [];
  return [{ keyspaceId: defaultKeyspaceId, level: plan.level, key: plan.nextCursor }];
}

function addAt(sums: number[], index: number, amount: number): void {
  while (sums.length <= index) sums.push(0);
  sums[index] += amount;
}

/** A failed compaction is tried again later, but for what no waiting mends. */
function isForGood({ code }: LsmError): boolean {
  return code === 'LSM_CORRUPTION' || code === 'LSM_UNSUPPORTED_FORMAT';
}
