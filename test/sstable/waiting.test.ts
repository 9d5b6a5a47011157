import { beforeAll, describe, expect, test } from 'vitest';
import { tableName } from '../../src/base/file-names.js';
import { KeyHash } from '../../src/base/hash.js';
import { maxSeq } from '../../src/base/internal-key.js';
import type { TableMeta } from '../../src/base/table-meta.js';
import { runAsync, runSync, Task, type Steps } from '../../src/base/task.js';
import { Entry } from '../../src/base/entry.js';
import { CursorEntry } from '../../src/iterator/cursor.js';
import { FaultFileSystem } from '../../src/fs/fault-file-system.js';
import { MemoryFileSystem } from '../../src/fs/memory-file-system.js';
import { BlockCache } from '../../src/sstable/block-cache.js';
import { loadCodecs } from '../../src/sstable/codecs.js';
import type { DataBlock } from '../../src/sstable/data-block.js';
import { ReadAhead } from '../../src/sstable/read-ahead.js';
import { TableCache } from '../../src/sstable/table-cache.js';
import {
  BlockRequest,
  lookupAbsent,
  lookupFound,
  lookupNeedsBlock,
  TableReader,
} from '../../src/sstable/table-reader.js';
import { TableWriter } from '../../src/sstable/table-writer.js';
import {
  bytesOf,
  copyEntry,
  defaultSettings,
  scanSync,
  show,
  testDatabaseId,
  testTableId,
  writeTable,
} from './table-model.js';

beforeAll(loadCodecs);

/** Waiting: restarted lookups, and synchronous callers that take over what an asynchronous one began. */

function keyOf(i: number): Uint8Array {
  return bytesOf(`key${String(i).padStart(5, '0')}`);
}

function someEntries(count: number): Entry[] {
  return Array.from({ length: count }, (_, i) => Entry.put(keyOf(i), `value ${i}`, i + 1));
}

function lookup(
  table: TableReader,
  key: Uint8Array,
  request: BlockRequest,
  into = new CursorEntry(),
): number {
  const hash = new KeyHash();
  hash.compute(key, 0, key.length);
  return table.get(key, hash, maxSeq, into, request);
}

describe('a lookup that needs blocks', () => {
  test('asks for the filter, then the block, and finds it although nothing is cached', async () => {
    const fs = new MemoryFileSystem();
    writeTable(fs, 't', someEntries(200), { blockSizeBytes: 256 });
    const table = runSync(TableReader.open({ fs, path: 't' }));
    const request = new BlockRequest();
    const into = new CursorEntry();
    expect(lookup(table, keyOf(77), request, into)).toBe(lookupNeedsBlock);
    await request.wait();
    expect(lookup(table, keyOf(77), request, into)).toBe(lookupNeedsBlock);
    expect(request.isExpectedFast).toBe(true);
    await request.wait();
    expect(lookup(table, keyOf(77), request, into)).toBe(lookupFound);
    expect(into.seq).toBe(78);
    expect(lookup(table, bytesOf('key00077x'), request)).toBe(lookupAbsent);
    expect(table.counters).toMatchObject({ filterChecks: 2, filterNegatives: 1, blockReads: 1 });
  });

  test('may be finished synchronously while the thread pool still reads', async () => {
    const fs = new MemoryFileSystem();
    writeTable(fs, 't', someEntries(200), { blockSizeBytes: 256 });
    const table = runSync(TableReader.open({ fs, path: 't' }));
    const request = new BlockRequest();
    const waits: Promise<void>[] = [];
    let status = lookup(table, keyOf(5), request);
    while (status === lookupNeedsBlock) {
      waits.push(request.wait());
      request.waitSync();
      status = lookup(table, keyOf(5), request);
    }
    expect(status).toBe(lookupFound);
    // The request is used for another key before the old reads are back.
    expect(lookup(table, keyOf(150), request)).toBe(lookupNeedsBlock);
    await Promise.all(waits);
    request.waitSync();
    const into = new CursorEntry();
    expect(lookup(table, keyOf(150), request, into)).toBe(lookupFound);
    expect(into.seq).toBe(151);
  });

  test('that wait for the same block share one read', async () => {
    const fs = new MemoryFileSystem();
    writeTable(fs, 't', someEntries(10), { bloomBitsPerKey: 0 });
    const table = runSync(TableReader.open({ fs, path: 't' }));
    const requests = Array.from({ length: 10 }, () => new BlockRequest());
    for (const request of requests) expect(lookup(table, keyOf(3), request)).toBe(lookupNeedsBlock);
    await Promise.all(requests.map((request) => request.wait()));
    for (const request of requests) expect(lookup(table, keyOf(3), request)).toBe(lookupFound);
    expect(table.counters.blockReads).toBe(1);
  });
});

describe('approximateOffsetOf', () => {
  test('grows with the key, from 0 before the first to all data behind the last', () => {
    const fs = new MemoryFileSystem();
    writeTable(fs, 't', someEntries(1000), { blockSizeBytes: 200 });
    const table = runSync(TableReader.open({ fs, path: 't' }));
    const offsets = Array.from({ length: 1000 }, (_, i) => table.approximateOffsetOf(keyOf(i)));
    expect(offsets).toEqual([...offsets].sort((a, b) => a - b));
    expect(new Set(offsets).size).toBe(table.properties.dataBlocks);
    expect(table.approximateOffsetOf(bytesOf('a'))).toBe(0);
    const behind = table.approximateOffsetOf(bytesOf('z'));
    expect(behind).toBeGreaterThanOrEqual(table.properties.storedBytes);
    expect(behind).toBeLessThan(table.size);
  });
});

describe('a cursor', () => {
  test('scans forward without synchronous calls, reading ahead, whatever the cache keeps', async () => {
    const made = new MemoryFileSystem();
    const entries = someEntries(3000);
    writeTable(made, 't', entries, { blockSizeBytes: 200, compression: 'lz4' });
    const fs = MemoryFileSystem.from([['t', made.readBytes('t')]], { sync: false });
    for (const fillCache of [true, false]) {
      const blockCache = new BlockCache({ capacityBytes: 2 ** 20 });
      const table = await runAsync(TableReader.open({ fs, path: 't', blockCache }));
      const cursor = table.cursor({ fillCache });
      const found: string[] = [];
      let waits = 0;
      for (; !cursor.first(); waits++) await cursor.wait();
      while (cursor.valid) {
        found.push(show(copyEntry(cursor.entry)));
        for (; !cursor.next(); waits++) await cursor.wait();
      }
      expect(found).toEqual(entries.map(show));
      expect(waits).toBeLessThan(table.properties.dataBlocks / 10);
      expect(blockCache.usedBytes > blockCache.reservedBytes).toBe(fillCache);
      cursor.close();
    }
  });

  test('hands a read-ahead over to a synchronous caller, and moves on before the thread pool is done', async () => {
    const fs = new MemoryFileSystem();
    writeTable(fs, 't', someEntries(3000), { blockSizeBytes: 200 });
    const table = runSync(TableReader.open({ fs, path: 't' }));
    const part = table.blocks.onlyPart!;
    const ahead = new ReadAhead(table.blocks);
    ahead.aim(part, 3, part.index.count);
    const first = ahead.wait();
    ahead.waitSync();
    const block = ahead.find(part, 3, false)!;
    const keys = block.bytes.slice();
    ahead.aimBack(part, 300, 0);
    const second = ahead.wait();
    expect(ahead.find(part, 3, false)).toBeUndefined();
    ahead.waitSync();
    expect(ahead.find(part, 301, false)).toBeUndefined();
    expect(ahead.find(part, 299, false)).toBeDefined();
    ahead.aim(part, 100, part.index.count);
    await Promise.all([first, second]);
    expect(ahead.find(part, 300, false)).toBeUndefined();
    await ahead.wait();
    expect(ahead.find(part, 99, false)).toBeUndefined();
    const read = table.blocks.readSync(part.placeOf(100), false) as DataBlock;
    expect(ahead.find(part, 100, false)!.bytes).toEqual(read.bytes);
    // What was decoded before stays what it was.
    expect(block.bytes).toEqual(keys);
  });
});

interface LateCall {
  readonly fs: FaultFileSystem;
  readonly task: Task<TableMeta>;
  readonly path: string;
  readonly meta: TableMeta;
}

function* tableSteps(fs: FaultFileSystem, path: string): Steps<TableMeta> {
  const writer = yield* TableWriter.create({
    fs,
    path,
    settings: defaultSettings,
    databaseId: testDatabaseId,
    tableId: testTableId,
    keyspaceId: 0,
    keyspaceName: '',
    level: 0,
    flushedSeq: 0,
  });
  writer.add(keyOf(1), 0, 8, 1, 0, keyOf(1), 0, 8);
  return yield* writer.finish();
}

describe('a table writer', () => {
  test('whose drain and finish are taken over synchronously writes the right file', async () => {
    const fs = new MemoryFileSystem();
    const entries = someEntries(30_000).map((entry) => ({
      ...entry,
      value: bytesOf(`${entry.seq}`.repeat(20)),
    }));
    const writer = runSync(
      TableWriter.create({
        fs,
        path: 't',
        settings: { ...defaultSettings, blockSizeBytes: 1024 },
        databaseId: testDatabaseId,
        tableId: testTableId,
        keyspaceId: 3,
        keyspaceName: 'three',
        level: 2,
        flushedSeq: 5,
        fileNumber: 12,
      }),
    );
    const waits: Promise<void>[] = [];
    for (const { key, seq, kind, value } of entries) {
      writer.add(key, 0, key.length, seq, kind, value, 0, value.length);
      if (!writer.needsDrain) continue;
      const drain = writer.drain();
      waits.push(drain.wait());
      drain.waitSync();
    }
    expect(waits.length).toBeGreaterThan(0);
    const meta = runSync(writer.finish());
    await Promise.all(waits);
    expect(meta).toMatchObject({ fileNumber: 12, keyspaceId: 3, level: 2, entries: 30_000 });
    const table = runSync(TableReader.open({ fs, path: 't' }));
    expect(scanSync(table).map(show)).toEqual(entries.map(show));
    expect(table.properties).toMatchObject({ keyspaceName: 'three', flushedSeq: 5, level: 2 });
    expect(meta.checksum).toBe(table.checksum);
    expect(meta.size).toBe((await fs.stat('t'))!.size);
  });

  test('loses nothing to a step that comes late, after a synchronous caller has repeated it', async () => {
    const disk = new MemoryFileSystem();
    const late: LateCall[] = [];
    for (const operation of ['truncate', 'write', 'sync', 'close'] as const) {
      const fs = new FaultFileSystem(disk, [{ operation, isHeld: true, times: 'forever' }]);
      const task = new Task(tableSteps(fs, operation), () => undefined);
      for (let i = 0; i < 20; i++) await Promise.resolve();
      late.push({ fs, task, path: operation, meta: task.finishSync() });
    }
    for (const { fs, task, path, meta } of late) {
      fs.lift();
      await task.quiesce();
      expect(disk.readBytes(path).length, `a late ${path}`).toBe(meta.size);
    }
    expect(disk.openFiles).toBe(0);
  });

  test('that is abandoned leaves no file', async () => {
    const fs = new MemoryFileSystem();
    const options = {
      fs,
      path: 't',
      settings: defaultSettings,
      databaseId: testDatabaseId,
      tableId: testTableId,
      keyspaceId: 0,
      keyspaceName: '',
      level: 0,
      flushedSeq: 0,
    };
    const writer = runSync(TableWriter.create(options));
    writer.add(keyOf(1), 0, 8, 1, 0, keyOf(1), 0, 8);
    await runAsync(writer.abandon());
    expect(await fs.stat('t')).toBeUndefined();
  });

  test('does not depend on the file that was there', () => {
    const fs = new MemoryFileSystem();
    fs.writeBytes('t', new Uint8Array(100_000).fill(9));
    const meta = writeTable(fs, 't', someEntries(3));
    expect(fs.readBytes('t').length).toBe(meta.size);
    expect(scanSync(runSync(TableReader.open({ fs, path: 't' })))).toHaveLength(3);
  });
});

describe('TableCache', () => {
  function manyTables(fs: MemoryFileSystem, count: number): TableMeta[] {
    return Array.from({ length: count }, (_, i) => {
      const tableId = { low: i, high: 1 };
      const number = { tableId, fileNumber: i };
      return writeTable(
        fs,
        `db/${tableName(i)}`,
        someEntries(50 + i),
        { blockSizeBytes: 128 },
        number,
      );
    });
  }

  function tableCache(fs: MemoryFileSystem, maxOpenTables: number): TableCache {
    const blockCache = new BlockCache({ capacityBytes: 2 ** 20 });
    return new TableCache({
      fs,
      directory: 'db',
      databaseId: testDatabaseId,
      blockCache,
      maxOpenTables,
    });
  }

  function diskWithTables(options?: ConstructorParameters<typeof MemoryFileSystem>[0]): {
    fs: MemoryFileSystem;
    metas: TableMeta[];
  } {
    const made = new MemoryFileSystem();
    made.writeBytes('db/x', new Uint8Array(0));
    const metas = manyTables(made, 8);
    const files = metas.map(({ fileNumber }) => {
      const path = `db/${tableName(fileNumber)}`;
      return [path, made.readBytes(path)] as const;
    });
    return { fs: MemoryFileSystem.from(files, options), metas };
  }

  test('holds at most as many tables open as it may, and opens each again when needed', () => {
    const { fs, metas } = diskWithTables({ maxOpenFiles: 4 });
    const cache = tableCache(fs, 3);
    for (let round = 0; round < 5; round++) {
      for (const meta of metas) {
        expect(runSync(cache.open(meta)).entries).toBe(meta.entries);
        expect(cache.stats.openTables).toBeLessThanOrEqual(3);
      }
    }
    runSync(cache.close());
    expect(cache.stats.openTables).toBe(0);
    expect(() => runSync(cache.open(metas[0]))).toThrow(
      expect.objectContaining({ code: 'LSM_CLOSED' }),
    );
  });

  test('evicts tables with open cursors, which go on reading', () => {
    const { fs, metas } = diskWithTables();
    const cache = tableCache(fs, 1);
    const cursors = metas.map((meta) => {
      const cursor = runSync(cache.open(meta)).cursor();
      while (!cursor.first()) cursor.waitSync();
      return cursor;
    });
    expect(cache.stats.openTables).toBe(1);
    runSync(cache.evict(7));
    expect(cache.find(7)).toBeUndefined();
    cursors.forEach((cursor, i) => {
      let count = 0;
      while (cursor.valid) {
        count++;
        while (!cursor.next()) cursor.waitSync();
      }
      expect(count).toBe(metas[i].entries);
      cursor.close();
      cursor.close();
    });
  });

  test('opens a table once, however many ask, and a synchronous caller takes over', async () => {
    const { fs, metas } = diskWithTables({ maxOpenFiles: 2 });
    const cache = tableCache(fs, 8);
    const waits = Array.from({ length: 5 }, () => runAsync(cache.open(metas[0])));
    const taken = runSync(cache.open(metas[0]));
    const readers = await Promise.all(waits);
    for (const reader of readers) expect(reader).toBe(taken);
    // Of two handles at most one may be left: the next table would not open otherwise.
    expect((await runAsync(cache.open(metas[1]))).entries).toBe(metas[1].entries);
  });

  test('tells everyone who asked for a damaged table, and tries again for the next', async () => {
    const { fs, metas } = diskWithTables();
    const path = `db/${tableName(3)}`;
    const bytes = fs.readBytes(path).slice();
    fs.writeBytes(path, bytes.subarray(0, 100));
    const cache = tableCache(fs, 8);
    const results = await Promise.allSettled([
      runAsync(cache.open(metas[3])),
      runAsync(cache.open(metas[3])),
    ]);
    for (const result of results) {
      expect(result).toMatchObject({
        status: 'rejected',
        reason: { code: 'LSM_CORRUPTION', file: path },
      });
    }
    fs.writeBytes(path, bytes);
    expect((await runAsync(cache.open(metas[3]))).entries).toBe(metas[3].entries);
    expect(cache.stats.memoryBytes).toBeGreaterThan(0);
  });

  test('gives an open table the cache priority it was asked for last', async () => {
    const { fs, metas } = diskWithTables();
    const cache = tableCache(fs, 8);
    const table = runSync(cache.open(metas[1]));
    expect(table.cachePriority).toBe('normal');
    runSync(cache.open(metas[1], 'none'));
    expect(table.cachePriority).toBe('none');
    // Who does not say changes nothing.
    await runAsync(cache.open(metas[1]));
    expect(table.cachePriority).toBe('none');
    scanSync(table);
    const reads = table.counters.blockReads;
    scanSync(table);
    expect(table.counters.blockReads).toBe(2 * reads);
    cache.setCachePriority(1, 'high');
    cache.setCachePriority(2, 'high');
    scanSync(table);
    scanSync(table);
    expect(table.counters.blockReads).toBe(3 * reads);
    expect((await runAsync(cache.open(metas[2], 'high'))).cachePriority).toBe('high');
  });
});
