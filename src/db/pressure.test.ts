import { describe, expect, it } from 'vitest';
import { longestDelayMs, PressureController, pressureOf, type Debt } from './pressure.js';

const MiB = 1024 * 1024;
const batchBytes = 100_000;

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

function debtOf(changes: Partial<Debt> = {}): Mutable<Debt> {
  return {
    memtableBytes: 32 * MiB,
    activeBytes: 0,
    immutableMemtables: 0,
    maxImmutableMemtables: 2,
    level0Tables: 0,
    l0SlowdownTables: 20,
    l0StopTables: 36,
    pendingCompactionBytes: 0,
    softPendingBytes: 1000 * MiB,
    hardPendingBytes: 4000 * MiB,
    ...changes,
  };
}

/** A controller whose time the test moves. */
function controllerOf(debt: Debt): { controller: PressureController; clock: { nowMs: number } } {
  const clock = { nowMs: 1000 };
  const controller = new PressureController(
    {
      wallMs: () => clock.nowMs,
      monotonicMs: () => clock.nowMs,
      after: () => () => undefined,
      nextTurn: () => undefined,
      sleepSync: () => undefined,
    },
    debt,
  );
  return { controller, clock };
}

describe('pressureOf', () => {
  it('is 0 while all but the last memtable has room, L0 is below slowdown, and compactions keep up', () => {
    const free = { share: 0, reason: undefined };
    expect(pressureOf(debtOf())).toEqual(free);
    expect(pressureOf(debtOf({ immutableMemtables: 1, activeBytes: 32 * MiB }))).toEqual(free);
    expect(pressureOf(debtOf({ level0Tables: 19, activeBytes: 32 * MiB }))).toEqual(free);
    expect(pressureOf(debtOf({ pendingCompactionBytes: 1000 * MiB }))).toEqual(free);
  });

  it('is 1 where writes stop, and names the limit', () => {
    const full = { immutableMemtables: 2, activeBytes: 32 * MiB };
    expect(pressureOf(debtOf(full))).toEqual({ share: 1, reason: 'memtables' });
    expect(pressureOf(debtOf({ level0Tables: 36, activeBytes: 32 * MiB }))).toEqual({
      share: 1,
      reason: 'level0',
    });
    expect(pressureOf(debtOf({ pendingCompactionBytes: 4000 * MiB }))).toEqual({
      share: 1,
      reason: 'pendingBytes',
    });
  });

  it('counts immutable memtables as L0 tables that are on their way', () => {
    const now = { level0Tables: 35, immutableMemtables: 1, activeBytes: 32 * MiB };
    expect(pressureOf(debtOf(now))).toEqual({ share: 1, reason: 'level0' });
  });

  it('stays at 1 beyond a limit', () => {
    const changes = { immutableMemtables: 3, activeBytes: 900 * MiB, level0Tables: 99 };
    expect(pressureOf(debtOf(changes)).share).toBe(1);
    expect(pressureOf(debtOf({ pendingCompactionBytes: 1e15 })).share).toBe(1);
    const noGap = { softPendingBytes: 5, hardPendingBytes: 5, pendingCompactionBytes: 6 };
    expect(pressureOf(debtOf(noGap)).share).toBe(1);
  });

  it('never falls, and never jumps, as bytes are written', () => {
    let before = 0;
    for (let written = 0; written <= 96 * MiB; written += MiB / 4) {
      const immutableMemtables = Math.min(2, Math.floor(written / (32 * MiB)));
      const activeBytes = written - immutableMemtables * 32 * MiB;
      const { share } = pressureOf(debtOf({ immutableMemtables, activeBytes }));
      expect(share).toBeGreaterThanOrEqual(before);
      expect(share - before).toBeLessThanOrEqual(0.01);
      before = share;
    }
    expect(before).toBe(1);
  });

  it('knows no pending bytes when there is no soft limit', () => {
    const changes = { softPendingBytes: Infinity, hardPendingBytes: Infinity };
    expect(pressureOf(debtOf({ ...changes, pendingCompactionBytes: 1e15 })).share).toBe(0);
  });
});

describe('PressureController', () => {
  it('delays nothing without debt, whatever was written', () => {
    const { controller } = controllerOf(debtOf({ activeBytes: 31 * MiB }));
    controller.onAdmitted(31 * MiB);
    expect(controller.delayMs()).toBe(0);
  });

  it('lets the room last until the flush ends', () => {
    const debt = debtOf({ immutableMemtables: 2 });
    const { controller, clock } = controllerOf(debt);
    // Flushes have taken 400 ms each; the next has just begun.
    controller.flushes.began(clock.nowMs - 400, 32 * MiB);
    controller.flushes.ended(clock.nowMs, true);
    controller.flushes.began(clock.nowMs, 32 * MiB);
    const end = clock.nowMs + 400;
    const delays: number[] = [];
    while (clock.nowMs < end) {
      debt.activeBytes += batchBytes;
      controller.onAdmitted(batchBytes);
      const delay = controller.delayMs();
      delays.push(delay);
      // A writer that needs 0.1 ms for a batch.
      clock.nowMs += delay + 0.1;
    }
    expect(debt.activeBytes).toBeLessThan(32 * MiB);
    expect(debt.activeBytes).toBeGreaterThan(28 * MiB);
    expect(Math.max(...delays)).toBeLessThan(6);
  });

  it('does not delay a writer that is slower than the flush', () => {
    const debt = debtOf({ immutableMemtables: 2 });
    const { controller, clock } = controllerOf(debt);
    controller.flushes.measured(32 * MiB, 400);
    controller.flushes.began(clock.nowMs, 32 * MiB);
    for (let i = 0; i < 150; i++) {
      clock.nowMs += 1.5;
      debt.activeBytes += batchBytes;
      controller.onAdmitted(batchBytes);
      expect(controller.delayMs()).toBe(0);
    }
  });

  it('lets small writes add up to one timer', () => {
    const debt = debtOf({ immutableMemtables: 2 });
    const { controller, clock } = controllerOf(debt);
    controller.flushes.measured(32 * MiB, 320);
    controller.flushes.began(clock.nowMs, 32 * MiB);
    let delayed = 0;
    let total = 0;
    for (let i = 0; i < 10_000; i++) {
      debt.activeBytes += 100;
      controller.onAdmitted(100);
      const delay = controller.delayMs();
      expect(delay === 0 || delay >= 1).toBe(true);
      if (delay > 0) delayed++;
      total += delay;
      clock.nowMs += delay;
    }
    // 1 MB at 105 MB/s.
    expect(delayed).toBeGreaterThanOrEqual(8);
    expect(delayed).toBeLessThanOrEqual(10);
    expect(total).toBeGreaterThan(8);
    expect(total).toBeLessThan(11);
  });

  it('slows more and more when a flush takes longer than foreseen, up to the longest delay', () => {
    const debt = debtOf({ immutableMemtables: 2 });
    const { controller, clock } = controllerOf(debt);
    controller.flushes.measured(32 * MiB, 300);
    controller.flushes.began(clock.nowMs, 32 * MiB);
    let before = 0;
    // Twice as long as foreseen; a writer that nothing holds back is stopped after 33 ms.
    while (clock.nowMs < 1000 + 600) {
      debt.activeBytes += batchBytes;
      controller.onAdmitted(batchBytes);
      const delay = controller.delayMs();
      expect(delay).toBeLessThanOrEqual(longestDelayMs);
      expect(delay).toBeLessThan(2 * before + 3);
      before = delay;
      clock.nowMs += delay + 0.1;
    }
    expect(debt.activeBytes).toBeLessThan(32 * MiB);
    expect(before).toBeGreaterThan(20);
  });

  it('slows for L0 from the slowdown limit on, so that the stop is not reached before the compaction ends', () => {
    const debt = debtOf({ level0Tables: 20 });
    const { controller, clock } = controllerOf(debt);
    controller.level0.measured(640 * MiB, 6400);
    controller.level0.began(clock.nowMs, 640 * MiB);
    let written = 0;
    while (clock.nowMs < 1000 + 6400) {
      written += batchBytes;
      debt.level0Tables = 20 + Math.floor(written / (32 * MiB));
      debt.activeBytes = written % (32 * MiB);
      controller.onAdmitted(batchBytes);
      clock.nowMs += 0.1 + controller.delayMs();
    }
    expect(debt.level0Tables).toBeLessThan(36);
    expect(debt.level0Tables).toBeGreaterThan(32);
  });

  it('slows for pending compaction bytes in proportion, from nothing at the soft limit', () => {
    const pace = (pendingCompactionBytes: number): number => {
      const { controller } = controllerOf(debtOf({ pendingCompactionBytes }));
      controller.compactions.measured(200 * MiB, 1000);
      controller.onAdmitted(batchBytes);
      controller.delayMs();
      // What the next one has to wait.
      return controller.delayMs();
    };
    expect(pace(1000 * MiB)).toBe(0);
    expect(pace(1001 * MiB)).toBe(0);
    const quarter = pace(1750 * MiB);
    const half = pace(2500 * MiB);
    const most = pace(3999 * MiB);
    expect(half).toBeCloseTo((4 * batchBytes * 1000) / (200 * MiB), 5);
    expect(quarter).toBeLessThan(half);
    expect(most).toBeGreaterThan(10 * half);
    expect(most).toBeLessThanOrEqual(longestDelayMs);
  });

  it('forgets what was owed once there is no pressure', () => {
    const debt = debtOf({ immutableMemtables: 2, activeBytes: 30 * MiB });
    const { controller, clock } = controllerOf(debt);
    controller.flushes.began(clock.nowMs, 32 * MiB);
    controller.onAdmitted(10 * MiB);
    controller.delayMs();
    expect(controller.delayMs()).toBeGreaterThan(10);
    debt.immutableMemtables = 1;
    expect(controller.delayMs()).toBe(0);
    debt.immutableMemtables = 2;
    expect(controller.delayMs()).toBe(0);
  });

  it('says finite delays on a clock that stands still, with room gone and jobs that take no time', () => {
    const debt = debtOf({ immutableMemtables: 2, activeBytes: 40 * MiB, level0Tables: 50 });
    debt.pendingCompactionBytes = 1e15;
    const { controller, clock } = controllerOf(debt);
    for (const drain of [controller.flushes, controller.level0, controller.compactions]) {
      drain.began(clock.nowMs, 32 * MiB);
      drain.ended(clock.nowMs, true);
    }
    for (const bytes of [0, 1, 32 * MiB, 900 * MiB]) {
      controller.onAdmitted(bytes);
      const delay = controller.delayMs();
      expect(delay).toBeGreaterThanOrEqual(0);
      expect(delay).toBeLessThanOrEqual(longestDelayMs);
    }
  });
});
