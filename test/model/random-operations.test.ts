import { expect, test } from 'vitest';
import { isWholeRun, seedsOf, withSeed } from '../support/seeds.js';
import { Session } from './session.js';

/*
 * Random operations against a sorted-map model, under random options, in one to
 * four keyspaces that come and go, each with settings and encodings of its own,
 * with closing, killing and reopening in between. One seed alone: NORI_SEED=7; more of
 * them: NORI_RUNS=10000.
 */
const operationsPerSeed = 5_000;
const seeds = seedsOf(200);

test('random operations agree with a model', { timeout: 3_600_000 }, async () => {
  const sums = {
    operations: 0,
    opens: 0,
    kills: 0,
    flushes: 0,
    compactions: 0,
    jumps: 0,
    made: 0,
    dropped: 0,
  };
  for (const seed of seeds) {
    const session = new Session({ seed, operations: operationsPerSeed });
    await withSeed(seed, 'test/model/random-operations.test.ts', () => session.run());
    for (const name of Object.keys(sums) as (keyof typeof sums)[]) sums[name] += session[name];
  }
  console.log(`T1: ${JSON.stringify(sums)}`);
  if (!isWholeRun()) return;
  expect(sums.operations).toBeGreaterThanOrEqual(1_000_000);
  expect(sums.opens).toBeGreaterThan(1_000);
  expect(sums.flushes).toBeGreaterThan(1_000);
  expect(sums.compactions).toBeGreaterThan(1_000);
  expect(sums.jumps).toBeGreaterThan(5_000);
  expect(sums.made).toBeGreaterThan(800);
  expect(sums.dropped).toBeGreaterThan(500);
});
