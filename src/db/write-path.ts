import { assert } from '../base/assert.js';
import { longestTurnMs } from '../base/clock.js';
import type { LsmError } from '../base/errors.js';
import { maxSeq } from '../base/internal-key.js';
import { runAsync, runSync } from '../base/task.js';
import { BatchReader } from '../wal/batch-reader.js';
import { WriteBatch } from '../wal/write-batch.js';
import { Acknowledgements } from './acknowledgements.js';
import type { StallEvent } from './event-types.js';
import type { Background } from './background.js';
import { addOperation, noSyncCalls, toError, type Core } from './core.js';
import { HeldSettlements } from './held-settlements.js';
import type { KeyspaceCore } from './keyspace-core.js';
import { LoopTurn } from './loop-turn.js';
import type { Durability } from './settings.js';
import type { Pressure, PressureReason } from './pressure.js';
import { WaitingWrites } from './waiting-writes.js';

const settled: Promise<void> = Promise.resolve();

/**
 * From a batch to its acknowledgement. An admitted batch takes its sequence
 * numbers, goes into the log's buffer and the memtable at once; one microtask
 * later the buffer is handed to the operating system, with everything else that
 * was written in that tick, and promises settle at the durability asked for.
 *
 * When memtables or L0 are at their limits, batches wait without effect.
 */
export class WritePath {
  readonly #core: Core;
  readonly #background: Background;
  readonly #writtenAcks = new Acknowledgements();
  readonly #diskAcks = new Acknowledgements();
  readonly #reader = new BatchReader();
  readonly #waiters = new WaitingWrites();
  /** The one that was written to last: most writes go where the one before went. */
  #lastKeyspace: KeyspaceCore;
  /** Acknowledgements that are held back. */
  readonly #held: HeldSettlements;
  /** Why writers are being slowed down. */
  #slowedBy: PressureReason | undefined;
  #isTicking = false;
  /** The rest of those who wait is let in in the next turn of the event loop. */
  #isAdmitting = false;
  #isSyncing = false;
  readonly #turn: LoopTurn;
  #cancelTimedSync: (() => void) | undefined;
  delayedWrites = 0;
  delayedMs = 0;

  constructor(core: Core, background: Background) {
    this.#core = core;
    this.#background = background;
    this.#lastKeyspace = core.defaultKeyspace;
    this.#held = new HeldSettlements(core.components.clock);
    this.#turn = new LoopTurn(core.components.clock);
  }

  get waiting(): number {
    return this.#waiters.writes;
  }

  /** Memory that writes hold that wait, in bytes. */
  get waitingBytes(): number {
    return this.#waiters.bytes;
  }

  /** After `write`: the batch waits for room, so the caller uses another one from then on. */
  tookBatch = false;

  /** The promise settles at the durability asked for. */
  write(batch: WriteBatch, durability: Durability): Promise<void> {
    this.tookBatch = false;
    const mustWait = !this.#waiters.isEmpty || !this.#hasRoom();
    return mustWait ? this.#enqueue(batch, durability) : this.#admit(batch, durability);
  }

  /** @throws LsmError `LSM_UNSUPPORTED` on a file system without synchronous calls, without effect */
  writeSync(batch: WriteBatch, durability: Durability): void {
    const { clock, fs } = this.#core.components;
    if (!fs.hasSync) throw noSyncCalls(fs.name);
    if (!this.#waiters.isEmpty || !this.#hasRoom()) {
      const since = clock.monotonicMs();
      this.delayedWrites++;
      do {
        this.#makeRoomSync();
        // A listener may have closed the database.
        this.#core.checkWritable();
      } while (!this.#waiters.isEmpty || !this.#hasRoom());
      this.delayedMs += clock.monotonicMs() - since;
    }
    this.#enter(batch);
    if (durability === 'none') {
      this.#tick();
      return;
    }
    const { logs } = this.#core;
    try {
      if (logs.canWriteSync) logs.writeSync();
      else runSync(logs.write());
      if (durability === 'disk') runSync(logs.sync());
    } catch (error) {
      throw this.#core.fail('log', error);
    }
    this.#arrived();
    if (durability === 'disk') this.#arrivedOnDisk();
    this.#paceSync();
  }

  /** Settles when every write made so far has been admitted; rejects with what turned it away. */
  async waitForAdmission(): Promise<void> {
    if (!this.#waiters.isEmpty) await this.#wait(new WriteBatch(), 'none');
  }

  /** A barrier: everything written so far is on disk when it settles. */
  async sync(): Promise<void> {
    await this.waitForAdmission();
    const seq = this.#core.logs.appendedSeq;
    if (this.#core.logs.syncedSeq >= seq) return;
    const done = this.#diskAcks.wait(seq);
    this.#tick();
    await done;
  }

  /** Hands what is in the buffer to the OS with one synchronous write, when the process exits. */
  writeAtExit(): void {
    const { logs, failure, components } = this.#core;
    if (failure === undefined && components.fs.hasSync) runSync(logs.write());
  }

  /** How near writes are to being stopped. */
  get pressure(): Pressure {
    return this.#background.pacing.pressure;
  }

  /** Room may have come: lets in who waits, in order. */
  admitWaiters(): void {
    this.#admitFor(longestTurnMs);
  }

  /** A memtable has room for more than can be let in without keeping the event loop waiting: 143 ms for 32 MiB of small puts. */
  #admitFor(turnMs: number): void {
    const { clock } = this.#core.components;
    const beganMs = clock.monotonicMs();
    if (this.pressure.share === 0) this.#speedUp();
    while (!this.#waiters.isEmpty && this.#core.isWritable && this.#hasRoom()) {
      if (clock.monotonicMs() - beganMs > turnMs) {
        this.#admitInNextTurn();
        return;
      }
      const waiter = this.#waiters.shift()!;
      this.delayedMs += (clock.monotonicMs() - waiter.sinceMs) * waiter.writes;
      try {
        waiter.resolve(this.#admit(waiter.batch, waiter.durability));
      } catch (error) {
        waiter.reject(toError(error));
      }
      if (this.#waiters.isEmpty) this.#stallEnds();
    }
  }

  #admitInNextTurn(): void {
    if (this.#isAdmitting) return;
    this.#isAdmitting = true;
    this.#core.components.clock.nextTurn(() => {
      this.#isAdmitting = false;
      this.admitWaiters();
    });
  }

  /** Turns away who waits: their writes have no effect. */
  rejectWaiters(error: LsmError): void {
    if (this.#waiters.isEmpty) return;
    this.#waiters.rejectAll(error);
    this.#stallEnds();
  }

  /** The log failed: what was not acknowledged may or may not be there after reopening. */
  rejectAll(error: LsmError): void {
    this.#cancelTimedSync?.();
    this.#held.releaseAll();
    this.#writtenAcks.rejectAll(error);
    this.#diskAcks.rejectAll(error);
    this.rejectWaiters(error);
  }

  /** Settles when everything admitted has reached its durability; used by close. */
  async drain(): Promise<void> {
    this.#cancelTimedSync?.();
    this.#cancelTimedSync = undefined;
    await runAsync(this.#core.logs.sync());
    this.#arrived();
    this.#arrivedOnDisk();
    this.#held.releaseAll();
  }

  #hasRoom(): boolean {
    return !this.#background.mayLackRoom || this.#background.makeRoom();
  }

  #admit(batch: WriteBatch, durability: Durability): Promise<void> {
    // Nothing but a place in the queue: `waitForAdmission`.
    if (batch.count === 0) return settled;
    this.#enter(batch);
    this.#tick();
    if (durability === 'none') return settled;
    const acks = durability === 'disk' ? this.#diskAcks : this.#writtenAcks;
    return acks.wait(this.#core.logs.appendedSeq);
  }

  /**
   * Gives the batch its sequence numbers: log first, so that nothing is visible that was not logged.
   * @throws LsmError without effect: `LSM_CLOSED` when a keyspace was dropped since the
   * batch was made; what damages one that takes no more writes
   */
  #enter(batch: WriteBatch): void {
    const { logs } = this.#core;
    const reader = this.#reader;
    if (this.#core.hasDropped || this.#background.hasRefused) this.#checkKeyspaces(batch);
    const firstSeq = logs.appendedSeq + 1;
    assert(firstSeq + batch.count <= maxSeq, 'sequence numbers have run out');
    logs.append(firstSeq, batch.count, batch);
    try {
      let seq = firstSeq;
      let keyspace = this.#lastKeyspace;
      batch.read(reader);
      while (reader.next()) {
        if (keyspace.id !== reader.keyspaceId) keyspace = this.#changeKeyspace(reader.keyspaceId);
        addOperation(keyspace, reader, seq++);
      }
    } catch (error) {
      // Logged but not (wholly) in memory: only a reopening makes the two agree again.
      throw this.#core.fail('log', error);
    }
    this.#background.entered(this.#lastKeyspace, batch.byteLength);
  }

  #changeKeyspace(id: number): KeyspaceCore {
    this.#background.entered(this.#lastKeyspace, 0);
    const keyspace = this.#core.keyspaceAt(id);
    assert(keyspace !== undefined, 'a batch was held against the keyspaces before it was logged');
    this.#lastKeyspace = keyspace;
    return keyspace;
  }

  #checkKeyspaces(batch: WriteBatch): void {
    const reader = this.#reader;
    batch.read(reader);
    while (reader.next()) {
      const keyspace = this.#core.keyspaceAt(reader.keyspaceId);
      if (keyspace === undefined || keyspace.isDropped) throw this.#core.droppedError(keyspace);
      const refusal = this.#background.refusalOf(keyspace);
      if (refusal !== undefined) throw refusal;
    }
  }

  #tick(): void {
    if (this.#isTicking) return;
    this.#isTicking = true;
    // Not queueMicrotask, which makes an AsyncResource each time: 300 ns.
    void settled.then(this.#flushTick);
  }

  readonly #flushTick = (): void => {
    this.#isTicking = false;
    const { logs } = this.#core;
    if (this.#core.failure !== undefined) return;
    if (logs.canWriteSync) {
      try {
        logs.writeSync();
      } catch (error) {
        this.#core.fail('log', error);
        return;
      }
      this.#arrived();
    } else {
      this.#writtenAcks.seal();
      runAsync(logs.write()).then(
        () => this.#arrived(),
        (error: unknown) => this.#core.fail('log', error),
      );
    }
  };

  /** Everything up to the log's `writtenSeq` has been handed to the OS. */
  #arrived(): void {
    const { logs } = this.#core;
    this.#settle(this.#writtenAcks, logs.writtenSeq);
    if (!this.#diskAcks.isEmpty) this.#syncNow();
    else this.#syncLater();
  }

  /** Settles what is fulfilled once everything up to `seq` has arrived, at once unless it has to be held back. */
  #settle(acks: Acknowledgements, seq: number): void {
    let group = acks.take(seq);
    if (group === undefined) return;
    const delayMs = this.#background.pacing.delayMs();
    this.#noteDelay(delayMs);
    const isTurnDue = delayMs === 0 && this.#turn.isDue;
    for (; group !== undefined; group = acks.take(seq)) {
      this.#held.add(delayMs, group.resolve, isTurnDue);
    }
  }

  #paceSync(): void {
    const delayMs = this.#background.pacing.delayMs();
    if (delayMs > 0) this.#background.paceSync(delayMs);
    this.#noteDelay(delayMs);
  }

  #noteDelay(delayMs: number): void {
    if (delayMs > 0) {
      this.delayedWrites++;
      this.delayedMs += delayMs;
      if (this.#slowedBy !== undefined) return;
      this.#slowedBy = this.pressure.reason ?? 'memtables';
      this.#emitStall('slowdown', this.#slowedBy, 'begin');
    } else if (this.#slowedBy !== undefined && this.pressure.share === 0) this.#speedUp();
  }

  /** Nothing holds writers back any more. */
  #speedUp(): void {
    this.#held.releaseAll();
    if (this.#slowedBy === undefined) return;
    this.#emitStall('slowdown', this.#slowedBy, 'end');
    this.#slowedBy = undefined;
  }

  #syncNow(): void {
    if (this.#isSyncing) return;
    this.#isSyncing = true;
    this.#diskAcks.seal();
    this.#cancelTimedSync?.();
    this.#cancelTimedSync = undefined;
    runAsync(this.#core.logs.sync()).then(
      () => {
        this.#isSyncing = false;
        this.#arrivedOnDisk();
        if (!this.#diskAcks.isEmpty) this.#syncNow();
      },
      (error: unknown) => this.#core.fail('log', error),
    );
  }

  /** Begins a sync within the interval of the first write that is not on disk. */
  #syncLater(): void {
    const { settings, components, logs } = this.#core;
    if (settings.syncIntervalMs === 0 || this.#cancelTimedSync !== undefined) return;
    if (logs.syncedSeq >= logs.writtenSeq || this.#core.failure !== undefined) return;
    this.#cancelTimedSync = components.clock.after(settings.syncIntervalMs, () => {
      this.#cancelTimedSync = undefined;
      if (this.#core.isWritable) this.#syncNow();
    });
  }

  #arrivedOnDisk(): void {
    this.#settle(this.#diskAcks, this.#core.logs.syncedSeq);
  }

  #enqueue(batch: WriteBatch, durability: Durability): Promise<void> {
    const { settings } = this.#core;
    const blocked = this.#background.blockedBy;
    if (blocked !== undefined) return Promise.reject(blocked);
    if (!this.#waiters.hasPlaceFor(batch, durability, settings.maxQueuedBytes)) {
      return Promise.reject(this.#waiters.refusal(settings.maxQueuedBytes));
    }
    this.delayedWrites++;
    return this.#wait(batch, durability);
  }

  #wait(batch: WriteBatch, durability: Durability): Promise<void> {
    if (this.#waiters.isEmpty) this.#stallBegins();
    const done = this.#waiters.add(batch, durability, this.#core.components.clock.monotonicMs());
    this.tookBatch = this.#waiters.tookBatch;
    return done;
  }

  #makeRoomSync(): void {
    this.#background.makeRoomSync();
    this.#admitFor(Infinity);
  }

  /** Somebody awaits the background work now: the process stays for it. */
  #stallBegins(): void {
    this.#background.ref();
    this.#emitStall('stop', this.#background.stallReason(), 'begin');
  }

  #stallEnds(): void {
    this.#background.unref();
    this.#emitStall('stop', this.#background.stallReason(), 'end');
  }

  #emitStall(kind: StallEvent['kind'], reason: PressureReason, state: StallEvent['state']): void {
    this.#core.events.emit('stall', () => ({ kind, reason, state }));
  }
}
