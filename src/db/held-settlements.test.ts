import { beforeEach, describe, expect, it } from 'vitest';
import { HeldSettlements } from './held-settlements.js';

let nowMs: number;
let timer: { atMs: number; run: () => void } | undefined;
let timers: number;
let turns: (() => void)[];
let settled: string[];
let held: HeldSettlements;

beforeEach(() => {
  nowMs = 0;
  timer = undefined;
  timers = 0;
  turns = [];
  settled = [];
  held = new HeldSettlements({
    wallMs: () => nowMs,
    monotonicMs: () => nowMs,
    nextTurn: (run) => void turns.push(run),
    sleepSync: () => undefined,
    after(delayMs, run, keepsAlive) {
      expect(timer).toBeUndefined();
      // Somebody awaits it.
      expect(keepsAlive).toBe(true);
      timers++;
      timer = { atMs: nowMs + delayMs, run };
      return () => (timer = undefined);
    },
  });
});

function moveTo(ms: number): void {
  while (timer !== undefined && timer.atMs <= ms) {
    const { atMs, run } = timer;
    timer = undefined;
    nowMs = atMs;
    run();
  }
  nowMs = ms;
}

const add = (delayMs: number, name: string): void => held.add(delayMs, () => settled.push(name));

describe('held settlements', () => {
  it('settle at once without a delay', () => {
    add(0, 'a');
    expect(settled).toEqual(['a']);
    expect(timers).toBe(0);
  });

  it('settle in order, each not before its time', () => {
    add(5, 'a');
    add(3, 'b');
    add(0, 'c');
    add(9, 'd');
    moveTo(4);
    expect(settled).toEqual([]);
    moveTo(5);
    expect(settled).toEqual(['a', 'b', 'c']);
    moveTo(8);
    expect(settled).toHaveLength(3);
    moveTo(9);
    expect(settled).toEqual(['a', 'b', 'c', 'd']);
    expect(held.isEmpty).toBe(true);
    expect(timers).toBe(2);
  });

  it('all go at once when pressure is gone, and leave no timer behind', () => {
    add(5, 'a');
    add(50, 'b');
    held.releaseAll();
    expect(settled).toEqual(['a', 'b']);
    expect(timer).toBeUndefined();
    add(2, 'c');
    moveTo(100);
    expect(settled).toEqual(['a', 'b', 'c']);
  });

  it('wait for a turn of the event loop when asked to, and keep their order', () => {
    held.add(0, () => settled.push('a'), true);
    add(0, 'b');
    add(5, 'c');
    expect(settled).toEqual([]);
    for (const run of turns.splice(0)) run();
    expect(settled).toEqual(['a', 'b']);
    moveTo(5);
    expect(settled).toEqual(['a', 'b', 'c']);
  });

  it('that were released before their turn do not settle again, nor others early', () => {
    held.add(0, () => settled.push('a'), true);
    held.releaseAll();
    add(7, 'b');
    for (const run of turns.splice(0)) run();
    expect(settled).toEqual(['a']);
    moveTo(7);
    expect(settled).toEqual(['a', 'b']);
  });

  it('may add others while they settle', () => {
    held.add(2, () => {
      settled.push('a');
      add(1, 'c');
    });
    add(4, 'b');
    moveTo(2);
    expect(settled).toEqual(['a']);
    moveTo(10);
    expect(settled).toEqual(['a', 'b', 'c']);
    expect(held.isEmpty).toBe(true);
  });
});
