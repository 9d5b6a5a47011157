import { assert } from '../base/assert.js';
import type { LsmError } from '../base/errors.js';
import { runAsync, type Steps } from '../base/task.js';
import { flushSettings, type JobResult } from '../compaction/job-settings.js';
import type { Memtable } from '../memtable/memtable.js';
import { tableSettingsFor } from './compaction-options.js';
import { BackOff } from './back-off.js';
import { closedError, type Core } from './core.js';
import type { Jobs } from './jobs.js';
import { defaultKeyspaceId, type KeyspaceCore } from './keyspace-core.js';
import { Lane, nothingToTell, type Announcement, type LaneEvents } from './lane.js';
import type { Pacing } from './pacing.js';

/** Somebody who awaits that memtables are in tables. */
interface FlushWaiter {
  readonly until: readonly Memtable[];
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** Brings immutable memtables into L0 tables, oldest first, whatever keyspace they belong to. */
export class Flusher {
  readonly lane: Lane;
  readonly backOff: BackOff;
  readonly #core: Core;
  readonly #jobs: Jobs;
  readonly #pacing: Pacing;
  #waiters: FlushWaiter[] = [];
  #error: LsmError | undefined;
  /** The keyspace whose flush began last. */
  #flushing: KeyspaceCore | undefined;
  flushes = 0;

  constructor(core: Core, jobs: Jobs, pacing: Pacing, events: LaneEvents) {
    this.#core = core;
    this.#jobs = jobs;
    this.#pacing = pacing;
    this.backOff = new BackOff(core.components.clock, events.onDue);
    this.lane = new Lane(
      core,
      () => {
        this.#error = undefined;
        this.backOff.succeeded();
        this.#settleWaiters();
        events.onEnded();
      },
      (error) => {
        // A closing database gives its jobs up; the logs have everything.
        if (core.state !== 'open') return;
        // Nobody needs what it was to write: the next one, please.
        if (this.#flushing?.isDropped && core.failure === undefined) {
          this.#settleWaiters();
          events.onEnded();
          return;
        }
        const known = jobs.classify(error, 'a flush failed');
        this.rejectWaiters(known);
        if (core.failure !== undefined) return;
        this.#error = known;
        this.backOff.failed();
        core.report({
          during: 'flush',
          keyspace: this.#flushing?.name,
          error: known,
          fatal: false,
        });
        events.onFailed(known);
      },
    );
  }

  /** Why the last flush failed, until one succeeds. */
  get error(): LsmError | undefined {
    return this.#error;
  }

  start(): void {
    if (this.lane.isBusy || this.backOff.isWaiting) return;
    const keyspace = this.#next();
    if (keyspace !== undefined) this.lane.start(this.#timedFlush(keyspace));
  }

  /** Waits up to `timeoutMs` for a flush, and does the rest of it once its table is written; false when none is under way. */
  waitSync(timeoutMs: number): boolean {
    const memtable = this.#next()?.tree.immutables[0];
    if (!this.lane.isBusy || memtable === undefined) return false;
    if (this.#jobs.waitSync(memtable, timeoutMs)) this.lane.finishSyncQuietly();
    return true;
  }

  /**
   * Settles when every memtable that is immutable now is in a table. `onDone` is
   * called at that moment, before anything else is installed; its error rejects.
   */
  waitForImmutables(onDone: () => void = () => undefined): Promise<void> {
    const until = this.#immutables();
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        try {
          resolve(onDone());
        } catch (error) {
          reject(error);
        }
      };
      if (until.length === 0) settle();
      else this.#waiters.push({ until, resolve: settle, reject });
    });
  }

  /** A keyspace was dropped, with the memtables that somebody may have waited for. */
  forgetDropped(): void {
    if (this.#next() === undefined) {
      this.#error = undefined;
      this.backOff.succeeded();
    }
    this.#settleWaiters();
  }

  rejectWaiters(error: LsmError): void {
    for (const waiter of this.#waiters.splice(0)) waiter.reject(error);
  }

  /** Flushes all immutable memtables: for recovery and close, where nothing else runs. */
  async flushAll(): Promise<void> {
    await this.#jobs.whileReferenced(async () => {
      for (let next = this.#next(); next !== undefined; next = this.#next()) {
        const announce = await runAsync(this.#timedFlush(next));
        announce();
      }
    });
  }

  /** A flush under way is allowed to end. */
  async stop(): Promise<void> {
    await this.lane.settle();
    this.rejectWaiters(closedError(this.#core.path));
  }

  /** The keyspace with the oldest immutable memtable. */
  #next(): KeyspaceCore | undefined {
    let next: KeyspaceCore | undefined;
    let oldestSeq = Infinity;
    for (const keyspace of this.#core.keyspaces()) {
      const memtable = keyspace.tree.immutables.at(0);
      if (memtable === undefined || keyspace.isDropped) continue;
      if (memtable.smallestSeq < oldestSeq) {
        oldestSeq = memtable.smallestSeq;
        next = keyspace;
      }
    }
    return next;
  }

  #immutables(): Memtable[] {
    return [...this.#core.keyspaces()].flatMap(({ tree }) => tree.immutables);
  }

  /** Also called when a keyspace was dropped with its memtables. */
  #settleWaiters(): void {
    if (this.#waiters.length === 0) return;
    const immutables = new Set(this.#immutables());
    this.#waiters = this.#waiters.filter((waiter) => {
      if (waiter.until.some((memtable) => immutables.has(memtable))) return true;
      waiter.resolve();
      return false;
    });
  }

  *#timedFlush(keyspace: KeyspaceCore): Steps<Announcement> {
    this.#flushing = keyspace;
    this.#pacing.flushBegan(keyspace, keyspace.tree.immutables[0].usedBytes);
    let announce: Announcement;
    try {
      announce = yield* this.#flush(keyspace);
    } catch (error) {
      this.#pacing.flushFailed(keyspace);
      throw error;
    }
    this.#pacing.flushEnded(keyspace);
    return announce;
  }

  *#flush(keyspace: KeyspaceCore): Steps<Announcement> {
    const core = this.#core;
    const { logs, versions } = core;
    const { id, tree, counters, settings } = keyspace;
    const memtable = tree.immutables[0];
    const seq = memtable.largestSeq;
    // The keyspace may be dropped meanwhile: its memory stays until the job has read it.
    const { view } = tree;
    view.pin();
    let result: JobResult;
    try {
      yield* core.ensureFileNumbers(1);
      const base = {
        ...this.#jobs.base(keyspace, 1),
        table: tableSettingsFor(settings, 0, false),
        flushedSeq: seq,
      };
      result = yield* this.#jobs.run(flushSettings(base, memtable.freeze()), memtable);
    } finally {
      view.unpin();
    }
    // Nothing in a table may be ahead of what the logs have on disk, of any keyspace.
    yield* logs.sync();
    let logNumber = 0;
    const isApplied = yield* core.applyEdit(() => {
      if (keyspace.isDropped) return undefined;
      const isNew = versions.keyspaces.get(id)!.flushedSeq < seq;
      assert(isNew, 'a flush goes beyond what was flushed before');
      counters.flushBytes += result.counters.rawBytesWritten;
      logNumber = logs.oldestNeeded(core.oldestUnflushedSeq(memtable));
      const written = core.countersOf(keyspace, memtable);
      return {
        addedTables: result.tables,
        flushedSeqs: [{ keyspaceId: id, seq }],
        logNumber,
        // Bytes of the log are counted with the default keyspace.
        counters:
          id === defaultKeyspaceId ? [written] : [core.countersOf(core.defaultKeyspace), written],
      };
    }, memtable);
    if (!isApplied) {
      for (const { fileNumber } of result.tables) core.remover.removeTable(fileNumber);
      return nothingToTell;
    }
    yield* logs.removeBelow(logNumber);
    this.flushes++;
    return () => this.#emit(keyspace, result);
  }

  #emit(keyspace: KeyspaceCore, result: JobResult): void {
    const [table] = result.tables;
    this.#core.events.emit('flush', () => ({
      keyspace: keyspace.name,
      fileNumber: table.fileNumber,
      entries: table.entries,
      tombstones: table.tombstones,
      fileBytes: table.size,
      rawBytes: table.rawBytes,
      durationMs: result.counters.elapsedMs,
    }));
  }
}
