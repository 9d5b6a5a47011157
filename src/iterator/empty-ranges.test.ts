import { describe, expect, it } from 'vitest';
import { textKey } from '../../test/compaction/cursors.js';
import { EmptyRanges } from './empty-ranges.js';

function add(ranges: EmptyRanges, from: string, to: string, since = 10, weight = 100): void {
  ranges.add(textKey(from), textKey(to), since, weight);
}

function put(ranges: EmptyRanges, key: string, seq = 20): void {
  // Not at the start of its buffer, as keys in a batch are not.
  const bytes = textKey(`__${key}__`);
  ranges.onPut(bytes, 2, bytes.length - 2, seq);
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1');
}

function show(ranges: EmptyRanges): string[] {
  return ranges.ranges.map(({ from, to, since }) => `${text(from)}..${text(to)}@${since}`);
}

function find(ranges: EmptyRanges, key: string, seq = 99): string | undefined {
  const bytes = textKey(key);
  const range = ranges.find(bytes, 0, bytes.length, seq);
  return range === undefined ? undefined : text(range.from);
}

function findBefore(ranges: EmptyRanges, key: string, seq = 99): string | undefined {
  const range = ranges.findBefore(textKey(key), seq);
  return range === undefined ? undefined : text(range.from);
}

describe('EmptyRanges', () => {
  it('finds the range with a key in it, and the one with the keys right before it', () => {
    const ranges = new EmptyRanges();
    expect(find(ranges, 'b')).toBeUndefined();
    expect(findBefore(ranges, 'b')).toBeUndefined();
    add(ranges, 'f', 'h');
    add(ranges, 'b', 'd');
    expect(['a', 'b', 'c\xff', 'd', 'e', 'f', 'h'].map((key) => find(ranges, key))).toEqual([
      undefined,
      'b',
      'b',
      undefined,
      undefined,
      'f',
      undefined,
    ]);
    expect(['b', 'b\0', 'd', 'd\0', 'f', 'h'].map((key) => findBefore(ranges, key))).toEqual([
      undefined,
      'b',
      'b',
      undefined,
      undefined,
      'f',
    ]);
  });

  it('shows a range only to readers from its number on', () => {
    const ranges = new EmptyRanges();
    add(ranges, 'b', 'd', 10);
    expect([find(ranges, 'c', 9), find(ranges, 'c', 10)]).toEqual([undefined, 'b']);
    expect([findBefore(ranges, 'd', 9), findBefore(ranges, 'd', 10)]).toEqual([undefined, 'b']);
  });

  it('joins what overlaps or touches, for the readers who may use all of it', () => {
    const ranges = new EmptyRanges();
    add(ranges, 'b', 'd', 10);
    add(ranges, 'k', 'm', 12);
    add(ranges, 'f', 'h', 11);
    add(ranges, 'd', 'f', 5);
    expect(show(ranges)).toEqual(['b..h@11', 'k..m@12']);
    add(ranges, 'a', 'z', 13);
    expect(show(ranges)).toEqual(['a..z@13']);
  });

  it('does not make a range younger by what it holds already', () => {
    const ranges = new EmptyRanges();
    add(ranges, 'b', 'z', 10);
    add(ranges, 'c', 'd', 15);
    expect(show(ranges)).toEqual(['b..z@10']);
  });

  it('takes a key that is put out of its range', () => {
    const ranges = new EmptyRanges();
    add(ranges, 'b', 'd');
    for (const key of ['a', 'd', 'aa', 'd\0']) put(ranges, key);
    expect(show(ranges)).toEqual(['b..d@10']);
    put(ranges, 'c');
    expect(show(ranges)).toEqual(['b..c@10', 'c\0..d@10']);
    put(ranges, 'b');
    put(ranges, 'c\0');
    expect(show(ranges)).toEqual(['b\0..c@10', 'c\0\0..d@10']);
    put(ranges, 'b\0');
    expect(show(ranges)).toEqual(['b\0\0..c@10', 'c\0\0..d@10']);
  });

  it('forgets a range of one key when that is put', () => {
    const ranges = new EmptyRanges();
    add(ranges, 'b', 'b\0');
    put(ranges, 'b');
    expect(show(ranges)).toEqual([]);
  });

  it('knows whether anything was put since a reader began', () => {
    const ranges = new EmptyRanges();
    expect(ranges.isUnchangedSince(0)).toBe(true);
    put(ranges, 'a', 7);
    expect([ranges.isUnchangedSince(6), ranges.isUnchangedSince(7)]).toEqual([false, true]);
  });

  it('keeps a bounded number of ranges: a heavy one outlives the light ones, while it is used', () => {
    const ranges = new EmptyRanges();
    const light = (i: number): void => add(ranges, `l${1000 + i}`, `l${1000 + i}x`, 10, 16);
    add(ranges, 'a', 'b', 10, 1_000_000);
    for (let i = 0; i < 2000; i++) light(i);
    expect(ranges.count).toBe(64);
    expect(find(ranges, 'a')).toBe('a');
    expect(find(ranges, 'l2999')).toBe('l2999');
    expect(find(ranges, 'l1000')).toBeUndefined();
    for (let i = 2000; i < 7000; i++) add(ranges, `m${i}`, `m${i}x`, 10, 1_000_000);
    expect(find(ranges, 'a')).toBeUndefined();
  });

  it('keeps what lies below when keys are appended one by one into a range', () => {
    const ranges = new EmptyRanges();
    add(ranges, 'a', 'z');
    for (let i = 0; i < 500; i++) put(ranges, `k${1000 + i}`);
    expect(ranges.count).toBeLessThanOrEqual(64);
    expect(find(ranges, 'a')).toBe('a');
    expect(find(ranges, 'k1')).toBe('a');
  });

  it('watches for the put that comes nearest to where a walk began', () => {
    const ranges = new EmptyRanges();
    const forward = ranges.watch(textKey('k'), true);
    const back = ranges.watch(textKey('k'), false);
    const barriers = (): string =>
      [forward, back].map(({ barrier }) => (barrier ? text(barrier) : '-')).join();
    expect(barriers()).toBe('-,-');
    put(ranges, 'x');
    put(ranges, 'b');
    expect(barriers()).toBe('x,b');
    put(ranges, 'y');
    put(ranges, 'a');
    expect(barriers()).toBe('x,b');
    put(ranges, 'k');
    put(ranges, 'j');
    expect(barriers()).toBe('k,j');
    ranges.unwatch(forward);
    ranges.unwatch(back);
    put(ranges, 'jj');
    expect(barriers()).toBe('k,j');
    expect([forward.isSpoiled, back.isSpoiled]).toEqual([false, false]);
  });

  it('spoils the oldest watches when too many were forgotten', () => {
    const ranges = new EmptyRanges();
    const watches = Array.from({ length: 6 }, () => ranges.watch(textKey('k'), true));
    expect(watches.filter((watch) => watch.isSpoiled)).toEqual(watches.slice(0, 2));
  });
});
