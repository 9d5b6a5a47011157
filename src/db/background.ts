import { assert } from '../base/assert.js';
import { toLsmError, type LsmError } from '../base/errors.js';
import type { ManualRange } from '../compaction/picker-manual.js';
import { Compactor } from './compactor.js';
import type { Core } from './core.js';
import { Flusher } from './flusher.js';
import type { Jobs } from './jobs.js';
import type { LaneEvents } from './lane.js';

/** After a failed job the next one begins so much later, doubling each time. */
const firstRetryMs = 50;
const lastRetryMs = 5000;

/** The most by which an acknowledgement is held back, in milliseconds. */
const longestSlowdownMs = 10;

/**
 * Decides when memtables are switched, flushed and levels compacted, and what
 * that means for writers: go on, slow down, or wait.
 */
export class Background {
  readonly flusher: Flusher;
  readonly compactor: Compactor;
  readonly #core: Core;
  readonly #jobs: Jobs;
  #isRetrying = false;
  #retryMs = firstRetryMs;
  #onRoom: () => void = () => undefined;
  #onBlocked: (error: LsmError) => void = () => undefined;

  constructor(core: Core, jobs: Jobs) {
    this.#core = core;
    this.#jobs = jobs;
    const events: LaneEvents = {
      onEnded: () => {
        this.#retryMs = firstRetryMs;
        this.schedule();
        this.#onRoom();
      },
      onFailed: (error) => {
        if (this.blockedBy !== undefined) this.#onBlocked(error);
        this.#retryLater();
      },
    };
    this.flusher = new Flusher(core, jobs, events);
    this.compactor = new Compactor(core, jobs, events);
    core.snapshots.onRemoved = () => this.schedule();
  }

  /** `onRoom` is called when writes that wait may go on, `onBlocked` when they can not. */
  listen(onRoom: () => void, onBlocked: (error: LsmError) => void): void {
    this.#onRoom = onRoom;
    this.#onBlocked = onBlocked;
  }

  get executorKind(): 'worker' | 'inline' {
    return this.#jobs.executorKind;
  }

  get running(): ('flush' | 'compaction')[] {
    const running: ('flush' | 'compaction')[] = [];
    if (this.flusher.lane.isBusy) running.push('flush');
    if (this.compactor.lane.isBusy) running.push('compaction');
    return running;
  }

  /** Why writes cannot hope for room; undefined when they can. */
  get blockedBy(): LsmError | undefined {
    return this.flusher.error ?? (this.#isLevel0Full ? this.compactor.error : undefined);
  }

  stallReason(): 'memtables' | 'level0' {
    return this.#isLevel0Full ? 'level0' : 'memtables';
  }

  /** How much an acknowledgement is held back, in milliseconds: grows with the tables in L0. */
  slowdownMs(): number {
    const { l0SlowdownTables, l0StopTables } = this.#core.settings;
    const excess = this.#level0Tables - l0SlowdownTables;
    if (excess < 0) return 0;
    const share = excess / Math.max(1, l0StopTables - l0SlowdownTables);
    return Math.min(longestSlowdownMs, 1 + (longestSlowdownMs - 1) * share);
  }

  /** Puts an empty memtable and log in place of the full ones; false when that has to wait. */
  switchMemtable(): boolean {
    const { tree, settings } = this.#core;
    const isFull = tree.immutables.length >= settings.maxImmutableMemtables;
    const isSwitched = !isFull && !this.#isLevel0Full && this.#switchNow();
    this.schedule();
    return isSwitched;
  }

  /** Begins whatever is due and can be begun. */
  schedule(): void {
    const core = this.#core;
    if (!core.isWritable || core.state !== 'open' || this.#isRetrying) return;
    core.logs.prepareSpare();
    this.flusher.start();
    this.compactor.start();
  }

  /** Settles when everything written so far is in tables. */
  async flush(): Promise<void> {
    const core = this.#core;
    await this.#jobs.whileReferenced(async () => {
      while (core.tree.active.entries > 0 && !this.#switchNow()) {
        await core.logs.spareRequest?.wait();
        core.checkWritable();
      }
      const done = this.flusher.waitForImmutables();
      this.schedule();
      await done;
    });
  }

  async compactRange(range: ManualRange): Promise<void> {
    await this.flush();
    this.#core.checkWritable();
    await this.#jobs.whileReferenced(async () => {
      const done = this.compactor.addRun(range);
      this.schedule();
      await done;
    });
  }

  /** Does, before it returns, what a writer waits for. @throws LsmError when it cannot be done */
  makeRoomSync(): void {
    const { tree, logs, settings } = this.#core;
    // No timer runs while a caller waits: a failed job is tried again for it now.
    this.#isRetrying = false;
    this.schedule();
    if (this.#isLevel0Full) {
      if (this.compactor.damage !== undefined) throw this.compactor.damage;
      assert(this.compactor.lane.isBusy, 'a full L0 is being compacted');
      this.compactor.lane.finishSync();
    } else if (tree.immutables.length >= settings.maxImmutableMemtables) {
      assert(this.flusher.lane.isBusy, 'immutable memtables are being flushed');
      this.flusher.lane.finishSync();
    } else {
      logs.spareRequest?.waitSync();
    }
  }

  /** There is no file for the next log: writers that need one are turned away until there is. */
  spareFailed(error: unknown): void {
    if (!this.#core.isWritable || this.#core.state !== 'open') return;
    const known = toLsmError(error, 'making the next log failed');
    this.#core.report({ during: 'log', error: known, fatal: false });
    this.flusher.rejectWaiters(known);
    this.#onBlocked(known);
    this.#retryLater();
  }

  /** Nothing that is awaited will come. */
  rejectAll(error: LsmError): void {
    this.compactor.rejectRuns(error);
    this.flusher.rejectWaiters(error);
  }

  /** Keeps the process alive while somebody awaits background work. */
  ref(): void {
    this.#jobs.ref();
  }

  unref(): void {
    this.#jobs.unref();
  }

  /** Ends the work of a database that is closing: none begins any more. */
  async stop(): Promise<void> {
    await this.#jobs.whileReferenced(async () => {
      await Promise.all([this.compactor.stop(), this.flusher.stop()]);
    });
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
}
