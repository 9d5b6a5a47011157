import { expect, it } from 'vitest';
import { Prng, randomFileId } from '../../src/base/prng.js';
import { kindPut, maxSeq } from '../../src/base/internal-key.js';
import { runSync } from '../../src/base/task.js';
import { MemoryFileSystem } from '../../src/fs.js';
import { BlockCache } from '../../src/sstable/block-cache.js';
import { loadCodecs } from '../../src/sstable/codecs.js';
import { TableReader } from '../../src/sstable/table-reader.js';
import { TableWriter } from '../../src/sstable/table-writer.js';

it('a cursor that fills no cache leaves the blocks of those who do alone', async () => {
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
  const keys = Array.from({ length: 2000 }, (_, i) => Buffer.from(`key${String(i).padStart(6)}`));
  for (const key of keys) writer.add(key, 0, key.length, 1, kindPut, key, 0, key.length);
  runSync(writer.finish());
  const blockCache = new BlockCache({ capacityBytes: 2 ** 20 });
  const table = runSync(TableReader.open({ fs, path: '/t.sst', blockCache }));

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
      const { valueBytes, valueStart, valueEnd } = cursor.entry;
      seen.push(Buffer.from(valueBytes.subarray(valueStart, valueEnd)).toString());
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
