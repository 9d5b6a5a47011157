import type { Clock } from '../../src/base/clock.js';
import { Prng } from '../../src/base/prng.js';
import { HeldSettlements } from '../../src/db/held-settlements.js';
import { PressureController, pressureOf, type Debt } from '../../src/db/pressure.js';

const MiB = 1024 * 1024;

export interface Scenario {
  readonly seed: number;
  /** Bytes per millisecond that one thread can write when nothing holds it back. */
  readonly writeRate: number;
  readonly flushRate: number;
  /** Bytes of L0 per millisecond that compactions bring into L1. */
  readonly level0Rate: number;
  /** Each L0 compaction is followed by one of deeper levels that takes so many times as long. */
  readonly deeperShare: number;
  /** Jobs take up to this share longer or shorter than their rate says. */
  readonly noise: number;
  /** Timers fire up to so much late, in milliseconds. */
  readonly timerSlackMs: number;
  readonly writers: number;
  readonly batchBytes: number;
  readonly totalBytes: number;
  /** Bytes written in one go, then a pause: bursts. Default all. */
  readonly burstBytes: number;
  readonly pauseMs: number;
  readonly memtableBytes: number;
  readonly maxImmutableMemtables: number;
  readonly l0CompactionTrigger: number;
  readonly l0SlowdownTables: number;
  readonly l0StopTables: number;
  /** Without it writers are only stopped at the limits: what the background work sustains. */
  readonly paced: boolean;
}

export const usual: Scenario = {
  seed: 1,
  writeRate: 200_000,
  flushRate: 100_000,
  level0Rate: 400_000,
  deeperShare: 0,
  noise: 0,
  timerSlackMs: 0,
  writers: 1,
  batchBytes: 116_000,
  totalBytes: 2000 * MiB,
  burstBytes: Infinity,
  pauseMs: 0,
  memtableBytes: 32 * MiB,
  maxImmutableMemtables: 2,
  l0CompactionTrigger: 8,
  l0SlowdownTables: 20,
  l0StopTables: 36,
  paced: true,
};

export interface Outcome {
  /** Milliseconds from a write's call to its acknowledgement, for each write. */
  readonly latencies: number[];
  /** What the controller asked for, for each write. */
  readonly delays: number[];
  /** How long writes waited at a limit, for those that did. */
  readonly stops: number[];
  /** Milliseconds until the last acknowledgement. */
  readonly elapsedMs: number;
  readonly mostImmutables: number;
  readonly mostLevel0: number;
  readonly mostWaitingBytes: number;
  /** Bytes per millisecond that were taken in. */
  readonly rate: number;
}

class VirtualClock implements Clock {
  nowMs = 0;
  readonly #timers: { at: number; run: () => void }[] = [];

  wallMs(): number {
    return this.nowMs;
  }

  monotonicMs(): number {
    return this.nowMs;
  }

  after(delayMs: number, run: () => void): () => void {
    const timer = { at: this.nowMs + delayMs, run };
    const place = this.#timers.findLastIndex(({ at }) => at <= timer.at);
    this.#timers.splice(place + 1, 0, timer);
    return () => {
      const index = this.#timers.indexOf(timer);
      if (index >= 0) this.#timers.splice(index, 1);
    };
  }

  nextTurn(run: () => void): void {
    this.after(0, run);
  }

  sleepSync(delayMs: number): void {
    this.nowMs += delayMs;
  }

  /** Runs what is due next; false when nothing is. */
  step(): boolean {
    const timer = this.#timers.shift();
    if (timer === undefined) return false;
    this.nowMs = timer.at;
    timer.run();
    return true;
  }
}

interface Waiter {
  readonly calledMs: number;
  readonly admit: () => void;
}

/** One thread of writers, one flush at a time, one compaction at a time, on a virtual clock. */
export function simulate(scenario: Scenario): Outcome {
  const clock = new VirtualClock();
  const prng = new Prng(scenario.seed);
  const random = (): number => prng.u32() / 2 ** 32;
  const noisy = (ms: number): number => ms * (1 + scenario.noise * (2 * random() - 1));
  const { memtableBytes, maxImmutableMemtables, l0StopTables } = scenario;

  let activeBytes = 0;
  let immutables = 0;
  let level0 = 0;
  const debt: Debt = {
    memtableBytes,
    maxImmutableMemtables,
    l0SlowdownTables: scenario.l0SlowdownTables,
    l0StopTables,
    pendingCompactionBytes: 0,
    softPendingBytes: Infinity,
    hardPendingBytes: Infinity,
    get activeBytes() {
      return activeBytes;
    },
    get immutableMemtables() {
      return immutables;
    },
    get level0Tables() {
      return level0;
    },
  };
  const controller = new PressureController(clock, debt);
  const late: Clock = {
    ...{ wallMs: () => clock.wallMs(), monotonicMs: () => clock.monotonicMs() },
    after: (delayMs, run) => clock.after(delayMs + random() * scenario.timerSlackMs, run),
    nextTurn: (run) => clock.nextTurn(run),
    sleepSync: (delayMs) => clock.sleepSync(delayMs),
  };
  const held = new HeldSettlements(late);

  const outcome = {
    latencies: [] as number[],
    delays: [] as number[],
    stops: [] as number[],
    mostImmutables: 0,
    mostLevel0: 0,
    mostWaitingBytes: 0,
  };
  const waiters: Waiter[] = [];
  let isFlushing = false;
  let isCompacting = false;
  let threadFreeMs = 0;
  let calledBytes = 0;
  let lastAckMs = 0;
  let admitted = 0;
  let settled = 0;

  function hasRoom(): boolean {
    if (activeBytes < memtableBytes) return true;
    if (immutables >= maxImmutableMemtables || level0 + immutables >= l0StopTables) return false;
    immutables++;
    activeBytes = 0;
    outcome.mostImmutables = Math.max(outcome.mostImmutables, immutables);
    schedule();
    return true;
  }

  function schedule(): void {
    if (!isFlushing && immutables > 0) {
      isFlushing = true;
      controller.flushes.began(clock.nowMs, memtableBytes);
      clock.after(noisy(memtableBytes / scenario.flushRate), () => {
        isFlushing = false;
        immutables--;
        level0++;
        outcome.mostLevel0 = Math.max(outcome.mostLevel0, level0);
        controller.flushes.ended(clock.nowMs, immutables > 0);
        schedule();
        letGo();
      });
    }
    if (!isCompacting && level0 > scenario.l0CompactionTrigger) compactLevel0();
  }

  function compactLevel0(): void {
    isCompacting = true;
    const tables = level0;
    const ms = noisy((tables * memtableBytes) / scenario.level0Rate);
    controller.level0.began(clock.nowMs, tables * memtableBytes);
    clock.after(ms, () => {
      level0 -= tables;
      controller.level0.ended(clock.nowMs, level0 > scenario.l0CompactionTrigger);
      clock.after(ms * scenario.deeperShare, () => {
        isCompacting = false;
        schedule();
      });
      letGo();
    });
  }

  function letGo(): void {
    if (controller.pressure.share === 0) held.releaseAll();
    while (waiters.length > 0 && hasRoom()) {
      const waiter = waiters.shift()!;
      outcome.stops.push(clock.nowMs - waiter.calledMs);
      waiter.admit();
    }
  }

  function write(): void {
    if (calledBytes >= scenario.totalBytes) return;
    calledBytes += scenario.batchBytes;
    // One thread: who is ready waits for its turn.
    const beginMs = Math.max(clock.nowMs, threadFreeMs);
    threadFreeMs = beginMs + scenario.batchBytes / scenario.writeRate;
    const isBurstOver =
      Math.floor(calledBytes / scenario.burstBytes) >
      Math.floor((calledBytes - scenario.batchBytes) / scenario.burstBytes);
    clock.after(threadFreeMs - clock.nowMs, () => {
      const admit = (): void => {
        activeBytes += scenario.batchBytes;
        controller.onAdmitted(scenario.batchBytes);
        const delayMs = scenario.paced ? controller.delayMs() : 0;
        outcome.delays.push(delayMs);
        const order = admitted++;
        held.add(delayMs, () => {
          if (order !== settled++) throw new Error('settled out of order');
          outcome.latencies.push(clock.nowMs - beginMs);
          lastAckMs = clock.nowMs;
          if (isBurstOver) clock.after(scenario.pauseMs, write);
          else write();
        });
      };
      if (waiters.length === 0 && hasRoom()) {
        admit();
        return;
      }
      waiters.push({ calledMs: clock.nowMs, admit });
      const waitingBytes = waiters.length * scenario.batchBytes;
      outcome.mostWaitingBytes = Math.max(outcome.mostWaitingBytes, waitingBytes);
    });
  }

  for (let i = 0; i < scenario.writers; i++) write();
  while (clock.step());
  if (waiters.length > 0) throw new Error('writers wait for ever');
  if (isFlushing || isCompacting) throw new Error('background work never ends');
  if (pressureOf(debt).share > 1) throw new Error('share is at most 1');
  const rate = (outcome.latencies.length * scenario.batchBytes) / lastAckMs;
  return { ...outcome, elapsedMs: lastAckMs, rate };
}

export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted.at(Math.min(sorted.length - 1, Math.floor(share * sorted.length))) ?? 0;
}

export function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
}
