import { describe, expect, it } from 'vitest';
import { Entry } from '../base/entry.js';
import { maxSeq } from '../base/internal-key.js';
import {
  ArrayCursor,
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
import { walkAtRandom } from '../../test/compaction/walk.js';
import type { Cursor } from './cursor.js';
import { mergeCursors, MergingIterator } from './merging-iterator.js';

function merge(...sources: Entry[][]): MergingIterator {
  return new MergingIterator(sources.map((entries) => new ArrayCursor(entries)));
}

describe('MergingIterator', () => {
  it('gives all entries of any number of sources in order', () => {
    forEachSeed(60, (random) => {
      const entries = randomEntries(random, random.below(60));
      const sources = deal(random, entries, 1 + random.below(9));
      expect(drain(merge(...sources)).map(show)).toEqual(entries.map(show));
    });
  });

  it('follows a sorted array through any walk, with and without blocks to wait for', () => {
    forEachSeed(120, (random, seed) => {
      const entries = randomEntries(random, random.below(40));
      const cursors: Cursor[] = deal(random, entries, 1 + random.below(6)).map((source) => {
        const cursor = new ArrayCursor(source);
        return seed % 2 === 0 ? cursor : new StutteringCursor(cursor, random);
      });
      const merged = new MergingIterator(cursors);
      walkAtRandom(random, merged, entries, { steps: 150, seeksToSeq: true });
    });
  });

  it('follows it also when merges are nested', () => {
    forEachSeed(40, (random) => {
      const entries = randomEntries(random, 30);
      const cursors = deal(random, entries, 6).map(
        (source) => new StutteringCursor(new ArrayCursor(source), random),
      );
      const nested = mergeCursors([
        mergeCursors(cursors.slice(0, 2)),
        mergeCursors(cursors.slice(2, 5)),
        mergeCursors(cursors.slice(5)),
      ]);
      walkAtRandom(random, nested, entries, { steps: 100, seeksToSeq: true });
    });
  });

  it('breaks ties in favour of the newer source, in both directions', () => {
    const sources = [
      [Entry.put('a', 'newest'), Entry.put('b', 'newest')],
      [Entry.put('a', 'middle')],
      [Entry.put('a', 'oldest'), Entry.put('b', 'oldest')],
    ];
    const forward = ['newest', 'middle', 'oldest', 'newest', 'oldest'];
    const merged = merge(...sources);
    const value = (): string => Buffer.from(entryOf(merged.entry).value).toString();
    expect(drain(merged).map((entry) => Buffer.from(entry.value).toString())).toEqual(forward);
    const back: string[] = [];
    for (merged.last(); merged.valid; merged.prev()) back.push(value());
    expect(back).toEqual([...forward].reverse());
    // A turn in the middle of a tie neither repeats nor skips.
    merged.first();
    merged.next();
    expect(value()).toBe('middle');
    merged.prev();
    expect(value()).toBe('newest');
    merged.next();
    merged.next();
    expect(value()).toBe('oldest');
  });

  it('keeps the age of the sources when one between them is empty', () => {
    const old = [Entry.put('k', 'old')];
    const young = [Entry.delete('k')];
    for (const sources of [
      [[], young, old],
      [young, [], old],
      [young, old, []],
    ]) {
      expect(drain(merge(...sources)).map(show)).toEqual(['k@0=deleted', 'k@0=old']);
    }
  });

  it('is empty without sources', () => {
    const merged = merge();
    for (const move of [
      () => merged.first(),
      () => merged.last(),
      () => merged.seek(textKey('a'), maxSeq),
      () => merged.seekBefore(textKey('a'), maxSeq),
    ]) {
      expect(move()).toBe(true);
      expect(merged.valid).toBe(false);
    }
  });

  it('hands back a single child', () => {
    const cursor = new ArrayCursor([]);
    expect(mergeCursors([cursor])).toBe(cursor);
  });

  it('waits for all children that need a block together, and for each until the last has settled', async () => {
    const log: string[] = [];
    const slow = (name: string, turns: number): Cursor => {
      const cursor = new ArrayCursor([Entry.put(name, '')]);
      let isThere = false;
      return Object.assign(cursor, {
        first: () => isThere && cursor.seek(textKey(''), maxSeq),
        wait: async () => {
          log.push(`${name} begins`);
          for (let i = 0; i < turns; i++) await Promise.resolve();
          isThere = true;
          log.push(`${name} ends`);
          if (name === 'b') throw new Error('no block b');
        },
      });
    };
    const merged = new MergingIterator([slow('a', 9), slow('b', 2)]);
    expect(merged.first()).toBe(false);
    await expect(merged.wait()).rejects.toThrow('no block b');
    expect(log).toEqual(['a begins', 'b begins', 'b ends', 'a ends']);
    expect(merged.first()).toBe(true);
  });

  it('closes its children', () => {
    const cursors = [new ArrayCursor([]), new ArrayCursor([])];
    new MergingIterator(cursors).close();
    expect(cursors.map((cursor) => cursor.isClosed)).toEqual([true, true]);
  });

  it('does not take turns at failing when children lose their place in every seek', () => {
    // Each child finds its block only in the call right after its own wait.
    const forgetful = (): Cursor => {
      const cursor = new ArrayCursor([Entry.put('k', 'v')]);
      const seek = cursor.seek.bind(cursor);
      let isThere = false;
      return Object.assign(cursor, {
        seek: (key: Uint8Array, seq: number) => {
          const answer = isThere;
          isThere = false;
          return answer && seek(key, seq);
        },
        waitSync: () => {
          isThere = true;
        },
      });
    };
    const staggered = forgetful();
    staggered.waitSync();
    const merged = new MergingIterator([forgetful(), staggered]);
    complete(merged, () => merged.seek(textKey('a'), maxSeq));
    expect(merged.valid).toBe(true);
  });
});
