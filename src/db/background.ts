import { assert } from '../base/assert.js';
import { toLsmError, type LsmError } from '../base/errors.js';
import type { Waitable } from '../base/task.js';
import type { ManualRange } from '../compaction/picker-manual.js';
import { BackOff } from './back-off.js';
import { Compactor } from './compactor.js';
import type { Core } from './core.js';
import { Flusher } from './flusher.js';
import type { KeyspaceCore } from './keyspace-core.js';
import { MemtableBudget } from './memtable-budget.js';
import { Pacing } from './pacing.js';
import { IdleFlush } from './idle-flush.js';
import type { Jobs } from './jobs.js';
import type { LaneEvents } from './lane.js';

/**
 * Decides when memtables are switched, flushed and levels compacted, and what
 * that means for writers: go on, slow down, or wait.
 */
export class Background {
  readonly flusher: Flusher;
  readonly compactor: Compactor;
  readonly pacing: Pacing;
  readonly #budget: MemtableBudget;
  readonly #idleFlush: IdleFlush;
  /** Keyspaces whose memtable is full and waits for its switch. */
  readonly #full = new Set<KeyspaceCore>();
  /** Keyspaces that take no more writes, and why. */
  readonly #refused = new Map<KeyspaceCore, LsmError>();
  #isOverBudget = false;
  readonly #core: Core;
  readonly #jobs: Jobs;
  /** Making the next log. */
  readonly #spare: BackOff;
  #onRoom: () => void = () => undefined;
  #onBlocked: (error: LsmError) => void = () => undefined;

  constructor(core: Core, jobs: Jobs) {
    this.#core = core;
    this.#jobs = jobs;
    // A damaged one cannot wait for a compaction.
    this.#budget = new MemtableBudget(
      core,
      (keyspace) => !keyspace.isLevel0Full || this.compactor.damageOf(keyspace) !== undefined,
    );
    this.#idleFlush = new IdleFlush(core, (keyspaces) => {
      const isSwitched = this.#switchNow(keyspaces);
      this.schedule();
      return isSwitched;
    });
    this.#spare = new BackOff(core.components.clock, () => this.schedule());
    const events: LaneEvents = {
      onDue: () => this.schedule(),
      onEnded: () => {
        this.schedule();
        this.#idleFlush.note();
        this.#onRoom();
      },
      onFailed: (error) => {
        if (this.#setApartDamaged()) this.#onRoom();
        if (this.blockedBy !== undefined) this.#onBlocked(error);
        // What is well goes on.
        this.schedule();
      },
    };
    this.pacing = new Pacing(core);
    this.flusher = new Flusher(core, jobs, this.pacing, events);
    this.compactor = new Compactor(core, jobs, this.pacing, events);
    core.snapshots.onRemoved = () => this.schedule();
    core.onReadsWasted = (keyspace) => {
      this.compactor.readsWasted(keyspace, this.#idleFlush.readsWasted(keyspace));
    };
  }

  /** `onRoom` is called when writes that wait may go on, `onBlocked` when they can not. */
  listen(onRoom: () => void, onBlocked: (error: LsmError) => void): void {
    this.#onRoom = onRoom;
    this.#onBlocked = onBlocked;
  }

  get executorKind(): 'worker' | 'inline' {
    return this.#jobs.executorKind;
  }

  /** Workers that were lost with a job. */
  get workersLost(): number {
    return this.#jobs.workersLost;
  }

  /** Why the last flush, or the last compaction of a keyspace, failed, until one succeeds. */
  get error(): LsmError | undefined {
    return this.flusher.error ?? this.compactor.error;
  }

  get running(): ('flush' | 'compaction')[] {
    const compactions = this.compactor.running.map(() => 'compaction' as const);
    return this.flusher.lane.isBusy ? ['flush', ...compactions] : compactions;
  }

  /** Why writes cannot hope for room; undefined when they can. */
  get blockedBy(): LsmError | undefined {
    const { error } = this.flusher;
    if (error !== undefined && this.#areMemtablesFull) return error;
    const keyspace = this.#fullLevel0;
    return keyspace === undefined ? undefined : this.compactor.errorOf(keyspace);
  }

  stallReason(): 'memtables' | 'level0' {
    return this.#fullLevel0 === undefined ? 'memtables' : 'level0';
  }

  /** A batch has gone into a keyspace's memtable. */
  entered(keyspace: KeyspaceCore, bytes: number): void {
    if (keyspace.isMemtableFull && !keyspace.isDropped) this.#full.add(keyspace);
    this.pacing.entered(keyspace, bytes);
    if (this.#budget.isDue(bytes)) {
      if (keyspace.isMemtableFilling) this.#jobs.prepareFlush();
      this.#checkBudget();
    }
    this.#idleFlush.note();
  }

  /** Whether there are keyspaces that take no more writes. */
  get hasRefused(): boolean {
    return this.#refused.size > 0;
  }

  /** Why a keyspace takes no more writes; undefined when it does. */
  refusalOf(keyspace: KeyspaceCore): LsmError | undefined {
    return this.#refused.get(keyspace);
  }

  /** False: there is room for a write. */
  get mayLackRoom(): boolean {
    return this.#full.size > 0 || this.#isOverBudget;
  }

  /** Puts empty memtables and a new log in place of the full ones; false when that has to wait. */
  makeRoom(): boolean {
    const { settings } = this.#core;
    this.#setApartDamaged();
    for (const keyspace of this.#full) {
      if (keyspace.isDropped || !keyspace.isMemtableFull) this.#full.delete(keyspace);
      else if (
        this.#core.immutableCount < settings.maxImmutableMemtables &&
        !keyspace.isLevel0Full &&
        this.#switchNow([keyspace])
      ) {
        this.#full.delete(keyspace);
      }
    }
    if (this.#isOverBudget) this.#checkBudget();
    this.schedule();
    return !this.mayLackRoom;
  }

  /** Begins whatever is due and can be begun. */
  schedule(): void {
    const core = this.#core;
    if (!core.isWritable || core.state !== 'open') return;
    if (!this.#spare.isWaiting) core.logs.prepareSpare();
    this.flusher.start();
    this.compactor.start();
  }

  /**
   * Settles when everything written so far is in tables; what has failed is tried
   * again now. `onDone` is called right then, with the sequence number up to which
   * that is: unless a keyspace is being dropped, nothing newer is in a table yet.
   */
  async flush(onDone: (seq: number) => void = () => undefined): Promise<void> {
    const core = this.#core;
    this.flusher.backOff.skip();
    await this.#jobs.whileReferenced(async () => {
      for (;;) {
        core.checkWritable();
        const unflushed = [...core.keyspaces()].filter(({ tree }) => tree.active.entries > 0);
        if (unflushed.length === 0 || this.#switchNow(unflushed)) break;
        await core.logs.spareRequest?.wait().catch((error: unknown) => this.#throwForSpare(error));
      }
      const seq = core.logs.appendedSeq;
      const done = this.flusher.waitForImmutables(() => onDone(seq));
      this.schedule();
      await done;
    });
  }

  async compactRange(keyspace: KeyspaceCore, range: ManualRange): Promise<void> {
    await this.flush();
    this.#core.checkWritable();
    if (keyspace.isDropped) throw this.#core.droppedError(keyspace);
    await this.#jobs.whileReferenced(async () => {
      const done = this.compactor.addRun(keyspace, range);
      this.compactor.tryNow(keyspace);
      this.schedule();
      await done;
    });
  }

  /** Does, before it returns, what a writer waits for. @throws LsmError when it cannot be done */
  makeRoomSync(): void {
    const { logs, immutableCount } = this.#core;
    const keyspace = this.#fullLevel0;
    // No timer runs while a caller waits: what has failed is tried again for it now.
    this.#spare.skip();
    this.flusher.backOff.skip();
    if (keyspace !== undefined) this.compactor.tryNow(keyspace);
    this.schedule();
    const isFull = this.#areMemtablesFull;
    if (keyspace !== undefined && keyspace.level0Tables >= keyspace.settings.l0StopTables) {
      this.compactor.makeRoomSync(keyspace);
    } else if ((isFull || keyspace !== undefined) && immutableCount > 0) {
      assert(this.flusher.lane.isBusy, 'immutable memtables are being flushed');
      this.flusher.lane.finishSync();
    } else {
      const { spareRequest } = logs;
      if (spareRequest !== undefined) this.#waitForSpareSync(spareRequest);
      // What a keyspace has in the logs keeps them too long until it is gone.
      else for (const drop of this.#core.drops) drop.finishSync();
    }
  }

  /**
   * Holds a synchronous writer back. The event loop does not turn meanwhile, so a
   * job that ends is brought to its end here. Where jobs run in this thread,
   * waiting would help nobody.
   */
  paceSync(delayMs: number): void {
    if (this.executorKind === 'inline') return;
    if (this.flusher.waitSync(delayMs) || this.compactor.waitSync(delayMs)) return;
    this.#core.components.clock.sleepSync(delayMs);
  }

  /** It is gone, with what waited for it. */
  keyspaceDropped(keyspace: KeyspaceCore): void {
    this.#full.delete(keyspace);
    this.#refused.delete(keyspace);
    this.pacing.forget(keyspace);
    this.flusher.forgetDropped();
    this.compactor.forget(keyspace, this.#core.droppedError(keyspace));
    this.#onRoom();
  }

  /** There is no file for the next log: writers that need one are turned away until there is. */
  spareFailed(error: unknown): void {
    if (!this.#core.isWritable || this.#core.state !== 'open') return;
    const known = toLsmError(error, 'making the next log failed');
    this.#core.report({ during: 'log', error: known, fatal: false });
    this.flusher.rejectWaiters(known);
    this.#onBlocked(known);
    this.#spare.failed();
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

  /** Only a flush gives room. */
  get #areMemtablesFull(): boolean {
    const { immutableCount, settings } = this.#core;
    return immutableCount >= settings.maxImmutableMemtables || this.#isOverBudget;
  }

  /** A keyspace that cannot take another table into L0, and has one to bring there. */
  get #fullLevel0(): KeyspaceCore | undefined {
    for (const keyspace of this.#full) if (keyspace.isLevel0Full) return keyspace;
    return this.#isOverBudget ? this.#budget.blockedByLevel0 : undefined;
  }

  /**
   * A full L0 with a damaged table stays full until somebody repairs or drops the
   * keyspace: its writes are refused from now on, so that no others wait for it.
   * True when there was one.
   */
  #setApartDamaged(): boolean {
    let isFound = false;
    for (const keyspace of this.#full) {
      const damage = this.compactor.damageOf(keyspace);
      if (damage === undefined || !keyspace.isLevel0Full) continue;
      this.#full.delete(keyspace);
      this.#refused.set(keyspace, damage);
      isFound = true;
    }
    return isFound;
  }

  /** Memtables and logs of all keyspaces together: what holds most, or pins the oldest log, is flushed. */
  #checkBudget(): void {
    const { largest, oldest } = this.#budget.check();
    if (oldest !== undefined) this.#switchNow([oldest]);
    if (largest !== undefined) this.#switchNow([largest]);
    this.#isOverBudget = this.#budget.isExceeded;
    if (oldest !== undefined || largest !== undefined) this.schedule();
  }

  /** Switches memtables, whatever the limits that make writers wait; false when there is no log for that yet. */
  #switchNow(keyspaces: readonly KeyspaceCore[]): boolean {
    const { logs } = this.#core;
    if (!logs.canSwitch) {
      logs.prepareSpare();
      return false;
    }
    for (const { tree } of keyspaces) tree.switchMemtable();
    logs.switchLog();
    return true;
  }

  #waitForSpareSync(request: Waitable): void {
    try {
      request.waitSync();
    } catch (error) {
      this.#throwForSpare(error);
    }
  }

  /** What a caller is told who waited for the next log. */
  #throwForSpare(error: unknown): never {
    throw this.#core.failure ?? toLsmError(error, 'making the next log failed');
  }
}
