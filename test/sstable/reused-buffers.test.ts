import { expect, it } from 'vitest';
import { Prng, randomFileId } from '../../src/base/prng.js';
import { KeyHash } from '../../src/base/hash.js';
import { kindPut, maxSeq } from '../../src/base/internal-key.js';
import { runSync } from '../../src/base/task.js';
import { MemoryFileSystem } from '../../src/fs.js';
import { CursorEntry } from '../../src/iterator/cursor.js';
import { BlockCache } from '../../src/sstable/block-cache.js';
import { loadCodecs } from '../../src/sstable/codecs.js';
import { BlockRequest, lookupNeedsBlock, TableReader } from '../../src/sstable/table-reader.js';
import { TableWriter } from '../../src/sstable/table-writer.js';

const keys = Array.from({ length: 2000 }, (_, i) => Buffer.from(`key${String(i).padStart(6)}`));

/** A table of some 120 blocks; each key is its own value. */
async function openTable(blockCache: BlockCache): Promise<TableReader> {
  await loadCodecs();
  const fs = new MemoryFileSystem();
  const random = new Prng(1);
  const writer = runSync(
    TableWriter.create({
      fs,
      path: '/t.sst',
      settings: {
        compression: 'lz4',
        blockSizeBytes: 256,
        bloomBitsPerKey: 0,
        cachePriority: 'normal',
      },
      databaseId: randomFileId(random),
      tableId: randomFileId(random),
      keyspaceId: 0,
      keyspaceName: '',
      level: 0,
      flushedSeq: 0,
    }),
  );
  for (const key of keys) writer.add(key, 0, key.length, 1, kindPut, key, 0, key.length);
  runSync(writer.finish());
  return runSync(TableReader.open({ fs, path: '/t.sst', blockCache }));
}

function valueOf({ valueBytes, valueStart, valueEnd }: CursorEntry): string {
  return Buffer.from(valueBytes.subarray(valueStart, valueEnd)).toString();
}

it('a cursor that fills no cache leaves the blocks of those who do alone', async () => {
  const blockCache = new BlockCache({ capacityBytes: 2 ** 20 });
  const table = await openTable(blockCache);

  /** Every other stretch of blocks is cached, so that the cursor meets both kinds. */
  const filling = table.cursor();
  for (let i = 0; i < keys.length; i += 97) {
    while (!filling.seek(keys[i], maxSeq)) filling.waitSync();
  }
  const walk = (fillCache: boolean): string[] => {
    const cursor = table.cursor({ fillCache });
    const seen: string[] = [];
    while (!cursor.first()) cursor.waitSync();
    while (cursor.valid) {
      seen.push(valueOf(cursor.entry));
      while (!cursor.next()) cursor.waitSync();
    }
    cursor.close();
    return seen;
  };
  const expected = keys.map(String);
  expect(walk(false)).toEqual(expected);
  expect(walk(true)).toEqual(expected);
  expect(walk(false)).toEqual(expected);
  filling.close();
  runSync(table.close());
});

it('blocks that leave the cache give their memory to others, but not while they are used', async () => {
  const blockCache = new BlockCache({ capacityBytes: 12_000 });
  const table = await openTable(blockCache);
  const hash = new KeyHash();
  const found = new CursorEntry();
  const get = (key: Buffer, request: BlockRequest): string => {
    hash.compute(key, 0, key.length);
    while (table.get(key, hash, maxSeq, found, request) === lookupNeedsBlock) request.waitSync();
    return valueOf(found);
  };
  const request = new BlockRequest();
  const flood = (from: number): void => {
    for (let i = 0; i < 60; i++) {
      const key = keys[(from + 31 * i) % keys.length];
      expect(get(key, request)).toBe(String(key));
    }
  };
  flood(0);
  expect(blockCache.takeSpare(100)).toBeDefined();

  const cursor = table.cursor();
  const waiting = new BlockRequest();
  for (let at = 0; at < keys.length - 40; at += 53) {
    // A cursor that stays on its block, and a lookup that was told to come back.
    while (!cursor.seek(keys[at], maxSeq)) cursor.waitSync();
    hash.compute(keys[at + 30], 0, keys[at + 30].length);
    const isAsked = table.get(keys[at + 30], hash, maxSeq, found, waiting) === lookupNeedsBlock;
    if (isAsked) waiting.waitSync();
    flood(at);
    expect(valueOf(cursor.entry)).toBe(String(keys[at]));
    while (!cursor.next()) cursor.waitSync();
    expect(valueOf(cursor.entry)).toBe(String(keys[at + 1]));
    expect(get(keys[at + 30], waiting)).toBe(String(keys[at + 30]));
  }
  cursor.close();
  runSync(table.close());
});

it('a block that was read for somebody who waits stays as it is until he has it', async () => {
  const blockCache = new BlockCache({ capacityBytes: 4_000 });
  const table = await openTable(blockCache);
  const hash = new KeyHash();
  const ask = (key: Buffer, request: BlockRequest, into: CursorEntry): number => {
    hash.compute(key, 0, key.length);
    return table.get(key, hash, maxSeq, into, request);
  };
  const other = new BlockRequest();
  const found = new CursorEntry();
  const flood = (): void => {
    for (let k = 0; k < keys.length; k += 41) {
      while (ask(keys[k], other, found) === lookupNeedsBlock) other.waitSync();
    }
  };
  for (let k = 7; k < 400; k += 41) {
    const request = new BlockRequest();
    const into = new CursorEntry();
    expect(ask(keys[k], request, into)).toBe(lookupNeedsBlock);
    let isDone = false;
    const waiting = request.wait().then(() => (isDone = true));
    // Between any two of the steps in which what was read comes to who asked for it.
    while (!isDone) {
      flood();
      await Promise.resolve();
    }
    await waiting;
    expect(ask(keys[k], request, into)).not.toBe(lookupNeedsBlock);
    expect(valueOf(into)).toBe(String(keys[k]));
  }
  runSync(table.close());
});
