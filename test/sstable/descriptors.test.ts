import { beforeAll, describe, expect, test } from 'vitest';
import { tableName } from '../../src/base/file-names.js';
import { KeyHash } from '../../src/base/hash.js';
import { maxSeq } from '../../src/base/internal-key.js';
import type { TableMeta } from '../../src/base/table-meta.js';
import { runAsync, runSync } from '../../src/base/task.js';
import { MemoryFileSystem } from '../../src/fs/memory-file-system.js';
import { ConcatIterator, type TableOpener } from '../../src/iterator/concat-iterator.js';
import { CursorEntry, type Cursor } from '../../src/iterator/cursor.js';
import { mergeCursors } from '../../src/iterator/merging-iterator.js';
import { BlockCache } from '../../src/sstable/block-cache.js';
import { loadCodecs } from '../../src/sstable/codecs.js';
import { keepAllOpen, TableCache } from '../../src/sstable/table-cache.js';
import { BlockRequest, lookupFound, lookupNeedsBlock } from '../../src/sstable/table-reader.js';
import { getSync, keyOf, settle, someEntries, testDatabaseId, writeTable } from './table-model.js';

/** Descriptors: a thousand tables, of which sixteen may be open. */

const tables = 1000;
const entriesPerTable = 10;
const maxOpenTables = 16;
/**
 * A lookup holds its table while it waits for a block, also when the table had to
 * make room. At most eight tables are opened at once, which keeps such lookups few.
 */
const beingRead = 8;
/** Key numbers from here on are in no table. */
const end = tables * entriesPerTable;

let files: (readonly [string, Uint8Array])[];
let metas: TableMeta[];

beforeAll(async () => {
  await loadCodecs();
  const fs = new MemoryFileSystem();
  fs.writeBytes('db/x', new Uint8Array(0));
  const entries = someEntries(end);
  metas = Array.from({ length: tables }, (_, i) => {
    const mine = entries.slice(i * entriesPerTable, (i + 1) * entriesPerTable);
    const options = { tableId: { low: i, high: 1 }, fileNumber: i };
    return writeTable(fs, `db/${tableName(i)}`, mine, {}, options);
  });
  files = metas.map((_, i) => {
    const path = `db/${tableName(i)}`;
    return [path, fs.readBytes(path)] as const;
  });
});

/** The thousand tables on a disk that opens so many files, and fails when asked for more. */
function withTables(maxOpenFiles: number, sync = true): MemoryFileSystem {
  return MemoryFileSystem.from(files, { maxOpenFiles, sync });
}

function openCache(fs: MemoryFileSystem): TableCache {
  const blockCache = new BlockCache({ capacityBytes: 2 ** 20 });
  return new TableCache({
    fs,
    directory: 'db',
    databaseId: testDatabaseId,
    blockCache,
    maxOpenTables,
  });
}

function tableOf(key: number): TableMeta {
  return metas[Math.floor(key / entriesPerTable)];
}

/** As the tree's lookup does it: the table is held while a block is waited for. */
async function get(cache: TableCache, number: number): Promise<number> {
  const key = keyOf(number);
  const hash = new KeyHash();
  hash.compute(key, 0, key.length);
  const into = new CursorEntry();
  const request = new BlockRequest();
  const meta = tableOf(number);
  let table = cache.find(meta.fileNumber);
  while (table === undefined) {
    await runAsync(cache.open(meta));
    table = cache.find(meta.fileNumber);
  }
  table.acquire();
  try {
    let status = table.get(key, hash, maxSeq, into, request);
    while (status === lookupNeedsBlock) {
      await request.wait();
      status = table.get(key, hash, maxSeq, into, request);
    }
    return status === lookupFound ? into.seq : -1;
  } finally {
    table.release();
  }
}

function openerOf(cache: TableCache): TableOpener {
  return {
    openCursor: (meta) => cache.find(meta.fileNumber)?.cursor(),
    request: (meta) => ({
      wait: async () => void (await runAsync(cache.open(meta))),
      waitSync: () => void runSync(cache.open(meta)),
    }),
  };
}

describe('open descriptors', () => {
  test('stay at the limit under synchronous gets', () => {
    const fs = withTables(maxOpenTables);
    const cache = openCache(fs);
    for (let i = 0; i < 1500; i++) {
      const number = (i * 7919) % end;
      const table = runSync(cache.open(tableOf(number)));
      expect(getSync(table, keyOf(number), maxSeq)?.seq).toBe(number + 1);
    }
    expect(fs.openFiles).toBe(maxOpenTables);
    runSync(cache.close());
    expect(fs.openFiles).toBe(0);
  });

  test.each([true, false])(
    'stay near the limit under a thousand gets at once (synchronous calls: %s)',
    async (sync) => {
      const fs = withTables(maxOpenTables + beingRead, sync);
      const cache = openCache(fs);
      const found = await Promise.all(
        Array.from({ length: tables }, (_, i) => get(cache, i * entriesPerTable + (i % 10))),
      );
      found.forEach((seq, i) => expect(seq).toBe(i * entriesPerTable + (i % 10) + 1));
      expect(fs.openFiles).toBeLessThanOrEqual(maxOpenTables);
      await runAsync(cache.close());
      expect(fs.openFiles).toBe(0);
    },
  );

  test('stay at the limit while a scan walks all tables, there and back', async () => {
    const fs = withTables(maxOpenTables);
    const cache = openCache(fs);
    const level = new ConcatIterator(metas, openerOf(cache));
    let count = 0;
    while (!level.first()) await level.wait();
    for (; level.valid; count++) while (!level.next()) await level.wait();
    while (!level.last()) level.waitSync();
    for (; level.valid; count++) while (!level.prev()) level.waitSync();
    level.close();
    expect(count).toBe(2 * end);
    expect(fs.openFiles).toBe(maxOpenTables);
  });

  test('are at most one more for each table that an open iterator holds', async () => {
    const held = 40;
    const fs = withTables(maxOpenTables + beingRead + held);
    const cache = openCache(fs);
    const cursors: Cursor[] = [];
    for (let i = 0; i < held; i++) {
      const cursor = runSync(cache.open(metas[i * 25])).cursor();
      settle(cursor, () => cursor.first());
      cursors.push(cursor);
    }
    expect(fs.openFiles).toBe(held);
    const merged = mergeCursors(cursors);
    settle(merged, () => merged.first());
    for (let i = 0; i < 1000; i++) {
      const number = (i * 7919) % end;
      const table = runSync(cache.open(tableOf(number)));
      expect(getSync(table, keyOf(number), maxSeq)?.seq).toBe(number + 1);
      if (i % 10 === 0 && merged.valid) settle(merged, () => merged.next());
    }
    await Promise.all(Array.from({ length: tables }, (_, i) => get(cache, i * entriesPerTable)));
    merged.close();
    // What was held only by the iterator is closed with it.
    expect(fs.openFiles).toBeLessThanOrEqual(maxOpenTables);
    await runAsync(cache.close());
    expect(fs.openFiles).toBe(0);
  });

  test('are not taken twice for a table in use: others make room', () => {
    const fs = withTables(maxOpenTables);
    const cache = openCache(fs);
    const cursors = metas.slice(0, 10).map((meta) => runSync(cache.open(meta)).cursor());
    for (const meta of metas.slice(10, 200)) runSync(cache.open(meta));
    for (const { fileNumber } of metas.slice(0, 10)) expect(cache.find(fileNumber)).toBeDefined();
    for (const cursor of cursors) cursor.close();
    expect(fs.openFiles).toBe(maxOpenTables);
    for (const meta of metas.slice(200, 300)) runSync(cache.open(meta));
    expect(cache.find(0)).toBeUndefined();
  });

  test('tables waiting to be opened are refused once the cache is closed', async () => {
    const fs = withTables(maxOpenTables, false);
    const cache = openCache(fs);
    const opening = metas.slice(0, 100).map((meta) => runAsync(cache.open(meta)));
    const closing = runAsync(cache.close());
    const outcomes = await Promise.allSettled(opening);
    await closing;
    const refused = outcomes.filter(({ status }) => status === 'rejected');
    expect(refused.length).toBeGreaterThan(80);
    for (const outcome of refused) {
      expect(outcome).toMatchObject({ reason: { code: 'LSM_CLOSED' } });
    }
    expect(fs.openFiles).toBe(0);
  });

  test('a synchronous caller does not wait behind those that wait to open tables', async () => {
    const fs = withTables(maxOpenTables + 2);
    const cache = openCache(fs);
    const opening = metas.slice(0, 100).map((meta) => runAsync(cache.open(meta)));
    // One that waits in the queue, and one that nobody has asked for.
    expect(runSync(cache.open(metas[90])).entries).toBe(entriesPerTable);
    expect(runSync(cache.open(metas[500])).entries).toBe(entriesPerTable);
    for (const reader of await Promise.all(opening)) expect(reader.entries).toBe(entriesPerTable);
    await runAsync(cache.close());
    expect(fs.openFiles).toBe(0);
  });
});

describe('where the system has fewer descriptors than tables may be open', () => {
  const fewFiles = 24;

  /** As openCache, with the default of 512 tables. */
  function openLargeCache(fs: MemoryFileSystem, maxOpenTables?: number): TableCache {
    return new TableCache({ fs, directory: 'db', databaseId: testDatabaseId, maxOpenTables });
  }

  test('synchronous gets find everything, and leave some descriptors to others', () => {
    const fs = withTables(fewFiles);
    const cache = openLargeCache(fs);
    for (let i = 0; i < 1500; i++) {
      const number = (i * 7919) % end;
      const table = runSync(cache.open(tableOf(number)));
      expect(getSync(table, keyOf(number), maxSeq)?.seq).toBe(number + 1);
    }
    expect(fs.openFiles).toBeGreaterThan(fewFiles / 2);
    expect(fs.openFiles).toBeLessThanOrEqual(fewFiles);
    runSync(cache.close());
    expect(fs.openFiles).toBe(0);
  });

  test('a thousand gets at once find everything', async () => {
    const fs = withTables(fewFiles);
    const cache = openLargeCache(fs);
    const found = await Promise.all(
      Array.from({ length: tables }, (_, i) => get(cache, i * entriesPerTable)),
    );
    found.forEach((seq, i) => expect(seq).toBe(i * entriesPerTable + 1));
    await runAsync(cache.close());
    expect(fs.openFiles).toBe(0);
  });

  test('a table that is in use stays open, and without any other it is an error', () => {
    const fs = withTables(fewFiles);
    const cache = openLargeCache(fs);
    const held = metas.slice(0, fewFiles).map((meta) => {
      const table = runSync(cache.open(meta));
      table.acquire();
      return table;
    });
    const wanted = expect.objectContaining({ code: 'LSM_TOO_MANY_FILES' }) as Error;
    expect(() => runSync(cache.open(metas[500]))).toThrow(wanted);
    held.forEach((table, i) => {
      const number = i * entriesPerTable;
      expect(getSync(table, keyOf(number), maxSeq)?.seq).toBe(number + 1);
      table.release();
    });
    expect(getSync(runSync(cache.open(metas[500])), keyOf(5000), maxSeq)?.seq).toBe(5001);
    runSync(cache.close());
    expect(fs.openFiles).toBe(0);
  });

  test('it is an error for who needs all of them open', () => {
    const fs = withTables(fewFiles);
    const cache = openLargeCache(fs, keepAllOpen);
    for (const meta of metas.slice(0, fewFiles)) runSync(cache.open(meta));
    const wanted = expect.objectContaining({ code: 'LSM_TOO_MANY_FILES' }) as Error;
    expect(() => runSync(cache.open(metas[500]))).toThrow(wanted);
    expect(cache.find(0)).toBeDefined();
    runSync(cache.close());
  });
});
