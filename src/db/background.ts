import { assert } from '../base/assert.js';
import { LsmError, toLsmError } from '../base/errors.js';
import { randomFileId } from '../base/prng.js';
import { runAsync, Task, waitable, type Steps } from '../base/task.js';
import type { CompactionExecutor, RunningJob } from '../compaction/executor.js';
import {
  compactionSettings,
  countOutputs,
  flushSettings,
  type JobBase,
  type JobResult,
  type JobSettings,
  type OutputName,
} from '../compaction/job-settings.js';
import type { CompactionOptions } from '../compaction/level-targets.js';
import {
  manualStart,
  pickManual,
  type ManualProgress,
  type ManualRange,
} from '../compaction/picker-manual.js';
import { pickGarbage } from '../compaction/picker-garbage.js';
import { pickCompaction } from '../compaction/picker.js';
import type { PickerState } from '../compaction/picker-plan.js';
import type { CompactionPlan } from '../compaction/plan.js';
import { maxSeq } from '../base/internal-key.js';
import type { Memtable } from '../memtable/memtable.js';
import { compactionOptionsOf, tableSettingsAt } from './compaction-options.js';
import { defaultKeyspaceId, type Core } from './core.js';
import { tableSettingsFor } from './options.js';

/** Where jobs run: two lanes, so that a flush never waits behind a long compaction. */
export interface Executors {
  readonly flush: CompactionExecutor;
  readonly compaction: CompactionExecutor;
}

/** Makes the executors that take over when the host turns out to start no worker. */
export type MakeExecutors = () => Executors;

/** After a failed job the next one begins so much later, doubling each time. */
const firstRetryMs = 50;
const lastRetryMs = 5000;

/** A `compactRange` that is under way. */
interface ManualRun {
  readonly range: ManualRange;
  progress: ManualProgress;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/**
 * Decides when memtables are flushed and levels compacted, has it done by the
 * executors, and makes the results count.
 */
export class Background {
  readonly #core: Core;
  readonly #makeInline: MakeExecutors;
  #executors: Executors;
  readonly #options: CompactionOptions;
  readonly #manualRuns: ManualRun[] = [];
  #flushing: Task<void> | undefined;
  #compacting: Task<void> | undefined;
  #plan: CompactionPlan | undefined;
  readonly #jobs = new Set<RunningJob>();
  #isRetrying = false;
  #retryMs = firstRetryMs;
  #flushError: LsmError | undefined;
  /** Compactions have met damage: none is begun any more. */
  #compactionError: LsmError | undefined;
  #flushWaiters: { readonly until: Memtable; resolve(): void; reject(error: Error): void }[] = [];
  #onRoom: () => void = () => undefined;
  #onBlocked: (error: LsmError) => void = () => undefined;
  flushes = 0;
  compactions = 0;
  trivialMoves = 0;

  constructor(core: Core, executors: Executors, makeInline: MakeExecutors) {
    this.#core = core;
    this.#executors = executors;
    this.#makeInline = makeInline;
    this.#options = compactionOptionsOf(core.settings);
    core.snapshots.onRemoved = () => this.schedule();
  }

  /** `onRoom` is called when writes that wait may go on, `onBlocked` when they can not. */
  listen(onRoom: () => void, onBlocked: (error: LsmError) => void): void {
    this.#onRoom = onRoom;
    this.#onBlocked = onBlocked;
  }

  get executorKind(): 'worker' | 'inline' {
    return this.#executors.flush.kind;
  }

  get options(): CompactionOptions {
    return this.#options;
  }

  get running(): ('flush' | 'compaction')[] {
    const running: ('flush' | 'compaction')[] = [];
    if (this.#flushing !== undefined) running.push('flush');
    if (this.#compacting !== undefined) running.push('compaction');
    return running;
  }

  /** Why writes cannot hope for room; undefined when they can. */
  get blockedBy(): LsmError | undefined {
    return this.#flushError ?? (this.#isLevel0Full ? this.#compactionError : undefined);
  }

  stallReason(): 'memtables' | 'level0' {
    return this.#isLevel0Full ? 'level0' : 'memtables';
  }

  /** How much an acknowledgement is held back, in milliseconds: grows with L0 from nothing to 10 ms. */
  slowdownMs(): number {
    const { l0SlowdownTables, l0StopTables } = this.#core.settings;
    const excess = this.#level0Tables - l0SlowdownTables;
    if (excess < 0) return 0;
    return Math.min(10, 1 + (9 * excess) / Math.max(1, l0StopTables - l0SlowdownTables));
  }

  /** Puts an empty memtable and log in place of the full ones; false when that has to wait. */
  switchMemtable(): boolean {
    const { tree, logs, settings } = this.#core;
    const isFull = tree.immutables.length >= settings.maxImmutableMemtables;
    if (isFull || this.#isLevel0Full || !logs.canSwitch) {
      this.schedule();
      return false;
    }
    tree.switchMemtable();
    logs.switchLog();
    this.schedule();
    return true;
  }

  /** Begins whatever is due and can be begun. */
  schedule(): void {
    const core = this.#core;
    if (!core.isWritable || core.state !== 'open' || this.#isRetrying) return;
    core.logs.prepareSpare();
    this.#startFlush();
    this.#startCompaction();
  }

  /** Settles when everything written so far is in tables. */
  async flush(): Promise<void> {
    const { tree } = this.#core;
    await this.#whileReferenced(async () => {
      if (tree.active.entries > 0) {
        while (tree.active.entries > 0 && !this.#switchNow()) {
          await this.#core.logs.spareRequest?.wait();
        }
      }
      const until = tree.immutables.at(-1);
      if (until === undefined) return;
      await new Promise<void>((resolve, reject) => {
        this.#flushWaiters.push({ until, resolve, reject });
        this.schedule();
      });
    });
  }

  async compactRange(range: ManualRange): Promise<void> {
    await this.flush();
    this.#core.checkWritable();
    if (this.#compactionError !== undefined) throw this.#compactionError;
    await this.#whileReferenced(
      () =>
        new Promise<void>((resolve, reject) => {
          this.#manualRuns.push({ range, progress: manualStart, resolve, reject });
          this.schedule();
        }),
    );
  }

  /** Does, before it returns, what a writer waits for. @throws LsmError when it cannot be done */
  makeRoomSync(): void {
    const { tree, logs, settings } = this.#core;
    // No timer runs while a caller waits: a failed job is tried again for it now.
    this.#isRetrying = false;
    this.schedule();
    if (this.#isLevel0Full) {
      if (this.#compactionError !== undefined) throw this.#compactionError;
      assert(this.#compacting !== undefined, 'a full L0 is being compacted');
      this.#finishCompactionSync(this.#compacting);
    } else if (tree.immutables.length >= settings.maxImmutableMemtables) {
      assert(this.#flushing !== undefined, 'immutable memtables are being flushed');
      this.#finishFlushSync(this.#flushing);
    } else {
      logs.spareRequest?.waitSync();
    }
  }

  #finishFlushSync(task: Task<void>): void {
    try {
      task.finishSync();
    } catch (error) {
      this.#flushFailed(task, error);
      throw this.#core.failure ?? error;
    }
    this.#flushEnded(task);
  }

  #finishCompactionSync(task: Task<void>): void {
    try {
      task.finishSync();
    } catch (error) {
      this.#compactionFailed(task, error);
      throw this.#core.failure ?? error;
    }
    this.#compactionEnded(task);
  }

  /** There is no file for the next log: writers that need one are turned away until there is. */
  spareFailed(error: unknown): void {
    if (!this.#core.isWritable || this.#core.state !== 'open') return;
    const known = toLsmError(error, 'making the next log failed');
    this.#core.report({ during: 'log', error: known, fatal: false });
    for (const waiter of this.#flushWaiters.splice(0)) waiter.reject(known);
    this.#onBlocked(known);
    this.#retryLater();
  }

  /** Nothing that is awaited will come. */
  rejectAll(error: LsmError): void {
    for (const run of this.#manualRuns.splice(0)) run.reject(error);
    for (const waiter of this.#flushWaiters.splice(0)) waiter.reject(error);
  }

  /** Keeps the process alive while somebody awaits background work. */
  ref(): void {
    this.#executors.flush.ref();
    this.#executors.compaction.ref();
  }

  unref(): void {
    this.#executors.flush.unref();
    this.#executors.compaction.unref();
  }

  /** Compactions end as soon as they can; a flush is allowed to end well. No new work begins when the database is closing. */
  async stop(): Promise<void> {
    await this.#whileReferenced(async () => {
      const closed = new LsmError('LSM_CLOSED', `the database ${this.#core.path} is closed`);
      const compacting = this.#compacting?.promise.catch(() => undefined);
      const closing = this.#executors.compaction.close();
      await this.#flushing?.promise.catch(() => undefined);
      await Promise.all([compacting, closing]);
      this.rejectAll(closed);
    });
  }

  /** Flushes memtables when no others are under way: for recovery and close, where nothing else runs. */
  async flushAll(): Promise<void> {
    const { tree } = this.#core;
    await this.#whileReferenced(async () => {
      while (tree.immutables.length > 0) await runAsync(this.#flushSteps(tree.immutables[0]));
    });
  }

  async closeExecutors(): Promise<void> {
    await Promise.all([this.#executors.flush.close(), this.#executors.compaction.close()]);
  }

  get #level0Tables(): number {
    return this.#core.version.tablesAt(0).length;
  }

  get #isLevel0Full(): boolean {
    return this.#level0Tables >= this.#core.settings.l0StopTables;
  }

  /** As `switchMemtable`, but beyond the limits that make writers wait. */
  #switchNow(): boolean {
    const { tree, logs } = this.#core;
    if (!logs.canSwitch) {
      logs.prepareSpare();
      return false;
    }
    tree.switchMemtable();
    logs.switchLog();
    return true;
  }

  async #whileReferenced<T>(run: () => Promise<T>): Promise<T> {
    this.ref();
    try {
      return await run();
    } finally {
      this.unref();
    }
  }

  #startFlush(): void {
    const memtable = this.#core.tree.immutables.at(0);
    if (memtable === undefined || this.#flushing !== undefined) return;
    const task = new Task(this.#flushSteps(memtable), (error) => this.#core.fail('log', error));
    this.#flushing = task;
    task.promise.then(
      () => this.#flushEnded(task),
      (error: unknown) => this.#flushFailed(task, error),
    );
  }

  /** Called once for each task: by who finished it synchronously, or when its promise settles. */
  #flushEnded(task: Task<void>): void {
    if (this.#flushing !== task) return;
    this.#flushing = undefined;
    this.#flushError = undefined;
    this.#retryMs = firstRetryMs;
    const { immutables } = this.#core.tree;
    this.#flushWaiters = this.#flushWaiters.filter((waiter) => {
      if (immutables.includes(waiter.until)) return true;
      waiter.resolve();
      return false;
    });
    this.schedule();
    this.#onRoom();
  }

  #flushFailed(task: Task<void>, error: unknown): void {
    if (this.#flushing !== task) return;
    this.#flushing = undefined;
    // At close jobs are given up; otherwise LSM_ABORTED means that the worker died.
    if (this.#core.state !== 'open') return;
    const known = this.#classify(error, 'a flush failed');
    for (const waiter of this.#flushWaiters.splice(0)) waiter.reject(known);
    if (this.#core.failure !== undefined) return;
    this.#flushError = known;
    this.#core.report({ during: 'flush', error: known, fatal: false });
    this.#onBlocked(known);
    this.#retryLater();
  }

  /**
   * `LSM_FAILED`: a directory could not be synced, so that what is on disk is
   * unknown. `LSM_UNSUPPORTED`: no worker can be started here, so that jobs run
   * in this thread from now on.
   */
  #classify(error: unknown, doing: string): LsmError {
    const known = toLsmError(error, doing);
    if (known.code === 'LSM_UNSUPPORTED' && this.executorKind === 'worker') {
      const { flush, compaction } = this.#executors;
      void Promise.allSettled([flush.close(), compaction.close()]);
      this.#executors = this.#makeInline();
    }
    return known.code === 'LSM_FAILED' ? this.#core.fail('manifest', known) : known;
  }

  #retryLater(): void {
    if (this.#isRetrying) return;
    this.#isRetrying = true;
    const delayMs = this.#retryMs;
    this.#retryMs = Math.min(lastRetryMs, 2 * delayMs);
    this.#core.components.clock.after(delayMs, () => {
      this.#isRetrying = false;
      this.schedule();
    });
  }

  *#flushSteps(memtable: Memtable): Steps<void> {
    const core = this.#core;
    const { logs, settings, counters, versions } = core;
    const seq = memtable.largestSeq;
    const base: JobBase = {
      ...this.#jobBase(this.#takeOutputs(1)),
      table: tableSettingsFor(settings, false),
      flushedSeq: seq,
    };
    const result = yield* this.#runJob(
      this.#executors.flush,
      flushSettings(base, memtable.freeze()),
    );
    // Nothing in a table may be ahead of what the logs have on disk.
    yield* logs.sync();
    const isNew = versions.keyspaces.get(defaultKeyspaceId)!.flushedSeq < seq;
    assert(isNew, 'a flush goes beyond what was flushed before');
    counters.flushBytes += result.counters.rawBytesWritten;
    const logNumber = logs.oldestNeeded(seq);
    yield* core.applyEdit(
      () => ({
        addedTables: result.tables,
        flushedSeqs: [{ keyspaceId: defaultKeyspaceId, seq }],
        logNumber,
        counters: core.editCounters,
      }),
      memtable,
    );
    yield* logs.removeBelow(logNumber);
    this.flushes++;
    this.#emitFlush(result);
  }

  #startCompaction(): void {
    if (this.#compacting !== undefined || this.#compactionError !== undefined) return;
    // A long compactRange must not stall writers: an overdue L0 goes first.
    const isOverdue = this.#level0Tables >= this.#core.settings.l0SlowdownTables;
    const plan = (isOverdue ? this.#pick() : undefined) ?? this.#pickManual() ?? this.#pick();
    if (plan === undefined) return;
    this.#plan = plan;
    const task = new Task(this.#compactionSteps(plan), (error) => this.#core.fail('log', error));
    this.#compacting = task;
    task.promise.then(
      () => this.#compactionEnded(task),
      (error: unknown) => this.#compactionFailed(task, error),
    );
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

  #compactionEnded(task: Task<void>): void {
    if (this.#compacting !== task) return;
    this.#compacting = undefined;
    this.#plan = undefined;
    this.#retryMs = firstRetryMs;
    this.schedule();
    this.#onRoom();
  }

  #compactionFailed(task: Task<void>, error: unknown): void {
    if (this.#compacting !== task) return;
    this.#compacting = undefined;
    this.#plan = undefined;
    // At close jobs are given up; otherwise LSM_ABORTED means that the worker died.
    if (this.#core.state !== 'open') return;
    const known = this.#classify(error, 'a compaction failed');
    for (const run of this.#manualRuns.splice(0)) run.reject(known);
    if (this.#core.failure !== undefined) return;
    this.#core.report({ during: 'compaction', error: known, fatal: false });
    if (known.code === 'LSM_CORRUPTION') {
      this.#compactionError = known;
      if (this.#isLevel0Full) this.#onBlocked(known);
    } else this.#retryLater();
  }

  *#compactionSteps(plan: CompactionPlan): Steps<void> {
    if (plan.isTrivialMove) yield* this.#move(plan);
    else yield* this.#rewrite(plan);
  }

  *#move(plan: CompactionPlan): Steps<void> {
    const startMs = this.#core.components.clock.monotonicMs();
    const [table] = plan.inputs;
    yield* this.#core.applyEdit(() => ({
      removedTables: [{ keyspaceId: defaultKeyspaceId, fileNumber: table.fileNumber }],
      addedTables: [{ ...table, level: plan.outputLevel }],
      cursors: cursorsOf(plan),
    }));
    this.trivialMoves++;
    this.#emitCompaction(plan, undefined, this.#core.components.clock.monotonicMs() - startMs);
  }

  *#rewrite(plan: CompactionPlan): Steps<void> {
    const core = this.#core;
    const { settings, counters, versions, version } = core;
    const outputCount = countOutputs(plan, settings.tableBytes);
    yield* core.ensureFileNumbers(outputCount);
    const base: JobBase = {
      ...this.#jobBase(this.#takeOutputs(outputCount)),
      table: tableSettingsAt(settings, version, plan.outputLevel),
      flushedSeq: versions.keyspaces.get(defaultKeyspaceId)!.flushedSeq,
    };
    const result = yield* this.#runJob(
      this.#executors.compaction,
      compactionSettings(base, plan, settings.tableBytes),
    );
    addAt(counters.read, plan.outputLevel, result.counters.rawBytesRead);
    addAt(counters.written, plan.outputLevel, result.counters.rawBytesWritten);
    const inputs = [...plan.inputs, ...plan.overlapping];
    yield* core.applyEdit(() => ({
      removedTables: inputs.map(({ fileNumber }) => ({
        keyspaceId: defaultKeyspaceId,
        fileNumber,
      })),
      addedTables: result.tables,
      cursors: cursorsOf(plan),
      counters: core.editCounters,
    }));
    this.compactions++;
    this.#emitCompaction(plan, result, result.counters.elapsedMs);
  }

  *#runJob(executor: CompactionExecutor, settings: JobSettings): Steps<JobResult> {
    const job = executor.run(settings);
    this.#jobs.add(job);
    let result: JobResult | undefined;
    try {
      yield waitable(
        async () => {
          result = await job.result;
        },
        () => {
          result = job.finishSync();
        },
      );
    } finally {
      this.#jobs.delete(job);
    }
    return result!;
  }

  #jobBase(outputs: OutputName[]): Omit<JobBase, 'table' | 'flushedSeq'> {
    const { path, versions, snapshots } = this.#core;
    const { id, name } = versions.keyspaces.get(defaultKeyspaceId)!;
    return {
      directory: path,
      databaseId: versions.databaseId,
      keyspaceId: id,
      keyspaceName: name,
      snapshotSeqs: snapshots.seqs(),
      outputs,
    };
  }

  #takeOutputs(count: number): OutputName[] {
    const { versions, components } = this.#core;
    const first = versions.takeFileNumbers(count);
    return Array.from({ length: count }, (_, i) => ({
      fileNumber: first + i,
      tableId: randomFileId(components.random),
    }));
  }

  #emitFlush(result: JobResult): void {
    const [table] = result.tables;
    this.#core.events.emit('flush', () => ({
      fileNumber: table.fileNumber,
      entries: table.entries,
      fileBytes: table.size,
      rawBytes: table.rawBytes,
      durationMs: result.counters.elapsedMs,
    }));
  }

  #emitCompaction(plan: CompactionPlan, result: JobResult | undefined, durationMs: number): void {
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
