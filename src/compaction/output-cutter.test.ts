import { describe, expect, it } from 'vitest';
import { CursorEntry } from '../iterator/cursor.js';
import { textKey } from '../../test/compaction/cursors.js';
import { OutputCutter } from './output-cutter.js';

function entryWith(key: string): CursorEntry {
  const entry = new CursorEntry();
  entry.keyBytes = textKey(key);
  entry.keyEnd = key.length;
  return entry;
}

function cutterFor(target: number, ...grandparents: [string, number][]): OutputCutter {
  return new OutputCutter(
    target,
    grandparents.map(([largest, size]) => ({ largest: textKey(largest), size })),
  );
}

describe('OutputCutter', () => {
  it('cuts at the target size where there is no border', () => {
    const cutter = cutterFor(100);
    cutter.begin(entryWith('a'));
    expect(cutter.isDue(entryWith('b'), 99)).toBe(false);
    expect(cutter.isDue(entryWith('c'), 100)).toBe(true);
  });

  it('cuts at a border once half of the target is written, and behind the border only', () => {
    const cutter = cutterFor(100, ['c', 1], ['f', 1]);
    cutter.begin(entryWith('a'));
    expect(cutter.isDue(entryWith('c'), 60)).toBe(false);
    expect(cutter.isDue(entryWith('d'), 60)).toBe(true);
    cutter.begin(entryWith('d'));
    expect(cutter.isDue(entryWith('g'), 49)).toBe(false);
    expect(cutter.isDue(entryWith('h'), 99)).toBe(false);
  });

  it('waits for a later border the longer the more of them go by', () => {
    const borders = Array.from({ length: 30 }, (_, i): [string, number] => [
      String.fromCharCode(64 + i),
      1,
    ]);
    const cutter = cutterFor(1000, ...borders);
    cutter.begin(entryWith('@'));
    const cuts: number[] = [];
    // Each border comes after 100 bytes more.
    for (let i = 1; i < 12 && cuts.length === 0; i++) {
      if (cutter.isDue(entryWith(String.fromCharCode(64 + i)), i * 100)) cuts.push(i * 100);
    }
    expect(cuts).toEqual([900]);
  });

  it.each([
    ['between borders', 'd'],
    ['at a border', 'c'],
    ['behind all borders', 'k'],
  ])('cuts behind a fixed key %s, however little is written', (_, cutAfter) => {
    const borders = ['c', 'f'].map((largest) => ({ largest: textKey(largest), size: 1 }));
    const cutter = new OutputCutter(100, borders, textKey(cutAfter));
    cutter.begin(entryWith('b'));
    expect(cutter.isDue(entryWith(cutAfter), 1)).toBe(false);
    expect(cutter.isDue(entryWith(`${cutAfter}a`), 2)).toBe(true);
    cutter.begin(entryWith(`${cutAfter}a`));
    expect(cutter.isDue(entryWith('z'), 3)).toBe(false);
  });

  it('does not cut behind a fixed key that lies before the first entry', () => {
    const cutter = new OutputCutter(100, [], textKey('b'));
    cutter.begin(entryWith('c'));
    expect(cutter.isDue(entryWith('d'), 1)).toBe(false);
  });

  it('does not count grandparents before the table', () => {
    const cutter = cutterFor(10, ['b', 1000], ['d', 50], ['f', 49], ['h', 1]);
    cutter.begin(entryWith('c'));
    expect(cutter.isDue(entryWith('e'), 1)).toBe(false);
    expect(cutter.isDue(entryWith('g'), 1)).toBe(false);
    expect(cutter.isDue(entryWith('i'), 1)).toBe(true);
    cutter.begin(entryWith('i'));
    expect(cutter.isDue(entryWith('j'), 1)).toBe(false);
  });
});
