import { test } from 'vitest';
import { reportCounts } from '../support/counts.js';
import { seedsOf, withSeed } from '../support/seeds.js';
import { chosenSteps, shrunkFailure } from '../support/shrink.js';
import { Session } from './session.js';

/*
 * Random operations against a sorted-map model, under random options, in one to
 * four keyspaces that come and go, each with settings and encodings of its own,
 * with closing, killing and reopening in between.
 *
 * One seed alone: NORI_SEED=7; more of them: NORI_RUNS=10000. A failure shrinks to
 * the fewest steps that fail in the same way: NORI_STEPS=3,17,21-25 repeats them.
 */
const testFile = 'test/model/random-operations.test.ts';
const operationsPerSeed = 5_000;

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
  for (const seed of seedsOf(200)) {
    const session = new Session({ seed, operations: operationsPerSeed, steps: chosenSteps() });
    await withSeed(seed, testFile, () => runShrinking(seed, session));
    for (const name of Object.keys(sums) as (keyof typeof sums)[]) sums[name] += session[name];
  }
  reportCounts('T1', 'random operations', sums, {
    operations: 1_000_000,
    opens: 1_000,
    flushes: 1_000,
    compactions: 1_000,
    jumps: 5_000,
    made: 800,
    dropped: 500,
  });
});

async function runShrinking(seed: number, session: Session): Promise<void> {
  try {
    await session.run();
  } catch (error) {
    const all = chosenSteps() ?? Array.from({ length: session.steps }, (_, i) => i);
    throw await shrunkFailure(error, all, { seed, testFile }, (steps, say) =>
      new Session({ seed, operations: operationsPerSeed, steps, say }).run(),
    );
  }
}
