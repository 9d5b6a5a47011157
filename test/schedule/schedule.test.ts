import { writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { loadCodecs } from '../../src/sstable/codecs.js';
import { reportCounts } from '../support/counts.js';
import { seedsOf, withSeed } from '../support/seeds.js';
import { EngineRun, type RunCounts } from './engine-run.js';

/*
 * The whole engine and seven clients of it under one scheduler that owns every
 * source of order: the thread pool's calls overlap and overtake each other, time
 * stands still or jumps, disks fail, processes and power are lost. Whatever the
 * order, reads see what was written, in the order of the calls, and a crash at any
 * moment leaves a prefix with all that was promised.
 *
 * Each seed is run twice. Both runs must do the same in the same order: nothing
 * outside of the seed decides anything.
 *
 * One seed alone: NORI_SEED=7; with NORI_TRACE=file, what happened is written there.
 */
const testFile = 'test/schedule/schedule.test.ts';
const traceFile = process.env['NORI_TRACE'];

test('every order of events keeps the promises', { timeout: 3_600_000 }, async () => {
  await loadCodecs();
  const sums: Record<string, number> = { seeds: 0 };
  for (const seed of seedsOf(200)) {
    await withSeed(seed, testFile, async () => {
      add(sums, await runTwice(seed));
      sums['seeds']++;
    });
  }
  reportCounts('T13', 'every order of events', sums, {
    seeds: 200,
    overtakes: 40_000,
    crashes: 80,
    moments: 500,
    faults: 60,
    mostJobs: 2,
    flushes: 500,
    compactions: 50,
  });
});

async function runTwice(seed: number): Promise<RunCounts> {
  const first = new EngineRun(seed);
  try {
    await first.run();
  } finally {
    if (traceFile !== undefined) {
      writeFileSync(traceFile, `${first.scheduler.trace.join('\n')}\n`);
    }
  }
  const second = new EngineRun(seed);
  await second.run();
  const traces = [first.scheduler.trace, second.scheduler.trace];
  const at = traces[0].findIndex((line, i) => line !== traces[1][i]);
  expect(traces[1][at], `the second run differs at line ${at}`).toBe(traces[0][at]);
  expect(traces[1].length, 'length of the second run').toBe(traces[0].length);
  await first.checkMoments();
  return first.counts;
}

function add(sums: Record<string, number>, counts: RunCounts): void {
  for (const [name, count] of Object.entries(counts) as [string, number][]) {
    const before = sums[name] ?? 0;
    sums[name] = name.startsWith('most') ? Math.max(before, count) : before + count;
  }
}
