import { describe, expect, it } from 'vitest';
import { Drain } from './drain.js';

describe('a drain', () => {
  it('foresees the end of a job from how long others took', () => {
    const drain = new Drain();
    drain.began(0, 1000);
    drain.ended(100, false);
    expect(drain.bytesPerMs).toBe(10);
    drain.began(500, 2000);
    expect(drain.remainingMs(500, 1)).toBe(200);
    expect(drain.remainingMs(600, 1)).toBe(100);
  });

  it('expects a late job to take longer, the later it is', () => {
    const drain = new Drain();
    drain.measured(1000, 100);
    drain.began(0, 1000);
    expect(drain.remainingMs(100, 1)).toBe(30);
    expect(drain.remainingMs(200, 1)).toBe(100);
    expect(drain.remainingMs(1000, 1)).toBe(900);
  });

  it('that knows nothing expects a job to take as long again as it has', () => {
    const drain = new Drain();
    drain.began(0, 1);
    expect(drain.remainingMs(700, 1)).toBe(700);
  });

  it('counts the time for which a job that was due had to wait', () => {
    const drain = new Drain();
    drain.began(0, 1000);
    drain.ended(100, true);
    expect(drain.remainingMs(150, 1000)).toBe(50);
    drain.began(200, 1000);
    drain.ended(400, false);
    // 500 bytes in 50 ms count half: 1500 in 350.
    expect(drain.bytesPerMs).toBeCloseTo(1500 / 350, 10);
    expect(drain.remainingMs(1000, 1500)).toBe(350);
  });

  it('learns nothing from a job that failed', () => {
    const drain = new Drain();
    drain.measured(1000, 100);
    drain.began(0, 1000);
    drain.failed();
    drain.ended(90_000, false);
    expect(drain.bytesPerMs).toBe(10);
    expect(drain.remainingMs(90_000, 1000)).toBe(100);
  });

  it('follows a change of the rate within a few jobs', () => {
    const drain = new Drain();
    for (let i = 0; i < 10; i++) drain.measured(1000, 10);
    for (let i = 0; i < 4; i++) drain.measured(1000, 100);
    expect(drain.bytesPerMs).toBeLessThan(11.5);
  });
});
