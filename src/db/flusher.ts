import { assert } from '../base/assert.js';
import type { LsmError } from '../base/errors.js';
import { runAsync, type Steps } from '../base/task.js';
import { flushSettings, type JobResult } from '../compaction/job-settings.js';
import type { Memtable } from '../memtable/memtable.js';
import { closedError, defaultKeyspaceId, type Core } from './core.js';
import type { Jobs } from './jobs.js';
import { Lane, type LaneEvents } from './lane.js';
import { tableSettingsFor } from './options.js';

/** Somebody who awaits that a memtable is in a table. */
interface FlushWaiter {
  readonly until: Memtable;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** Brings immutable memtables into L0 tables, oldest first. */
export class Flusher {
  readonly lane: Lane;
  readonly #core: Core;
  readonly #jobs: Jobs;
  #waiters: FlushWaiter[] = [];
  #error: LsmError | undefined;
  flushes = 0;

  constructor(core: Core, jobs: Jobs, events: LaneEvents) {
    this.#core = core;
    this.#jobs = jobs;
    this.lane = new Lane(
      core,
      () => {
        this.#error = undefined;
        this.#settleWaiters();
        events.onEnded();
      },
      (error) => {
        // A closing database gives its jobs up; the logs have everything.
        if (core.state !== 'open') return;
        const known = jobs.classify(error, 'a flush failed');
        this.rejectWaiters(known);
        if (core.failure !== undefined) return;
        this.#error = known;
        core.report({ during: 'flush', error: known, fatal: false });
        events.onFailed(known);
      },
    );
  }

  /** Why the last flush failed, until one succeeds. */
  get error(): LsmError | undefined {
    return this.#error;
  }

  start(): void {
    const memtable = this.#core.tree.immutables.at(0);
    if (memtable !== undefined && !this.lane.isBusy) this.lane.start(this.#flush(memtable));
  }

  /** Settles when every memtable that is immutable now is in a table. */
  waitForImmutables(): Promise<void> {
    const until = this.#core.tree.immutables.at(-1);
    if (until === undefined) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#waiters.push({ until, resolve, reject });
    });
  }

  rejectWaiters(error: LsmError): void {
    for (const waiter of this.#waiters.splice(0)) waiter.reject(error);
  }

  /** Flushes all immutable memtables: for recovery and close, where nothing else runs. */
  async flushAll(): Promise<void> {
    const { tree } = this.#core;
    await this.#jobs.whileReferenced(async () => {
      while (tree.immutables.length > 0) await runAsync(this.#flush(tree.immutables[0]));
    });
  }

  /** A flush under way is allowed to end. */
  async stop(): Promise<void> {
    await this.lane.settle();
    this.rejectWaiters(closedError(this.#core.path));
  }

  #settleWaiters(): void {
    const { immutables } = this.#core.tree;
    this.#waiters = this.#waiters.filter((waiter) => {
      if (immutables.includes(waiter.until)) return true;
      waiter.resolve();
      return false;
    });
  }

  *#flush(memtable: Memtable): Steps<void> {
    const core = this.#core;
    const { logs, settings, counters, versions } = core;
    const seq = memtable.largestSeq;
    yield* core.ensureFileNumbers(1);
    const base = {
      ...this.#jobs.base(1),
      table: tableSettingsFor(settings, false),
      flushedSeq: seq,
    };
    const result = yield* this.#jobs.run(flushSettings(base, memtable.freeze()));
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
    this.#emit(result);
  }

  #emit(result: JobResult): void {
    const [table] = result.tables;
    this.#core.events.emit('flush', () => ({
      fileNumber: table.fileNumber,
      entries: table.entries,
      fileBytes: table.size,
      rawBytes: table.rawBytes,
      durationMs: result.counters.elapsedMs,
    }));
  }
}
