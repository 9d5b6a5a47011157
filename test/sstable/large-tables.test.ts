import { beforeAll, describe, expect, test } from 'vitest';
import { MemoryFileSystem } from '../../src/fs.js';
import {
  BlockCache,
  Entry,
  mergeEntries,
  SSTableBuilder,
  SSTableReader,
} from '../../src/sstable.js';
import { TableReader } from '../../src/sstable/table-reader.js';
import { runSync } from '../../src/base/task.js';
import { keyOf } from './table-model.js';

/** The public API on a table that is large enough for parts by itself. */

// 20 bits for each of these keys are 550 KB of filter; the blocks hold two of them.
const count = 220_000;
const fs = new MemoryFileSystem();

beforeAll(async () => {
  const options = { fs, compression: 'none', blockSizeBytes: 64, bloomBitsPerKey: 20 } as const;
  const builder = await SSTableBuilder.create({ ...options, path: 'large.sst' });
  for (let i = 0; i < count; i++) builder.addSync(Entry.put(keyOf(i), 'large', i + 1));
  await builder.finish();
  const small = await SSTableBuilder.create({ ...options, path: 'small.sst' });
  for (let i = 0; i < 1000; i += 2)
    small.addSync(Entry.put(keyOf(100_000 + i), 'small', count + i));
  await small.finish();
});

describe('a table with index and filter in parts', () => {
  test('is one because of its size', () => {
    const table = runSync(TableReader.open({ fs, path: 'large.sst' }));
    expect(table.properties.indexLevels).toBe(2);
    expect(table.properties.filterParts).toBeGreaterThan(10);
    const { dataBlocks } = table.properties;
    expect(dataBlocks * 30).toBeGreaterThan(2 * 2 ** 20);
    // Of megabytes of index and filter some KiB stay in memory.
    expect(table.memoryBytes).toBeLessThan(32 * 1024);
    runSync(table.close());
  });

  test('answers, scans, merges and verifies as others do', async () => {
    const blockCache = new BlockCache({ capacityBytes: 2 ** 20 });
    const large = await SSTableReader.open('large.sst', { fs, blockCache });
    const small = await SSTableReader.open('small.sst', { fs, blockCache });
    for (let i = 0; i < count; i += 997) {
      expect((await large.get(keyOf(i)))?.seq).toBe(i + 1);
      expect(large.getSync(`key${String(i).padStart(6, '0')}x`)).toBeUndefined();
    }
    const range = { gte: keyOf(99_990), lt: keyOf(100_020) };
    const merged = [...mergeEntries([small.entries(range), large.entries(range)])];
    const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();
    expect(merged.map(({ key, value }) => `${text(key)}=${text(value)}`)).toEqual(
      Array.from({ length: 30 }, (_, i) => {
        const number = 99_990 + i;
        const isInSmall = number >= 100_000 && number % 2 === 0;
        return `${text(keyOf(number))}=${isInSmall ? 'small' : 'large'}`;
      }),
    );
    const iterator = large.iterator({ reverse: true, limit: 3 });
    iterator.seek(keyOf(150_000));
    expect((await iterator.next())?.seq).toBe(150_001);
    expect(iterator.nextSync()?.seq).toBe(150_000);
    iterator.close();
    expect(await large.verify()).toMatchObject({ entries: count, damages: [] });
    expect(blockCache.usedBytes).toBeLessThanOrEqual(2 ** 20);
    await large.close();
    await small.close();
    expect(blockCache.usedBytes).toBe(0);
  });
});
