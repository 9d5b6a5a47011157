import { describe, expect, it } from 'vitest';
import { Entry, mergeEntries } from '../../src/sstable.js';
import { Engine, show } from './engine.js';

function merge(...newestFirst: Iterable<Entry>[]): string[] {
  return [...mergeEntries(newestFirst)].map(show);
}

function put(value: string, ...keys: string[]): Entry[] {
  return keys.map((key) => Entry.put(key, value));
}

describe('fault: a merge whose heap breaks ties the wrong way', () => {
  it('the newest of many sources wins, and no deleted key reappears', () => {
    // With a heap, the order of equal keys shows only from three sources on.
    expect(
      merge(
        [Entry.delete('a'), ...put('6', 'c')],
        put('5', 'a', 'b', 'c'),
        put('4', 'a', 'b', 'c'),
        [Entry.delete('b'), Entry.delete('c')],
        put('2', 'a', 'b', 'c', 'd'),
        put('1', 'a', 'b', 'c', 'd'),
      ),
    ).toEqual(['a deleted', 'b=5', 'c=6', 'd=2']);
  });

  it('every pair and order of sources: the first one given wins', () => {
    for (let count = 2; count <= 9; count++) {
      for (let holder = 0; holder < count; holder++) {
        const sources = Array.from({ length: count }, (_, i) =>
          i < holder ? put(`${i}`, 'a', 'z') : put(`${i}`, 'a', 'k', 'z'),
        );
        expect(merge(...sources)).toEqual(['a=0', `k=${holder}`, 'z=0']);
      }
    }
  });

  it('in a compaction of many tables too', async () => {
    const engine = await Engine.open({ l0CompactionTrigger: 8 });
    for (let i = 0; i < 9; i++) {
      await engine.flush({ a: `${i}`, b: i % 2 === 0 ? undefined : `${i}`, c: `${i}` });
    }
    await engine.settle();
    expect(engine.shape).toEqual([0, 1]);
    expect([...engine.db.entriesSync()]).toEqual([
      ['a', '8'],
      ['c', '8'],
    ]);
    await engine.close();
  });
});

describe('fault: an empty input that shifts the source index', () => {
  it('empty sources at any place change nothing', () => {
    const sources = [put('new', 'b', 'k'), put('mid', 'a', 'k'), put('old', 'a', 'b', 'k', 'z')];
    const expected = ['a=mid', 'b=new', 'k=new', 'z=old'];
    for (let at = 0; at <= sources.length; at++) {
      for (let empties = 1; empties <= 3; empties++) {
        const holes = Array.from({ length: empties }, (): Entry[] => []);
        const withHoles = [...sources.slice(0, at), ...holes, ...sources.slice(at)];
        expect(merge(...withHoles), `${empties} at ${at}`).toEqual(expected);
      }
    }
    expect(merge()).toEqual([]);
    expect(merge([], [])).toEqual([]);
  });

  it('read asynchronously too', async () => {
    async function* source(entries: Entry[]): AsyncGenerator<Entry> {
      yield* entries;
    }
    const merged = mergeEntries([source([]), source(put('1', 'k')), [], source(put('2', 'k'))]);
    const found: string[] = [];
    for await (const entry of merged) found.push(show(entry));
    expect(found).toEqual(['k=1']);
  });
});
