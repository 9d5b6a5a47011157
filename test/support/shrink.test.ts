import { describe, expect, test } from 'vitest';
import { formatSteps, kindOfFailure, parseSteps, shrink, shrunkFailure } from './shrink.js';

const hundred = Array.from({ length: 100 }, (_, i) => i);

/** Fails when all of these are there. */
function needs(...wanted: number[]): (list: readonly number[]) => Promise<boolean> {
  return (list) => Promise.resolve(wanted.every((each) => list.includes(each)));
}

describe('a failing list', () => {
  test('shrinks to what it needs, in order', async () => {
    expect(await shrink(hundred, needs(3, 50, 51, 99))).toEqual([3, 50, 51, 99]);
    expect(await shrink(hundred, needs(0))).toEqual([0]);
    expect(await shrink(hundred, needs())).toEqual([]);
    expect(await shrink(hundred, needs(...hundred))).toEqual(hundred);
  });

  test('is as short as the runs that are allowed make it, and still fails', async () => {
    let runs = 0;
    const shortest = await shrink(
      hundred,
      (list) => {
        runs++;
        return needs(7, 70)(list);
      },
      { runs: 6, ms: 60_000 },
    );
    expect(runs).toBeLessThanOrEqual(6);
    expect(shortest.length).toBeLessThan(100);
    expect(await needs(7, 70)(shortest)).toBe(true);
  });

  test('shrinks to nothing that fails for another reason', async () => {
    const failure = await shrunkFailure(
      new Error('key 7 is gone'),
      hundred,
      { seed: 5, testFile: 'a.test.ts' },
      (steps, say) => {
        for (const step of steps) say(`step ${step}`);
        if (!steps.includes(40)) return Promise.reject(new TypeError('something else'));
        if (steps.includes(60)) return Promise.reject(new Error(`key ${steps.length} is gone`));
        return Promise.resolve();
      },
    );
    expect(failure.message).toContain('of 100 steps these 2 are enough:\n  step 40\n  step 60\n');
    expect(failure.message).toContain('NORI_SEED=5 NORI_STEPS=40,60 npx vitest run a.test.ts');
  });
});

test('steps go through their text and back', () => {
  for (const steps of [[], [3], [1, 2, 3], [0, 2, 3, 9], [5, 7]]) {
    expect(parseSteps(formatSteps(steps))).toEqual(steps);
  }
  expect(formatSteps([3, 17, 21, 22, 23])).toBe('3,17,21-23');
});

test('a kind of failure does not depend on numbers', () => {
  const kind = kindOfFailure(new Error('key 3: expected 40, found 7'));
  expect(kindOfFailure(new Error('key 12: expected 1, found 0'))).toBe(kind);
  expect(kindOfFailure(new Error('key 12 is not there'))).not.toBe(kind);
});
