import type { Clock } from '../base/clock.js';
import { Drain } from './drain.js';

/**
 * How far background work is behind, and how far it may be. Read at every
 * settlement, so a live object with getters serves best.
 */
export interface Debt {
  readonly memtableBytes: number;
  /** Bytes used in the active memtable. */
  readonly activeBytes: number;
  readonly immutableMemtables: number;
  /** Writes stop when the active memtable is full and so many wait to be flushed. */
  readonly maxImmutableMemtables: number;
  readonly level0Tables: number;
  readonly l0SlowdownTables: number;
  /** Writes stop when the active memtable is full and L0 with the immutable memtables is at this number. */
  readonly l0StopTables: number;
  /** About how many bytes compactions have to write until every level is within its target. */
  readonly pendingCompactionBytes: number;
  /** Writes are slowed from here on; Infinity: never. */
  readonly softPendingBytes: number;
  readonly hardPendingBytes: number;
}

export type PressureReason = 'memtables' | 'level0' | 'pendingBytes';

export interface Pressure {
  /** 0: writers are free; 1: writes stop. */
  readonly share: number;
  /** What is closest to its limit; undefined at 0. */
  readonly reason: PressureReason | undefined;
}

/** How near writes are to being stopped. A pure function of the debt. */
export function pressureOf(debt: Debt): Pressure {
  const memtables = shareUsed(memtableRoom(debt), memtableMargin(debt));
  const level0 = shareUsed(level0Room(debt), level0Margin(debt));
  const pending = pendingShare(debt);
  const share = Math.max(memtables, level0, pending);
  if (share === 0) return { share, reason: undefined };
  if (share === memtables) return { share, reason: 'memtables' };
  return { share, reason: share === level0 ? 'level0' : 'pendingBytes' };
}

/** No acknowledgement is held back for longer than this, in milliseconds. */
export const longestDelayMs = 200;

/** Timers are no finer than this: what is owed below it is owed with the next write. */
export const shortestDelayMs = 1;

/** At half way to `hardPendingBytes`, writers get so small a part of the rate at which compactions work. */
const pendingDivisor = 4;

/**
 * Holds acknowledgements back so that writers who await them come down to the
 * rate that background work sustains, a little at every write, before they would
 * be stopped for the rest of a flush.
 *
 * The model: a memtable or L0 has room for so many more bytes (`room`), and gets
 * more when the job that runs now ends, in about `remaining` milliseconds. Bytes
 * are let in at `room / remaining`: the room lasts just until there is more. In
 * the steady state that is the rate of the background work; a faster flush, or
 * an emptier L0, gives a higher rate than any writer has, and costs nothing. Room
 * beyond a margin (the last memtable, the L0 tables above the slowdown limit) is
 * not paced at all, so a burst that fits is never delayed. When a job takes
 * longer than expected, its remaining time is taken as a share of what it took,
 * so the rate falls smoothly with the room instead of hitting zero.
 *
 * Pending compaction bytes have no such end in sight: there the rate is that of
 * the compactions times `(1 - share) / (4 * share)`, unbounded at the soft limit,
 * zero at the hard one.
 *
 * Delays are kept as a due time (the generic cell rate algorithm, ITU-T I.371):
 * each group of writes moves it on, so that groups settle in order, tiny writes
 * add up to one timer, and many writers share the rate. The idea of a delayed
 * write rate below a hard stop is RocksDB's `WriteController`.
 *
 * One of these for each keyspace; a group of writes waits for the longest delay.
 * Nothing here blocks: a delay is at most `longestDelayMs`, and 0 without debt.
 */
export class PressureController {
  /** Memtables into L0: `began`/`ended` with every flush. */
  readonly flushes = new Drain();
  /** L0 into L1: `began`/`ended` with every compaction out of L0. */
  readonly level0 = new Drain();
  /** All compactions, for their rate: `measured` with each. */
  readonly compactions = new Drain();
  readonly #clock: Clock;
  readonly #debt: Debt;
  #admittedBytes = 0;
  /** When what was admitted so far may be acknowledged. */
  #dueMs = -Infinity;

  constructor(clock: Clock, debt: Debt) {
    this.#clock = clock;
    this.#debt = debt;
  }

  get pressure(): Pressure {
    return pressureOf(this.#debt);
  }

  /** So many bytes have entered the active memtable. Cheap: called for every write. */
  onAdmitted(bytes: number): void {
    this.#admittedBytes += bytes;
  }

  /**
   * By how many milliseconds to hold back the acknowledgement of everything
   * admitted since the last call; 0 or at least 1. Called once per settlement.
   */
  delayMs(): number {
    const bytes = this.#admittedBytes;
    this.#admittedBytes = 0;
    const debt = this.#debt;
    if (isFree(debt)) {
      this.#dueMs = -Infinity;
      return 0;
    }
    const nowMs = this.#clock.monotonicMs();
    // A group waits for those before it; its own bytes are paid for by the next
    // one, which had this time for its own work already.
    const delayMs = Math.max(0, this.#dueMs - nowMs);
    const paceMs = this.#paceMs(bytes, nowMs + delayMs);
    this.#dueMs = nowMs + Math.min(longestDelayMs, delayMs + paceMs);
    return delayMs < shortestDelayMs ? 0 : delayMs;
  }

  /** How long, from `atMs` on, whoever comes next has to wait for these bytes. */
  #paceMs(bytes: number, atMs: number): number {
    const debt = this.#debt;
    const { memtableBytes } = debt;
    const flushMs = this.flushes.remainingMs(atMs, memtableBytes);
    const level0Ms = this.level0.remainingMs(atMs, debt.level0Tables * memtableBytes);
    return Math.max(
      shareOf(flushMs, bytes, memtableRoom(debt), memtableMargin(debt)),
      shareOf(level0Ms, bytes, level0Room(debt), level0Margin(debt)),
      (bytes * pendingSlowness(debt)) / this.compactions.bytesPerMs,
    );
  }
}

/** The share of `remainingMs` that `bytes` have used up of the room, which they left at `room`. */
function shareOf(remainingMs: number, bytes: number, room: number, margin: number): number {
  if (bytes === 0 || room >= margin || remainingMs <= 0) return 0;
  // What was written before the margin was reached is free.
  const before = Math.min(margin, room + bytes);
  return (remainingMs * (before - room)) / before;
}

function isFree(debt: Debt): boolean {
  return (
    memtableRoom(debt) >= memtableMargin(debt) &&
    level0Room(debt) >= level0Margin(debt) &&
    debt.pendingCompactionBytes <= debt.softPendingBytes
  );
}

/** Bytes that can be written until writes stop for want of a memtable. */
function memtableRoom(debt: Debt): number {
  const switches = Math.max(0, debt.maxImmutableMemtables - debt.immutableMemtables);
  return Math.max(0, (switches + 1) * debt.memtableBytes - debt.activeBytes);
}

/** The last memtable is paced. */
function memtableMargin(debt: Debt): number {
  return debt.memtableBytes;
}

/** Bytes that can be written until writes stop for L0. Immutable memtables are on their way there. */
function level0Room(debt: Debt): number {
  const tables = debt.level0Tables + debt.immutableMemtables;
  const switches = Math.max(0, debt.l0StopTables - tables);
  return Math.max(0, (switches + 1) * debt.memtableBytes - debt.activeBytes);
}

function level0Margin(debt: Debt): number {
  return (debt.l0StopTables - debt.l0SlowdownTables + 1) * debt.memtableBytes;
}

function shareUsed(room: number, margin: number): number {
  return Math.max(0, 1 - room / margin);
}

function pendingShare(debt: Debt): number {
  const excess = debt.pendingCompactionBytes - debt.softPendingBytes;
  if (!(excess > 0)) return 0;
  return Math.min(1, excess / Math.max(1, debt.hardPendingBytes - debt.softPendingBytes));
}

/** By how much slower than compactions work bytes may come in; 0 below the soft limit. */
function pendingSlowness(debt: Debt): number {
  const share = pendingShare(debt);
  return (pendingDivisor * share) / Math.max(0.01, 1 - share);
}
