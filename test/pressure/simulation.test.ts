import { describe, expect, it } from 'vitest';
import { mean, quantile, simulate, usual, type Outcome, type Scenario } from './simulation.js';

/**
 * The pacing of writers against background work of several speeds, on a virtual
 * clock: nothing here depends on real time. Rates are in bytes per millisecond.
 */
const MiB = 1024 * 1024;

const rough = { noise: 0.2, timerSlackMs: 1.5 } as const;

function run(changes: Partial<Scenario>): Outcome & { readonly longest: number } {
  const outcome = simulate({ ...usual, ...changes });
  return { ...outcome, longest: quantile(outcome.latencies, 1) };
}

function checkLimits(outcome: Outcome, scenario: Scenario): void {
  expect(outcome.mostImmutables).toBeLessThanOrEqual(scenario.maxImmutableMemtables);
  expect(outcome.mostLevel0).toBeLessThanOrEqual(scenario.l0StopTables);
  // A writer that awaits has one write that waits.
  expect(outcome.mostWaitingBytes).toBeLessThanOrEqual(scenario.writers * scenario.batchBytes);
}

describe('a writer slower than the flush', () => {
  it.each([0, 0.2])('is never delayed (noise %f)', (noise) => {
    const { delays, stops } = run({ writeRate: 80_000, noise, timerSlackMs: 1.5 });
    expect(Math.max(...delays)).toBe(0);
    expect(stops).toEqual([]);
  });
});

describe('a burst that fits into memory', () => {
  it('is never delayed', () => {
    // All but the last memtable.
    const { delays, stops } = run({ writeRate: 1_000_000, totalBytes: 64 * MiB });
    expect(Math.max(...delays)).toBe(0);
    expect(stops).toEqual([]);
  });

  it('is free again after a pause in which the flush catches up', () => {
    const bursts = { writeRate: 1_000_000, burstBytes: 32 * MiB, pauseMs: 400 };
    const { delays } = run({ ...bursts, totalBytes: 640 * MiB });
    expect(Math.max(...delays)).toBe(0);
  });
});

describe('a writer faster than the flush', () => {
  const ratios = [1.1, 1.5, 3, 10];
  const memtables = [2, 4];
  it.each(memtables.flatMap((max) => ratios.map((ratio) => [max, ratio] as const)))(
    'comes down to its rate without a stop: %i immutable memtables, %f times as fast',
    (maxImmutableMemtables, ratio) => {
      for (let seed = 1; seed <= 5; seed++) {
        const scenario = { ...usual, ...rough, seed, maxImmutableMemtables };
        const outcome = run({ ...scenario, writeRate: usual.flushRate * ratio });
        checkLimits(outcome, scenario);
        expect(outcome.stops).toEqual([]);
        expect(outcome.rate).toBeGreaterThan(0.95 * usual.flushRate);
        // A fair share takes 1.16 ms for each batch.
        expect(mean(outcome.latencies)).toBeLessThan(1.3);
        expect(quantile(outcome.latencies, 0.99)).toBeLessThan(5);
        expect(outcome.longest).toBeLessThan(20);
      }
    },
  );

  it('is stopped for most of a flush where nothing paces it: what this is for', () => {
    const { longest, stops } = run({ writeRate: 3 * usual.flushRate, paced: false });
    expect(longest).toBeGreaterThan(200);
    expect(stops.length).toBeGreaterThan(50);
  });

  it('loses a little with one immutable memtable only, as the flush has to wait for the next', () => {
    for (const ratio of ratios) {
      const scenario = { ...usual, ...rough, maxImmutableMemtables: 1 };
      const outcome = run({ ...scenario, writeRate: usual.flushRate * ratio });
      checkLimits(outcome, scenario);
      expect(outcome.rate).toBeGreaterThan(0.86 * usual.flushRate);
      expect(outcome.longest).toBeLessThan(20);
    }
  });

  it('is paced as well in single small writes: few wait, none for long', () => {
    const outcome = run({ ...rough, batchBytes: 1160, totalBytes: 400 * MiB });
    expect(outcome.rate).toBeGreaterThan(0.95 * usual.flushRate);
    expect(outcome.longest).toBeLessThan(5);
    expect(quantile(outcome.latencies, 0.99)).toBeLessThan(0.1);
  });

  it('shares the rate with 64 others; none waits for longer than a limit would stop it', () => {
    const scenario = { ...usual, ...rough, writers: 64 };
    const paced = run(scenario);
    const stopped = run({ ...scenario, paced: false });
    checkLimits(paced, scenario);
    expect(paced.rate).toBeGreaterThan(0.95 * usual.flushRate);
    expect(paced.longest).toBeLessThan(stopped.longest);
  });

  it('learns the rate of a slow disk', () => {
    const scenario = { ...usual, ...rough, flushRate: 5000, totalBytes: 600 * MiB };
    const outcome = run(scenario);
    checkLimits(outcome, scenario);
    expect(outcome.rate).toBeGreaterThan(0.95 * scenario.flushRate);
    // While it still takes it for a fast one, at most.
    expect(outcome.stops.length).toBeLessThanOrEqual(1);
    expect(quantile(outcome.latencies, 0.999)).toBeLessThan(250);
  });
});

describe('a writer faster than compactions', () => {
  const rates = [20_000, 50_000, 80_000];
  it.each([0, 1].flatMap((deeper) => rates.map((rate) => [rate, deeper] as const)))(
    'comes down to their rate and never reaches the stop: %i, deeper levels take %i times as long',
    (level0Rate, deeperShare) => {
      for (let seed = 1; seed <= 3; seed++) {
        const scenario = { ...usual, ...rough, seed, level0Rate, deeperShare };
        const outcome = run({ ...scenario, totalBytes: 6000 * MiB });
        checkLimits(outcome, scenario);
        const sustained = level0Rate / (1 + deeperShare);
        const fairMs = usual.batchBytes / sustained;
        expect(outcome.rate).toBeGreaterThan(0.95 * sustained);
        expect(quantile(outcome.latencies, 0.99)).toBeLessThan(10 * fairMs);
        expect(outcome.longest).toBeLessThan(250);
        expect(outcome.stops).toEqual([]);
      }
    },
  );

  it('is stopped for seconds where nothing paces it', () => {
    const { longest } = run({ level0Rate: 50_000, totalBytes: 3000 * MiB, paced: false });
    expect(longest).toBeGreaterThan(5000);
  });
});
