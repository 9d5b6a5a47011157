import { beforeAll, describe, expect, test } from 'vitest';
import { maxSeq } from '../../src/base/internal-key.js';
import { runAsync, runSync } from '../../src/base/task.js';
import { MemoryFileSystem } from '../../src/fs/memory-file-system.js';
import { RecordingFileSystem } from '../../src/fs/recording-file-system.js';
import type { Cursor } from '../../src/iterator/cursor.js';
import { loadCodecs } from '../../src/sstable/codecs.js';
import { SSTableReader } from '../../src/sstable.js';
import { TableReader } from '../../src/sstable/table-reader.js';
import { keyOf, settle, someEntries, writeTable } from './table-model.js';

beforeAll(loadCodecs);

/** What is read from the disk, counted: calls and bytes. */

interface Reads {
  readonly calls: number;
  readonly bytes: number;
}

const made = new Map<string, Uint8Array>();

function bytesOfTable(count: number, blockSizeBytes: number): Uint8Array {
  const name = `${count} ${blockSizeBytes}`;
  const known = made.get(name);
  if (known !== undefined) return known;
  const fs = new MemoryFileSystem();
  writeTable(fs, 't', someEntries(count), { blockSizeBytes });
  const bytes = fs.readBytes('t');
  made.set(name, bytes);
  return bytes;
}

/** A table of so many entries, and what was read of it since the last question. */
function record(
  count: number,
  blockSizeBytes: number,
  sync = true,
): { fs: RecordingFileSystem; takeReads: () => Reads } {
  const bytes = bytesOfTable(count, blockSizeBytes);
  const fs = new RecordingFileSystem(MemoryFileSystem.from([['t', bytes]], { sync }));
  const takeReads = (): Reads => {
    const ranges = fs.lines.flatMap((line) => /^read t (\d+)\.\.(\d+)$/.exec(line) ?? []);
    let bytes = 0;
    for (let i = 0; i < ranges.length; i += 3)
      bytes += Number(ranges[i + 2]) - Number(ranges[i + 1]);
    fs.clear();
    return { calls: ranges.length / 3, bytes };
  };
  return { fs, takeReads };
}

describe('opening a table', () => {
  test('reads as little of a large one as of a small one', () => {
    const opened = [10, 1000, 5000, 40_000].map((count) => {
      const { fs, takeReads } = record(count, 64);
      const table = runSync(TableReader.open({ fs, path: 't' }));
      expect(table.entries).toBe(count);
      return { ...takeReads(), levels: table.properties.indexLevels };
    });
    expect(opened.map(({ levels }) => levels)).toEqual([1, 1, 1, 2]);
    // Header, tail, and of a middling one an index that the last 32 KiB do not have.
    for (const { calls } of opened) expect(calls).toBeLessThanOrEqual(3);
    expect(opened[3].calls).toBeLessThanOrEqual(2);
    for (const { bytes } of opened) expect(bytes).toBeLessThanOrEqual(300 * 1024);
    expect(opened[3].bytes).toBeLessThanOrEqual(33 * 1024);
  });
});

describe('a scan', () => {
  const count = 20_000;
  const directions = ['forward', 'in reverse'] as const;

  function step(cursor: Cursor, isForward: boolean): boolean {
    return isForward ? cursor.next() : cursor.prev();
  }

  async function walk(
    cursor: Cursor,
    isForward: boolean,
    steps: number,
    wait: () => Promise<void> | void,
  ): Promise<number> {
    let seen = 0;
    while (!(isForward ? cursor.first() : cursor.last())) await wait();
    while (cursor.valid && seen < steps) {
      seen++;
      while (!step(cursor, isForward)) await wait();
    }
    cursor.close();
    return seen;
  }

  test.each(directions.flatMap((way) => [true, false].map((sync) => [way, sync] as const)))(
    '%s reads many blocks with one call (synchronous calls: %s)',
    async (way, sync) => {
      const { fs, takeReads } = record(count, 1024, sync);
      const table = await runAsync(TableReader.open({ fs, path: 't' }));
      takeReads();
      const cursor = table.cursor();
      const wait = sync ? () => cursor.waitSync() : () => cursor.wait();
      expect(await walk(cursor, way === 'forward', count, wait)).toBe(count);
      const { calls, bytes } = takeReads();
      const { storedBytes, dataBlocks } = table.properties;
      expect(bytes).toBe(storedBytes);
      // Three blocks, then windows of 32, 64, 128 and 256 KiB.
      expect(calls).toBeLessThanOrEqual(3 + 4 + Math.ceil(storedBytes / (240 * 1024)));
      expect(dataBlocks).toBeGreaterThan(20 * calls);
    },
  );

  test.each(directions)('%s of a few entries reads no more than their blocks', async (way) => {
    const { fs, takeReads } = record(count, 1024);
    const table = runSync(TableReader.open({ fs, path: 't' }));
    takeReads();
    const cursor = table.cursor();
    await walk(cursor, way === 'forward', 40, () => cursor.waitSync());
    const { calls, bytes } = takeReads();
    expect(calls).toBeLessThanOrEqual(3);
    expect(bytes).toBeLessThanOrEqual(3 * 1100);
  });

  test.each(directions)('%s that turns around starts with short windows again', (way) => {
    const { fs, takeReads } = record(count, 1024);
    const table = runSync(TableReader.open({ fs, path: 't' }));
    const cursor = table.cursor();
    const isForward = way === 'forward';
    settle(cursor, () => (isForward ? cursor.first() : cursor.last()));
    for (let i = 0; i < count / 2; i++) settle(cursor, () => step(cursor, isForward));
    takeReads();
    for (let i = 0; i < 50; i++) settle(cursor, () => step(cursor, !isForward));
    expect(takeReads().bytes).toBeLessThan(5000);
    cursor.close();
  });

  test.each(directions)('%s with bounds reads nothing beyond them', (way) => {
    const { fs, takeReads } = record(count, 1024);
    const table = runSync(TableReader.open({ fs, path: 't' }));
    takeReads();
    const lower = keyOf(5000);
    const upper = keyOf(9000);
    const cursor = table.cursor({ lower, upper });
    let seen = 0;
    if (way === 'forward') {
      settle(cursor, () => cursor.seek(lower, maxSeq));
      for (; cursor.entry.seq <= 9000; seen++) settle(cursor, () => cursor.next());
    } else {
      settle(cursor, () => cursor.seekBefore(upper, maxSeq));
      for (; cursor.entry.seq > 5000; seen++) settle(cursor, () => cursor.prev());
    }
    cursor.close();
    expect(seen).toBe(4000);
    const { bytes } = takeReads();
    const inside = table.approximateOffsetOf(upper) - table.approximateOffsetOf(lower);
    expect(bytes).toBeLessThanOrEqual(inside + 3 * 1100);
  });

  test('of a standalone table knows its bounds, and leaves values out where told', async () => {
    const { fs, takeReads } = record(count, 1024);
    const reader = await SSTableReader.open('t', { fs });
    takeReads();
    for (const reverse of [false, true]) {
      const range = { gte: keyOf(5000), lt: keyOf(9000), reverse };
      const keys: string[] = [];
      for (const { key, value } of reader.entries({ ...range, values: false })) {
        keys.push(String(key));
        if (value.length > 0) throw new Error('a value that nobody asked for');
      }
      const entries = [...reader.entries(range)];
      expect(entries.map(({ key }) => String(key))).toEqual(keys);
      expect(Buffer.from(entries[0].value).toString()).toBe(reverse ? 'value 8999' : 'value 5000');
      expect(keys).toHaveLength(4000);
      // The second scan of the same range finds its blocks in the cache.
      const { bytes } = takeReads();
      expect(bytes).toBeLessThanOrEqual(reverse ? 3 * 1100 : (4000 / count) * 900_000);
    }
    await reader.close();
  });
});
