import { describe, expect, it } from 'vitest';
import { noFileId } from '../base/checksum.js';
import { Entry } from '../base/entry.js';
import { maxSeq } from '../base/internal-key.js';
import type { Prng } from '../base/prng.js';
import type { TableMeta } from '../base/table-meta.js';
import type { Waitable } from '../base/task.js';
import {
  ArrayCursor,
  complete,
  drain,
  randomEntries,
  show,
  StutteringCursor,
  textKey,
} from '../../test/compaction/cursors.js';
import { forEachSeed } from '../../test/compaction/seeds.js';
import { walkAtRandom } from '../../test/compaction/walk.js';
import { ConcatIterator, type TableOpener } from './concat-iterator.js';
import type { Cursor } from './cursor.js';

function metaOf(entries: readonly Entry[], fileNumber: number): TableMeta {
  const seqs = entries.map((entry) => entry.seq);
  return {
    keyspaceId: 0,
    level: 1,
    run: 0,
    fileNumber,
    tableId: noFileId,
    size: 0,
    checksum: 0,
    smallest: entries[0].key,
    largest: entries[entries.length - 1].key,
    smallestSeq: Math.min(...seqs),
    largestSeq: Math.max(...seqs),
    entries: entries.length,
    tombstones: 0,
    superseded: 0,
    rawBytes: 0,
  };
}

/** Cuts sorted entries into tables, never inside one key. */
function cut(random: Prng, entries: readonly Entry[]): Entry[][] {
  const tables: Entry[][] = [];
  let last: Entry | undefined;
  for (const entry of entries) {
    const isSameKey = last !== undefined && Buffer.compare(last.key, entry.key) === 0;
    if (tables.length === 0 || (!isSameKey && random.chance(0.5))) tables.push([]);
    tables[tables.length - 1].push(entry);
    last = entry;
  }
  return tables;
}

/** Tables that are not open until they were requested, and are forgotten when their cursor closes. */
class FakeOpener implements TableOpener {
  openCursors = 0;
  mostOpen = 0;
  readonly #tables: Entry[][];
  readonly #open = new Set<number>();
  readonly #random: Prng | undefined;

  constructor(tables: Entry[][], random?: Prng) {
    this.#tables = tables;
    this.#random = random;
  }

  openCursor(meta: TableMeta): Cursor | undefined {
    if (!this.#open.has(meta.fileNumber)) return undefined;
    this.mostOpen = Math.max(this.mostOpen, ++this.openCursors);
    const cursor = new ArrayCursor(this.#tables[meta.fileNumber]);
    const close = (): void => {
      this.openCursors--;
      this.#open.delete(meta.fileNumber);
    };
    const random = this.#random;
    return Object.assign(random === undefined ? cursor : new StutteringCursor(cursor, random), {
      close,
    });
  }

  request(meta: TableMeta): Waitable {
    const open = (): void => void this.#open.add(meta.fileNumber);
    return { wait: async () => open(), waitSync: open };
  }
}

describe('ConcatIterator', () => {
  it('follows a sorted array through any walk, opening one table at a time', () => {
    forEachSeed(100, (random) => {
      const entries = randomEntries(random, random.below(50));
      const tables = cut(random, entries);
      const opener = new FakeOpener(tables, random);
      const level = new ConcatIterator(tables.map(metaOf), opener);
      walkAtRandom(random, level, entries, { steps: 150, seeksToSeq: true });
      level.close();
      expect(opener.openCursors).toBe(0);
      expect(opener.mostOpen).toBeLessThanOrEqual(1);
    });
  });

  it('crosses table borders when a seek finds nothing older in the table of the key', () => {
    const tables = [
      [Entry.put('a', '', 5), Entry.put('b', '', 9)],
      [Entry.put('c', '', 3), Entry.put('d', '', 4)],
    ];
    const level = new ConcatIterator(tables.map(metaOf), new FakeOpener(tables));
    const after = (key: string, seq: number): string => {
      complete(level, () => level.seek(textKey(key), seq));
      return level.valid ? Buffer.from(level.entry.keyBytes).toString('latin1', 3, 4) : '';
    };
    const before = (key: string, seq: number): string => {
      complete(level, () => level.seekBefore(textKey(key), seq));
      return level.valid ? Buffer.from(level.entry.keyBytes).toString('latin1', 3, 4) : '';
    };
    expect(after('b', 9)).toBe('b');
    expect(after('b', 8)).toBe('c');
    expect(after('bb', maxSeq)).toBe('c');
    expect(after('d', 3)).toBe('');
    expect(after('', maxSeq)).toBe('a');
    expect(before('c', maxSeq)).toBe('b');
    expect(before('c', 2)).toBe('c');
    expect(before('bb', maxSeq)).toBe('b');
    expect(before('a', maxSeq)).toBe('');
    expect(before('z', maxSeq)).toBe('d');
  });

  it('is empty without tables', () => {
    const level = new ConcatIterator([], new FakeOpener([]));
    expect(drain(level).map(show)).toEqual([]);
    expect(level.last()).toBe(true);
    expect(level.valid).toBe(false);
  });
});
