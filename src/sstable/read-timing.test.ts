import { describe, expect, test } from 'vitest';
import { ReadTiming } from './read-timing.js';

describe('ReadTiming', () => {
  test('expects fast reads until one is slow, then probes every 64th and comes back', () => {
    const timing = new ReadTiming();
    for (let i = 0; i < 1000; i++) {
      expect(timing.expectFast()).toBe(true);
      timing.record(0.002);
    }
    timing.record(50);
    timing.record(50);
    const answers = Array.from({ length: 128 }, () => timing.expectFast());
    expect(answers.filter(Boolean)).toHaveLength(2);
    expect(answers[63]).toBe(true);
    timing.record(0.002);
    timing.record(0.002);
    expect(timing.averageMicros).toBeLessThan(200);
    expect(timing.expectFast()).toBe(true);
  });
});
