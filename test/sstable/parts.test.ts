import { beforeAll, describe, expect, test } from 'vitest';
import { Entry } from '../../src/base/entry.js';
import { KeyHash } from '../../src/base/hash.js';
import { maxSeq } from '../../src/base/internal-key.js';
import type { CachePriority } from '../../src/base/table-meta.js';
import { runAsync, runSync } from '../../src/base/task.js';
import type { FileSystem } from '../../src/fs/file-system.js';
import { MemoryFileSystem } from '../../src/fs/memory-file-system.js';
import { RecordingFileSystem } from '../../src/fs/recording-file-system.js';
import { CursorEntry } from '../../src/iterator/cursor.js';
import { BlockCache } from '../../src/sstable/block-cache.js';
import { loadCodecs } from '../../src/sstable/codecs.js';
import { defaultTableLayout } from '../../src/sstable/table-layout.js';
import { BlockRequest, lookupFound, lookupNeedsBlock } from '../../src/sstable/table-reader.js';
import { TableReader } from '../../src/sstable/table-reader.js';
import { partsFixtureEntries, readPartsFixture } from './parts-fixture.js';
import {
  bytesOf,
  copyEntry,
  getSync,
  keyOf,
  scanSync,
  settle,
  show,
  smallParts,
  someEntries,
  writeTable,
} from './table-model.js';

beforeAll(loadCodecs);

/** Tables whose index and filter are in parts. */

const parts = {
  indexSplitBytes: 0,
  indexPartBytes: 1024,
  filterSplitBytes: 0,
  filterPartBytes: 64,
};

function partedBytes(entries: readonly Entry[], layout = parts): Uint8Array {
  const fs = new MemoryFileSystem();
  writeTable(fs, 't', entries, { blockSizeBytes: 200 }, { layout });
  return fs.readBytes('t');
}

interface OpenOptions {
  readonly capacityBytes?: number;
  readonly cachePriority?: CachePriority;
}

function openTable(fs: FileSystem, options: OpenOptions = {}): TableReader {
  const { capacityBytes, cachePriority } = options;
  const blockCache = capacityBytes === undefined ? undefined : new BlockCache({ capacityBytes });
  return runSync(TableReader.open({ fs, path: 't', blockCache, cachePriority }));
}

function openBytes(bytes: Uint8Array, options: OpenOptions = {}): TableReader {
  return openTable(MemoryFileSystem.from([['t', bytes]]), options);
}

describe('the committed table with index and filter in parts', () => {
  const entries = partsFixtureEntries();

  test('is readable, and says what it is', () => {
    const table = openBytes(readPartsFixture());
    expect(table.properties.indexLevels).toBe(2);
    expect(table.properties.filterParts).toBeGreaterThan(3);
    expect(table.indexParts).toBeGreaterThan(3);
    expect(scanSync(table).map(show)).toEqual(entries.map(show));
    for (const entry of entries) {
      expect(show(getSync(table, entry.key, entry.seq))).toBe(show(entry));
    }
    expect(getSync(table, bytesOf('key0105'), maxSeq)).toBeUndefined();
    expect(runSync(table.verify())).toMatchObject({ entries: entries.length, damages: [] });
  });

  test('is what the writer still writes, byte for byte', () => {
    const fs = new MemoryFileSystem();
    writeTable(fs, 't', entries, { blockSizeBytes: 128 }, { layout: smallParts });
    const bytes = Buffer.from(fs.readBytes('t'));
    expect(bytes.equals(readPartsFixture())).toBe(true);
  });
});

describe('the writer', () => {
  test('splits what is too large for one piece, and nothing else', () => {
    const forms = [1000, 30_000].map((count) => {
      const fs = new MemoryFileSystem();
      const layout = { ...defaultTableLayout, filterSplitBytes: 32 * 1024 };
      writeTable(fs, 't', someEntries(count), { blockSizeBytes: 64 }, { layout });
      const table = openTable(fs);
      const { indexLevels, filterParts, dataBlocks } = table.properties;
      // What stays in memory is a small share of what is found through it.
      expect(table.memoryBytes / (dataBlocks * 36)).toBeLessThan(count > 1000 ? 0.1 : 1.5);
      return [indexLevels, filterParts];
    });
    // 30,000 keys of 10 bits are 36.6 KiB: two parts.
    expect(forms).toEqual([
      [1, 1],
      [2, 2],
    ]);
  });

  test('sizes each part of the filter by its own keys', () => {
    const table = openBytes(partedBytes(someEntries(5000)), { capacityBytes: 2 ** 20 });
    let present = 0;
    let absent = 0;
    for (let i = 0; i < 5000; i++) {
      if (getSync(table, keyOf(i), maxSeq) !== undefined) present++;
      getSync(table, bytesOf(`key${String(i).padStart(6, '0')}x`), maxSeq);
    }
    absent = table.counters.filterFalsePositives;
    expect(present).toBe(5000);
    // 0.8 % at 10 bits per key.
    expect(absent).toBeLessThan(100);
    expect(table.properties.filterParts).toBe(Math.ceil(5000 / 51));
  });
});

describe('a lookup', () => {
  async function get(table: TableReader, key: Uint8Array): Promise<[string, number]> {
    const hash = new KeyHash();
    hash.compute(key, 0, key.length);
    const request = new BlockRequest();
    const into = new CursorEntry();
    let waits = 0;
    for (;;) {
      const status = table.get(key, hash, maxSeq, into, request);
      if (status !== lookupNeedsBlock) {
        return [status === lookupFound ? show(copyEntry(into)) : 'nothing', waits];
      }
      await request.wait();
      waits++;
    }
  }

  test('waits for a part of the filter, a part of the index, and a block', async () => {
    const entries = someEntries(3000);
    const fs = MemoryFileSystem.from([['t', partedBytes(entries)]], { sync: false });
    const blockCache = new BlockCache({ capacityBytes: 2 ** 20 });
    const table = await runAsync(TableReader.open({ fs, path: 't', blockCache }));
    expect(await get(table, keyOf(1234))).toEqual([show(entries[1234]), 3]);
    expect(await get(table, keyOf(1234))).toEqual([show(entries[1234]), 0]);
    // The repetition of the first lookup counts as a hit.
    expect(table.counters).toMatchObject({ partReads: 2, blockReads: 1, blockHits: 2 });
    expect(blockCache.usedBytes).toBeGreaterThan(blockCache.reservedBytes);
  });

  test('is right and comes to an end however little the cache keeps', async () => {
    const entries = someEntries(1000);
    for (const capacityBytes of [0, 1, 3000, 20_000]) {
      for (const sync of [true, false]) {
        const fs = MemoryFileSystem.from([['t', partedBytes(entries)]], { sync });
        const blockCache = new BlockCache({ capacityBytes });
        const table = await runAsync(TableReader.open({ fs, path: 't', blockCache }));
        const found = await Promise.all(
          Array.from({ length: 200 }, (_, i) => get(table, keyOf((i * 37) % 1000))),
        );
        found.forEach(([text], i) => expect(text).toBe(show(entries[(i * 37) % 1000])));
        expect(blockCache.usedBytes - blockCache.reservedBytes).toBeLessThanOrEqual(capacityBytes);
        await runAsync(table.close());
        expect(blockCache.usedBytes).toBe(0);
      }
    }
  });

  test.each(['high', 'normal', 'none'] as const)(
    'of a table with cache priority %s does not read its parts again and again',
    (cachePriority) => {
      const table = openBytes(partedBytes(someEntries(3000)), {
        capacityBytes: 2 ** 20,
        cachePriority,
      });
      for (let round = 0; round < 5; round++) {
        for (let i = 0; i < 3000; i += 10) {
          expect(getSync(table, keyOf(i), maxSeq)?.seq).toBe(i + 1);
        }
      }
      const { partReads, blockReads } = table.counters;
      expect(partReads).toBeLessThanOrEqual(table.indexParts + table.properties.filterParts);
      if (cachePriority === 'none') expect(blockReads).toBeGreaterThanOrEqual(5 * 300);
      else expect(blockReads).toBeLessThanOrEqual(table.properties.dataBlocks);
    },
  );

  test('without a cache does not read the same parts again either', () => {
    const table = openBytes(partedBytes(someEntries(3000)));
    for (let i = 0; i < 50; i++) getSync(table, keyOf(7), maxSeq);
    expect(table.counters).toMatchObject({ partReads: 2, blockReads: 50 });
  });

  test('finds the versions of a key across the parts of the index', () => {
    const entries = [
      Entry.put('a', 'before', 1),
      ...Array.from({ length: 500 }, (_, i) => Entry.put('key', `version ${i}`, 2000 - 2 * i)),
      Entry.put('z', 'behind', 1),
    ];
    const table = openBytes(partedBytes(entries, smallParts));
    expect(table.indexParts).toBeGreaterThan(10);
    // All versions of a key are in one part of the filter.
    expect(table.properties.filterParts).toBe(1);
    for (const entry of entries) {
      expect(show(getSync(table, entry.key, entry.seq))).toBe(show(entry));
      // Between two versions the older one counts, be it the first of the next part.
      expect(show(getSync(table, entry.key, entry.seq + 1))).toBe(show(entry));
    }
    expect(getSync(table, bytesOf('key'), 1001)).toBeUndefined();
  });
});

describe('the block cache', () => {
  test('keeps parts in preference to data blocks, and drops a part with its blocks', () => {
    const entries = someEntries(20_000);
    const bytes = partedBytes(entries);
    const blockCache = new BlockCache({ capacityBytes: 700_000 });
    const fs = MemoryFileSystem.from([['t', bytes]]);
    const table = runSync(TableReader.open({ fs, path: 't', blockCache }));
    // A tenth of the keys, again and again, and the others once between them.
    let other = 0;
    for (let round = 0; round < 20; round++) {
      for (let i = 0; i < 2000; i += 7) getSync(table, keyOf(i), maxSeq);
      for (let i = 0; i < 200; i++) getSync(table, keyOf(2000 + ((other += 83) % 18_000)), maxSeq);
      expect(blockCache.usedBytes).toBeLessThanOrEqual(700_000);
    }
    const { blockReads, partReads } = table.counters;
    const allParts = table.indexParts + table.properties.filterParts;
    expect(partReads).toBeLessThan(1.1 * allParts);
    expect(blockReads).toBeGreaterThan(1.5 * table.properties.dataBlocks);
    blockCache.reserve(100_000_000);
    expect(blockCache.usedBytes - blockCache.reservedBytes).toBeLessThanOrEqual(175_000);
    blockCache.reserve(-100_000_000);
    expect(show(getSync(table, keyOf(5), maxSeq))).toBe(show(entries[5]));
    runSync(table.close());
    expect(blockCache.usedBytes).toBe(0);
  });

  test('takes a new priority of an open table for what is read from then on', () => {
    for (const bytes of [partedBytes(someEntries(3000)), wholeBytes(someEntries(3000))]) {
      const table = openBytes(bytes, { capacityBytes: 2 ** 20 });
      const readsOf = (i: number): number => {
        const before = table.counters.blockReads;
        getSync(table, keyOf(i), maxSeq);
        return table.counters.blockReads - before;
      };
      expect([readsOf(100), readsOf(100)]).toEqual([1, 0]);
      table.cachePriority = 'none';
      // Also in a part of the index that is in the cache since before.
      expect([readsOf(110), readsOf(110), readsOf(2000), readsOf(2000)]).toEqual([1, 1, 1, 1]);
      expect(readsOf(100)).toBe(0);
      table.cachePriority = 'high';
      expect([readsOf(110), readsOf(110), readsOf(2000), readsOf(2000)]).toEqual([1, 0, 1, 0]);
    }
  });

  function wholeBytes(entries: readonly Entry[]): Uint8Array {
    const fs = new MemoryFileSystem();
    writeTable(fs, 't', entries, { blockSizeBytes: 200 });
    return fs.readBytes('t');
  }
});

describe('a cursor', () => {
  test.each([
    ['without synchronous calls', false],
    ['with them', true],
  ])('walks both ways over the parts, %s', async (_, sync) => {
    const entries = someEntries(5000);
    const fs = MemoryFileSystem.from([['t', partedBytes(entries)]], { sync });
    for (const fillCache of [true, false]) {
      const blockCache = new BlockCache({ capacityBytes: 2 ** 20 });
      const table = await runAsync(TableReader.open({ fs, path: 't', blockCache }));
      const cursor = table.cursor({ fillCache });
      const found: string[] = [];
      while (!cursor.last()) await cursor.wait();
      while (cursor.valid) {
        found.push(show(copyEntry(cursor.entry)));
        while (!cursor.prev()) await cursor.wait();
      }
      expect(found.reverse()).toEqual(entries.map(show));
      expect(table.counters.partReads).toBe(table.indexParts);
      const again: string[] = [];
      while (!cursor.first()) await cursor.wait();
      while (cursor.valid) {
        again.push(show(copyEntry(cursor.entry)));
        while (!cursor.next()) await cursor.wait();
      }
      expect(again).toEqual(found);
      cursor.close();
      await runAsync(table.close());
      expect(blockCache.usedBytes).toBe(0);
    }
  });

  test('goes on while the cache forgets the part of the index it stands in', () => {
    const entries = someEntries(5000);
    const fs = MemoryFileSystem.from([['t', partedBytes(entries)]]);
    const blockCache = new BlockCache({ capacityBytes: 40_000 });
    const table = runSync(TableReader.open({ fs, path: 't', blockCache }));
    const cursor = table.cursor();
    let at = 2500;
    settle(cursor, () => cursor.seek(keyOf(at), maxSeq));
    for (let step = 0; step < 1500; step++) {
      expect(show(copyEntry(cursor.entry))).toBe(show(entries[at]));
      getSync(table, keyOf((step * 617) % 5000), maxSeq);
      const isForward = step % 300 < 200;
      settle(cursor, () => (isForward ? cursor.next() : cursor.prev()));
      at += isForward ? 1 : -1;
      expect(blockCache.usedBytes).toBeLessThanOrEqual(Math.max(40_000, blockCache.reservedBytes));
    }
    cursor.close();
    runSync(table.close());
    expect(blockCache.usedBytes).toBe(0);
  });
});

describe('approximateOffsetOf', () => {
  test('reads nothing, never falls, and is exact where the part is in the cache', () => {
    const entries = someEntries(3000);
    const fs = new RecordingFileSystem(MemoryFileSystem.from([['t', partedBytes(entries)]]));
    const table = openTable(fs, { capacityBytes: 2 ** 20 });
    const offsetsOf = (): number[] => entries.map(({ key }) => table.approximateOffsetOf(key));
    const calls = fs.calls;
    const rough = offsetsOf();
    expect(fs.calls).toBe(calls);
    expect(rough).toEqual([...rough].sort((a, b) => a - b));
    expect(new Set(rough).size).toBe(table.indexParts);
    for (const { key } of entries) getSync(table, key, maxSeq);
    const exact = offsetsOf();
    expect(exact).toEqual([...exact].sort((a, b) => a - b));
    expect(new Set(exact).size).toBe(table.properties.dataBlocks);
    const part = table.properties.storedBytes / (table.indexParts - 1);
    rough.forEach((offset, i) => {
      expect(exact[i] - offset).toBeGreaterThanOrEqual(0);
      expect(exact[i] - offset).toBeLessThan(1.5 * part);
    });
    expect(table.approximateOffsetOf(bytesOf('a'))).toBe(0);
    const behind = table.approximateOffsetOf(bytesOf('z'));
    expect(behind).toBeGreaterThanOrEqual(table.properties.storedBytes);
  });
});
