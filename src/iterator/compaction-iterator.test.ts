import { describe, expect, it } from 'vitest';
import { compareBytes, equalBytes } from '../base/bytes.js';
import { Entry } from '../base/entry.js';
import { kindDelete, maxSeq } from '../base/internal-key.js';
import type { Prng } from '../base/prng.js';
import {
  ArrayCursor,
  compareEntries,
  complete,
  deal,
  drain,
  entryOf,
  randomEntries,
  show,
  StutteringCursor,
  textKey,
} from '../../test/compaction/cursors.js';
import { forEachSeed } from '../../test/compaction/seeds.js';
import { CompactionIterator } from './compaction-iterator.js';
import type { Cursor } from './cursor.js';
import { mergeCursors } from './merging-iterator.js';
import { OlderRanges, type OlderRange } from './older-ranges.js';
import { VisibleIterator } from './visible-iterator.js';

function compact(
  inputs: readonly Entry[],
  snapshotSeqs: readonly number[] = [],
  older: readonly OlderRange[] = [],
): string[] {
  const cursor = new ArrayCursor(inputs);
  return drain(new CompactionIterator(cursor, snapshotSeqs, new OlderRanges(older))).map(show);
}

function rangeOf(entries: readonly Entry[]): OlderRange {
  return {
    smallest: entries[0].key,
    largest: entries[entries.length - 1].key,
    smallestSeq: Math.min(...entries.map((entry) => entry.seq)),
  };
}

function readAt(entries: readonly Entry[], seq: number): string[] {
  const sorted = [...entries].sort(compareEntries);
  return drain(new VisibleIterator(new ArrayCursor(sorted), { seq })).map(show);
}

/** The rule, entry by entry: looks at all others instead of remembering anything. */
function isKept(
  entry: Entry,
  inputs: readonly Entry[],
  snapshotSeqs: readonly number[],
  older: readonly OlderRange[],
): boolean {
  const readers = [...snapshotSeqs, maxSeq].filter((seq) => seq >= entry.seq);
  const newer = inputs.filter((e) => equalBytes(e.key, entry.key) && e.seq > entry.seq);
  const isSeen = readers.some((seq) => newer.every((e) => e.seq > seq));
  if (!isSeen) return false;
  if (entry.kind !== kindDelete || snapshotSeqs.some((seq) => seq < entry.seq)) return true;
  return older.some(
    (range) =>
      compareBytes(range.smallest, entry.key) <= 0 &&
      compareBytes(range.largest, entry.key) >= 0 &&
      range.smallestSeq <= entry.seq,
  );
}

function randomCase(random: Prng): { inputs: Entry[]; outside: Entry[][]; snapshotSeqs: number[] } {
  const count = random.below(80);
  const [inputs, ...outside] = deal(random, randomEntries(random, count), 1 + random.below(4));
  const seqs = Array.from({ length: random.below(4) }, () => random.below(count + 2));
  return {
    inputs,
    outside: outside.filter((table) => table.length > 0),
    snapshotSeqs: [...new Set(seqs)].sort((a, b) => a - b),
  };
}

describe('CompactionIterator', () => {
  it('keeps exactly what the rule says, and no reader sees a difference', () => {
    forEachSeed(300, (random) => {
      const { inputs, outside, snapshotSeqs } = randomCase(random);
      const older = outside.map(rangeOf);
      const cursors: Cursor[] = deal(random, inputs, 1 + random.below(5)).map(
        (source) => new StutteringCursor(new ArrayCursor(source), random),
      );
      const iterator = new CompactionIterator(
        mergeCursors(cursors),
        snapshotSeqs,
        new OlderRanges(older),
      );
      const output = drain(iterator);
      const expected = inputs.filter((entry) => isKept(entry, inputs, snapshotSeqs, older));
      expect(output.map(show)).toEqual(expected.map(show));
      for (const seq of [...snapshotSeqs, maxSeq]) {
        const before = readAt([...inputs, ...outside.flat()], seq);
        expect(readAt([...output, ...outside.flat()], seq)).toEqual(before);
      }
      expect(iterator.entriesIn).toBe(inputs.length);
      expect(iterator.droppedTombstones + iterator.droppedSuperseded).toBe(
        inputs.length - output.length,
      );
      expect(iterator.rawBytesIn).toBe(
        inputs.reduce((sum, entry) => sum + entry.key.length + entry.value.length, 0),
      );
    });
  });

  it('drops a tombstone that hides nothing, at any level, with all it hides in the inputs', () => {
    const inputs = [Entry.delete('k', 9), Entry.put('k', 'old', 5), Entry.delete('k', 3)];
    expect(compact(inputs)).toEqual([]);
  });

  it('keeps a tombstone while a table outside may hold something older', () => {
    const inputs = [Entry.delete('k', 9), Entry.put('k', 'hidden', 5)];
    const deeper = [Entry.put('a', '', 1), Entry.put('z', '', 2)];
    expect(compact(inputs, [], [rangeOf(deeper)])).toEqual(['k@9=deleted']);
  });

  it('keeps a tombstone for an older L0 table that is not among the inputs', () => {
    const leftOut = { smallest: textKey('k'), largest: textKey('k'), smallestSeq: 8 };
    expect(compact([Entry.delete('k', 9)], [], [leftOut])).toEqual(['k@9=deleted']);
  });

  it('takes an entry with the same number outside for an older one, as in tables used alone', () => {
    const outside = { smallest: textKey('k'), largest: textKey('k'), smallestSeq: 0 };
    expect(compact([Entry.delete('k', 0)], [], [outside])).toEqual(['k@0=deleted']);
  });

  it('does not take a newer table outside for an older one', () => {
    const newer = { smallest: textKey('a'), largest: textKey('z'), smallestSeq: 10 };
    expect(compact([Entry.delete('k', 9)], [], [newer])).toEqual([]);
  });

  it('keeps a tombstone while an older snapshot still sees what it hides', () => {
    const inputs = [Entry.delete('k', 9), Entry.put('k', 'seen', 5), Entry.put('k', 'hidden', 4)];
    expect(compact(inputs, [6])).toEqual(['k@9=deleted', 'k@5=seen']);
    expect(compact(inputs, [9])).toEqual([]);
    expect(compact(inputs, [4, 5, 8, 9])).toEqual(['k@9=deleted', 'k@5=seen', 'k@4=hidden']);
  });

  it('drops of several sources with the same number all but the newest', () => {
    const cursor = mergeCursors([
      new ArrayCursor([Entry.put('k', 'newest')]),
      new ArrayCursor([]),
      new ArrayCursor([Entry.put('k', 'oldest')]),
    ]);
    expect(drain(new CompactionIterator(cursor, [])).map(show)).toEqual(['k@0=newest']);
  });

  it('keeps every unhidden tombstone when it is not told what lies outside', () => {
    const inputs = [Entry.delete('a', 9), Entry.delete('a', 8), Entry.delete('b', 7)];
    const iterator = new CompactionIterator(new ArrayCursor(inputs), []);
    expect(drain(iterator).map(show)).toEqual(['a@9=deleted', 'b@7=deleted']);
  });

  it('says where a new user key begins', () => {
    const inputs = [
      Entry.put('', '', 2),
      Entry.put('a', '', 9),
      Entry.put('a', '', 5),
      Entry.put('a', '', 3),
      Entry.put('b', '', 9),
    ];
    const iterator = new CompactionIterator(new ArrayCursor(inputs), [3, 5]);
    const shown: string[] = [];
    for (complete(iterator, () => iterator.first()); iterator.valid; iterator.next()) {
      shown.push(`${show(entryOf(iterator.entry))} ${iterator.isNewKey}`);
    }
    expect(shown).toEqual(['@2= true', 'a@9= true', 'a@5= false', 'a@3= false', 'b@9= true']);
  });

  it('takes an empty key as a key like any other', () => {
    expect(compact([Entry.put('', 'new', 2), Entry.put('', 'old', 1)])).toEqual(['@2=new']);
  });
});

describe('OlderRanges', () => {
  it('answers as a search through all ranges does', () => {
    forEachSeed(100, (random) => {
      const tables = deal(random, randomEntries(random, 40), 8).filter((t) => t.length > 0);
      const ranges = tables.map(rangeOf);
      const older = new OlderRanges(ranges);
      for (const entry of randomEntries(random, 60)) {
        const expected = ranges.some(
          ({ smallest, largest, smallestSeq }) =>
            compareBytes(smallest, entry.key) <= 0 &&
            compareBytes(largest, entry.key) >= 0 &&
            smallestSeq <= entry.seq,
        );
        expect(older.mayHold(entry.key, 0, entry.key.length, entry.seq)).toBe(expected);
      }
    });
  });
});
