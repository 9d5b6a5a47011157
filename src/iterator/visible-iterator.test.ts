import { describe, expect, it } from 'vitest';
import { compareBytes } from '../base/bytes.js';
import { Entry } from '../base/entry.js';
import { kindPut, maxSeq } from '../base/internal-key.js';
import {
  ArrayCursor,
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
import { ArenaPool, minArenaBytes } from '../memtable/arena-pool.js';
import { Memtable } from '../memtable/memtable.js';
import { mergeCursors } from './merging-iterator.js';
import { VisibleIterator, type VisibleScope } from './visible-iterator.js';

/** The naive truth: the newest version at or before `seq` of each key, unless it is a deletion. */
function visibleOf(entries: readonly Entry[], scope: VisibleScope): Entry[] {
  const seen = new Map<string, Entry>();
  for (const entry of entries) {
    const name = Buffer.from(entry.key).toString('hex');
    if (entry.seq <= scope.seq && !seen.has(name)) seen.set(name, entry);
  }
  const { lower, upper } = scope;
  return [...seen.values()].filter(
    (entry) =>
      entry.kind === kindPut &&
      (lower === undefined || compareBytes(entry.key, lower) >= 0) &&
      (upper === undefined || compareBytes(entry.key, upper) < 0),
  );
}

function view(entries: readonly Entry[], scope: VisibleScope): VisibleIterator {
  return new VisibleIterator(new ArrayCursor(entries), scope);
}

function drainBack(iterator: VisibleIterator): string[] {
  const shown: string[] = [];
  for (iterator.last(); iterator.valid; iterator.prev()) shown.push(show(entryOf(iterator.entry)));
  return shown;
}

describe('VisibleIterator', () => {
  it('shows what a naive model shows, through any walk within any bounds', () => {
    forEachSeed(250, (random, seed) => {
      const entries = randomEntries(random, random.below(60));
      const bound = (): Uint8Array | undefined => {
        const bounds = ['', 'a', 'aa', 'b', 'ba', 'c', 'd', '\xff', '\xff\xff\xff'];
        return random.chance(0.5) ? undefined : textKey(bounds[random.below(bounds.length)]);
      };
      const seq = random.chance(0.3) ? maxSeq : random.below(entries.length + 1);
      const scope = { seq, lower: bound(), upper: bound() };
      const children = deal(random, entries, 1 + random.below(4)).map((source) => {
        const cursor = new ArrayCursor(source);
        return seed % 3 === 0 ? cursor : new StutteringCursor(cursor, random);
      });
      const iterator = new VisibleIterator(mergeCursors(children), scope);
      const expected = visibleOf(entries, scope);
      expect(drain(iterator).map(show)).toEqual(expected.map(show));
      walkAtRandom(random, iterator, expected, { steps: 120, seeksToSeq: false });
    });
  });

  it('never hands out a tombstone, nor what it hides', () => {
    const entries = [Entry.delete('a', 3), Entry.put('a', 'old', 1), Entry.put('b', 'x', 2)];
    expect(drain(view(entries, { seq: maxSeq })).map(show)).toEqual(['b@2=x']);
    expect(drainBack(view(entries, { seq: maxSeq }))).toEqual(['b@2=x']);
    expect(drain(view(entries, { seq: 2 })).map(show)).toEqual(['a@1=old', 'b@2=x']);
    expect(drainBack(view(entries, { seq: 2 }))).toEqual(['b@2=x', 'a@1=old']);
  });

  it('walks back to the newest visible of many versions', () => {
    const versions = Array.from({ length: 50 }, (_, i) => Entry.put('k', `v${50 - i}`, 50 - i));
    for (const seq of [1, 7, 50, maxSeq]) {
      expect(drainBack(view(versions, { seq }))).toEqual([
        `k@${Math.min(seq, 50)}=v${Math.min(seq, 50)}`,
      ]);
    }
    expect(drainBack(view(versions, { seq: 0 }))).toEqual([]);
  });

  it('begins a reverse walk past the end, and at a bound that is no key', () => {
    const entries = [Entry.put('a', '1', 1), Entry.put('c', '2', 2), Entry.put('\xff\xff', '3', 3)];
    const shown = entries.map(show);
    const iterator = view(entries, { seq: maxSeq });
    iterator.seekBefore(textKey('\xff\xff\xff'));
    expect(show(entryOf(iterator.entry))).toBe(shown[2]);
    expect(drainBack(view(entries, { seq: maxSeq, upper: textKey('b') }))).toEqual([shown[0]]);
    expect(drainBack(view(entries, { seq: maxSeq, upper: textKey('c') }))).toEqual([shown[0]]);
    expect(drainBack(view(entries, { seq: maxSeq, lower: textKey('c') }))).toEqual([
      shown[2],
      shown[1],
    ]);
  });

  it('sees the empty key', () => {
    const entries = [Entry.put('', 'empty', 1), Entry.put('a', 'x', 2)];
    expect(drain(view(entries, { seq: maxSeq })).map(show)).toEqual(['@1=empty', 'a@2=x']);
    expect(drainBack(view(entries, { seq: maxSeq }))).toEqual(['a@2=x', '@1=empty']);
    const iterator = view(entries, { seq: maxSeq });
    iterator.seekBefore(textKey(''));
    expect(iterator.valid).toBe(false);
  });

  it('keeps large values whole on the way back', () => {
    const large = Buffer.alloc(200_000, 'x');
    const entries = [Entry.put('a', large, 2), Entry.put('a', 'old', 1), Entry.put('b', 'y', 3)];
    const iterator = view(entries, { seq: maxSeq });
    iterator.last();
    iterator.prev();
    expect(Buffer.compare(entryOf(iterator.entry).value, large)).toBe(0);
  });

  it('counts what it steps over', () => {
    const entries = [
      Entry.put('a', 'too new', 9),
      Entry.put('a', 'seen', 5),
      Entry.put('a', 'hidden', 4),
      Entry.delete('b', 3),
      Entry.put('b', 'hidden', 2),
    ];
    const forward = view(entries, { seq: 5 });
    drain(forward);
    expect(forward.steppedOver).toBe(4);
    const back = view(entries, { seq: 5 });
    drainBack(back);
    expect(back.steppedOver).toBe(4);
  });

  it('does not show a key again when it turns around behind one that was put meanwhile', () => {
    const memtable = new Memtable(new ArenaPool({ arenaBytes: minArenaBytes }));
    const put = (key: string, seq: number): void =>
      memtable.add(textKey(key), 0, key.length, seq, kindPut, textKey('v'), 0, 1);
    put('a', 1);
    put('m', 2);
    put('z', 3);
    // Of several sources, so that the merge says when a key repeats.
    const other = new ArrayCursor([Entry.put('y', 'v', 4)]);
    const iterator = new VisibleIterator(mergeCursors([memtable.cursor(), other]), { seq: 4 });
    iterator.seekBefore(textKey('n'));
    put('c', 5);
    put('d', 6);
    const shown: string[] = [];
    for (; iterator.valid; iterator.next()) shown.push(show(entryOf(iterator.entry)));
    expect(shown).toEqual(['m@2=v', 'y@4=v', 'z@3=v']);
  });

  it('leaves values alone when only keys are asked for', () => {
    const entries = [Entry.put('a', '1', 1), Entry.put('b', '2', 2)];
    const iterator = view(entries, { seq: maxSeq, keysOnly: true });
    expect(drainBack(iterator)).toEqual(['b@2=', 'a@1=']);
  });
});
