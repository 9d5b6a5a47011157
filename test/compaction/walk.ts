import { Entry } from '../../src/base/entry.js';
import { maxSeq } from '../../src/base/internal-key.js';
import type { Prng } from '../../src/base/prng.js';
import type { CursorEntry } from '../../src/iterator/cursor.js';
import { compareEntries, entryOf, show, textKey } from './cursors.js';

export interface Walkable {
  readonly valid: boolean;
  readonly entry: CursorEntry;
  first(): boolean;
  last(): boolean;
  seek(key: Uint8Array, seq: number): boolean;
  seekBefore(key: Uint8Array, seq: number): boolean;
  next(): boolean;
  prev(): boolean;
  waitSync(): void;
}

/**
 * Moves a cursor at random and an index over the sorted entries beside it; they
 * must agree after each step. Calls that answer false are repeated, or now and
 * then abandoned for another. `seeksToSeq` off seeks to whole keys only.
 */
export function walkAtRandom(
  random: Prng,
  cursor: Walkable,
  entries: readonly Entry[],
  options: { readonly steps: number; readonly seeksToSeq: boolean },
): void {
  const outside = ['', 'a', 'ab', 'abc', 'zz', '\xff\xff\xff'].map((key) =>
    Entry.put(textKey(key), ''),
  );
  const targets = [...entries, ...outside];
  let index = -1;
  for (let step = 0; step < options.steps; step++) {
    const isIn = index >= 0 && index < entries.length;
    let isComplete = false;
    // 0–3 position anew, the rest are single steps.
    let choice = random.below(isIn ? 16 : 4);
    let target = targets[0];
    let isBegun = false;
    while (!isComplete) {
      if (!isBegun || random.chance(0.1)) {
        if (isBegun) choice = random.below(4);
        const { key, seq } = targets[random.below(targets.length)];
        target = Entry.put(key, '', options.seeksToSeq && random.chance(0.5) ? seq : maxSeq);
        isBegun = true;
      } else cursor.waitSync();
      isComplete = move(cursor, choice, target);
    }
    const before = entries.filter((entry) => compareEntries(entry, target) < 0).length;
    if (choice === 0) index = 0;
    else if (choice === 1) index = entries.length - 1;
    else if (choice === 2) index = before;
    else if (choice === 3) index = before - 1;
    else index += choice % 3 === 0 ? -1 : 1;
    const expected = index >= 0 && index < entries.length ? show(entries[index]) : 'nothing';
    const actual = cursor.valid ? show(entryOf(cursor.entry)) : 'nothing';
    // Not `expect`, which takes longer than the step.
    if (actual !== expected) throw new Error(`step ${step}: ${actual} instead of ${expected}`);
  }
}

function move(cursor: Walkable, choice: number, target: Entry): boolean {
  if (choice === 0) return cursor.first();
  if (choice === 1) return cursor.last();
  if (choice === 2) return cursor.seek(target.key, target.seq);
  if (choice === 3) return cursor.seekBefore(target.key, target.seq);
  return choice % 3 === 0 ? cursor.prev() : cursor.next();
}
