import { describe, expect, it } from 'vitest';
import { MemoryFileSystem, RecordingFileSystem } from '../../src/fs.js';
import {
  Entry,
  kindDelete,
  mergeEntries,
  SSTableBuilder,
  SSTableReader,
  type SSTableMetadata,
} from '../../src/sstable.js';
import { readTable, show, text } from './engine.js';
import { buildTable } from './tables.js';

/*
 * An LSM tree by hand, as the page builds one from tables: flush, merge,
 * partition, look up. Nothing of the engine is used.
 */

async function openAll(fs: RecordingFileSystem, paths: string[]): Promise<SSTableReader[]> {
  return Promise.all(paths.map((path) => SSTableReader.open(path, { fs })));
}

describe('"Building L0 SSTable"', () => {
  it('writes a sorted memtable to a table, sized by a hint, compressed with LZ4', async () => {
    const fs = new MemoryFileSystem();
    const memtable = [...new Array(500).keys()].map(
      (i) => [`user:${1000 + i}`, `value of ${i}, value of ${i}`] as const,
    );
    const metadata = await buildTable(
      fs,
      'l0_001.sst',
      memtable.map(([key, value]) => Entry.put(key, value)),
      { estimatedEntries: memtable.length, compression: 'lz4' },
    );
    expect(metadata.path).toBe('l0_001.sst');
    expect(metadata).toMatchObject({ entries: 500, tombstones: 0 });
    expect(text(metadata.smallest!)).toBe('user:1000');
    expect(text(metadata.largest!)).toBe('user:1499');
    const entries = await readTable(fs, 'l0_001.sst');
    expect(entries.map(show)).toEqual(memtable.map(([key, value]) => `${key}=${value}`));
  });

  it('says metadata.file_size, and that is the size of the file', async () => {
    const fs = new MemoryFileSystem();
    const metadata = await buildTable(fs, 't.sst', [Entry.put('a', '1'), Entry.put('b', '2')]);
    expect(metadata.fileSize).toBe(fs.readBytes('t.sst').length);
    expect(metadata.rawBytes).toBe(4);
    const reader = await SSTableReader.open('t.sst', { fs });
    expect(reader.metadata).toEqual(metadata);
    await reader.close();
  });

  it('leaves no table behind before it is whole', async () => {
    const fs = new MemoryFileSystem();
    const builder = await SSTableBuilder.create({ path: 't.sst', fs });
    await builder.add(Entry.put('a', '1'));
    expect(await fs.stat('t.sst')).toBeUndefined();
    await builder.abandon();
    expect([...fs.snapshotFiles().keys()]).toEqual([]);
  });
});

describe('"Merge iterators (newest first for shadowing)"', () => {
  it('"Newer files win", "Skip duplicates (same key from older files)": one entry per key, the newest, also of more than two tables', async () => {
    const fs = new MemoryFileSystem();
    const recording = new RecordingFileSystem(fs);
    await buildTable(fs, 'l0_001.sst', [Entry.put('a', '1'), Entry.put('k', '1')]);
    await buildTable(fs, 'l0_002.sst', [Entry.put('a', '2'), Entry.put('k', '2')]);
    await buildTable(fs, 'l0_003.sst', [Entry.delete('a'), Entry.put('k', '3')]);
    const newestFirst = await openAll(recording, ['l0_003.sst', 'l0_002.sst', 'l0_001.sst']);
    const merged = await buildTable(fs, 'l1.sst', mergeEntries(newestFirst));
    expect(merged.entries).toBe(2);
    expect((await readTable(fs, 'l1.sst')).map(show)).toEqual(['a deleted', 'k=3']);
    for (const reader of newestFirst) await reader.close();
  });
});

/** The page's `partition_level`: a new table when the current one has its size. */
async function partition(
  fs: MemoryFileSystem,
  sources: Iterable<Entry>[],
  partitionBytes: number,
): Promise<SSTableMetadata[]> {
  const outputs: SSTableMetadata[] = [];
  let builder: SSTableBuilder | undefined;
  for (const entry of mergeEntries(sources)) {
    if (builder !== undefined && builder.estimatedBytes >= partitionBytes) {
      outputs.push(await builder.finish());
      builder = undefined;
    }
    builder ??= await SSTableBuilder.create({
      path: `l1_part${String(outputs.length).padStart(4, '0')}.sst`,
      compression: 'none',
      fs,
    });
    await builder.add(entry);
  }
  if (builder !== undefined) outputs.push(await builder.finish());
  return outputs;
}

describe('"Range Partitioning (L1+)"', () => {
  const letters = [...'abcdefghijklmnopqrstuvwxyz'];
  const value = 'x'.repeat(1000);

  it('cuts tables of the partition size whose ranges do not overlap', async () => {
    const fs = new MemoryFileSystem();
    const even = letters.filter((_, i) => i % 2 === 0).map((key) => Entry.put(key, value));
    const odd = letters.filter((_, i) => i % 2 === 1).map((key) => Entry.put(key, value));
    const tables = await partition(fs, [even, odd], 9000);
    expect(tables.length).toBe(3);
    for (const table of tables.slice(0, -1)) expect(table.rawBytes).toBeGreaterThan(8000);
    const keys: string[] = [];
    for (const { path, smallest, largest } of tables) {
      const entries = await readTable(fs, path);
      expect(text(entries[0].key)).toBe(text(smallest!));
      expect(text(entries.at(-1)!.key)).toBe(text(largest!));
      keys.push(...entries.map((entry) => text(entry.key)));
    }
    expect(keys).toEqual(letters);
  });

  it('"Check range [a,j]: No", "Check range [k,s]: Yes → bloom + index search", "Check range [t,z]: No", "Files checked: 1 (instead of 10!)"', async () => {
    const fs = new MemoryFileSystem();
    const recording = new RecordingFileSystem(fs);
    const ranges = [
      ['a', 'j'],
      ['k', 's'],
      ['t', 'z'],
    ];
    const paths: string[] = [];
    for (const [first, last] of ranges) {
      paths.push(`l1_part000${paths.length}.sst`);
      const keys = letters.filter((key) => key >= first && key <= last);
      await buildTable(
        fs,
        paths.at(-1)!,
        keys.map((key) => Entry.put(key, value)),
      );
    }
    const readers = await openAll(recording, paths);
    expect(readers.map((reader) => reader.keyRangeContains('m'))).toEqual([false, true, false]);
    recording.clear();
    for (const reader of readers.filter((each) => each.keyRangeContains('m'))) {
      expect(text((await reader.get('m'))!.value)).toBe(value);
    }
    expect(recording.lines.length).toBeGreaterThan(0);
    for (const line of recording.lines) expect(line).toMatch(/^read l1_part0001\.sst /);
    for (const reader of readers) await reader.close();
  });

  it('key_range_contains: "Check if key falls in [first_key, last_key] range", both included', async () => {
    const fs = new MemoryFileSystem();
    await buildTable(fs, 't.sst', [Entry.put('b', ''), Entry.put('d', '')]);
    const reader = await SSTableReader.open('t.sst', { fs });
    const contained = ['a', 'az', 'b', 'c', 'd', 'd\0', 'e'].map((key) =>
      reader.keyRangeContains(key),
    );
    expect(contained).toEqual([false, false, true, true, true, false, false]);
    await reader.close();
  });
});

describe('"Multi-Level Lookup"', () => {
  /** The page's `LSMReader`, which forgot that an entry may be a tombstone. */
  async function find(levels: SSTableReader[][], key: string): Promise<string | undefined> {
    for (const readers of levels) {
      for (const reader of readers) {
        if (!reader.keyRangeContains(key)) continue;
        const entry = await reader.get(key);
        if (entry !== undefined) return entry.kind === kindDelete ? undefined : text(entry.value);
      }
    }
    return undefined;
  }

  it('goes through L0 newest first, then L1, then L2; the first version decides', async () => {
    const fs = new MemoryFileSystem();
    const recording = new RecordingFileSystem(fs);
    await buildTable(
      fs,
      'l2.sst',
      [...'abcdef'].map((key) => Entry.put(key, 'l2')),
    );
    await buildTable(
      fs,
      'l1.sst',
      [...'bcde'].map((key) => Entry.put(key, 'l1')),
    );
    await buildTable(fs, 'l0_001.sst', [Entry.put('c', 'old'), Entry.put('d', 'old')]);
    await buildTable(fs, 'l0_002.sst', [Entry.put('d', 'new'), Entry.delete('e')]);
    const levels = [
      await openAll(recording, ['l0_002.sst', 'l0_001.sst']),
      await openAll(recording, ['l1.sst']),
      await openAll(recording, ['l2.sst']),
    ];
    const found: (string | undefined)[] = [];
    for (const key of 'abcdefg') found.push(await find(levels, key));
    expect(found).toEqual(['l2', 'l1', 'old', 'new', undefined, 'l2', undefined]);
    for (const reader of levels.flat()) await reader.close();
  });
});

describe('"Deletion During Compaction"', () => {
  const inputs = [[Entry.delete('user:123')], [Entry.put('user:123', 'old')]];

  it('keeps the tombstone at L1, drops it at the last level', async () => {
    const atLevel1 = [...mergeEntries(inputs)];
    expect(atLevel1.map(show)).toEqual(['user:123 deleted']);
    const last = [...mergeEntries(inputs)].filter((entry) => entry.kind !== kindDelete);
    const fs = new MemoryFileSystem();
    const table = await buildTable(fs, 'l4.sst', last);
    expect(table).toMatchObject({ entries: 0, tombstones: 0, smallest: undefined });
    expect(await readTable(fs, 'l4.sst')).toEqual([]);
  });
});

describe('"nori-sstable advantages"', () => {
  it('"Immutable files → lock-free reads during compaction": a reader outlives its file', async () => {
    const fs = new MemoryFileSystem();
    const keys = [...new Array(200).keys()].map((i) => `k${1000 + i}`);
    await buildTable(
      fs,
      'old.sst',
      keys.map((key) => Entry.put(key, 'x'.repeat(100))),
    );
    const reader = await SSTableReader.open('old.sst', { fs });
    const iterator = reader.iterator();
    expect(text((await iterator.next())!.key)).toBe(keys[0]);
    await buildTable(fs, 'new.sst', reader);
    await fs.remove('old.sst');
    const rest: string[] = [];
    for (let entry = await iterator.next(); entry; entry = await iterator.next()) {
      rest.push(text(entry.key));
    }
    expect(rest).toEqual(keys.slice(1));
    iterator.close();
    expect(text((await reader.get(keys[50]))!.key)).toBe(keys[50]);
    await reader.close();
  });

  it('"Efficient range scans → fast compaction": a range reads its own blocks and no others', async () => {
    const fs = new MemoryFileSystem();
    const recording = new RecordingFileSystem(fs);
    const keys = [...new Array(1000).keys()].map((i) => `k${1000 + i}`);
    const metadata = await buildTable(
      fs,
      't.sst',
      keys.map((key) => Entry.put(key, 'x'.repeat(1000))),
      { compression: 'none' },
    );
    const [reader] = await openAll(recording, ['t.sst']);
    recording.clear();
    const found = [...reader.entries({ gte: 'k1500', lt: 'k1520' })].map((entry) =>
      text(entry.key),
    );
    expect(found).toEqual(keys.slice(500, 520));
    const bytesRead = recording.lines.reduce((sum, line) => sum + bytesOf(line), 0);
    expect(bytesRead).toBeGreaterThan(20_000);
    expect(bytesRead).toBeLessThan(metadata.fileSize / 10);
    await reader.close();
  });
});

function bytesOf(line: string): number {
  const [, from, to] = /^read \S+ (\d+)\.\.(\d+)$/.exec(line)!;
  return Number(to) - Number(from);
}
