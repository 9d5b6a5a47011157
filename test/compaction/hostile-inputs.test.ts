import { expect, test } from 'vitest';
import { Entry } from '../../src/base/entry.js';
import { isLsmError } from '../../src/base/errors.js';
import { joinPath, tableName } from '../../src/base/file-names.js';
import { loadCodecs } from '../../src/sstable/codecs.js';
import { readSeedTable } from '../fuzz/corpus.js';
import { sealTable } from '../fuzz/seal.js';
import { newDisk, run } from './jobs.js';
import { compactionOf, directory, writeTable } from './tables.js';

const path = joinPath(directory, tableName(1));

test('a compaction that meets entries out of order, whose checksums are right, is told of damage', async () => {
  await loadCodecs();
  const fs = await newDisk();
  const entries = ['aaaa', 'bbbb', 'cccc'].map((key) => Entry.put(key, 'value', 7));
  const table = writeTable(fs, 1, entries);
  const bytes = fs.readBytes(path);
  const text = Buffer.from(bytes.buffer).toString('latin1');
  // The column of heads, then the key tails: both in the new order.
  const keys = 'aaaabbbbcccc';
  for (let at = text.indexOf(keys); at >= 0; at = text.indexOf(keys, at + 1)) {
    bytes.set(Buffer.from('aaaaccccbbbb'), at);
  }
  const { blocks } = readSeedTable(fs.readBytes(path));
  sealTable(bytes, blocks);
  fs.writeBytes(path, bytes);
  const { checksum } = readSeedTable(bytes).directory;
  const found = errorOf(() => run(fs, compactionOf([[{ ...table, checksum }]])));
  expect(isLsmError(found, 'LSM_CORRUPTION') ? found.message : String(found)).toContain(path);
  expect([...fs.snapshotFiles().keys()]).toEqual([`/${path}`]);
});

test.each([
  ['a key', { largest: Buffer.from('bbbb') }],
  ['a sequence number', { largestSeq: 6, smallestSeq: 6 }],
])(
  'a compaction that meets %s beyond what the manifest states is told of damage',
  async (_, lie) => {
    await loadCodecs();
    const fs = await newDisk();
    const entries = ['aaaa', 'bbbb', 'cccc'].map((key) => Entry.put(key, 'value', 7));
    const table = { ...writeTable(fs, 1, entries), ...lie };
    const error = errorOf(() => run(fs, compactionOf([[table]])));
    expect(isLsmError(error, 'LSM_CORRUPTION') ? error.message : String(error)).toContain(path);
    expect([...fs.snapshotFiles().keys()]).toEqual([`/${path}`]);
  },
);

function errorOf(act: () => unknown): unknown {
  try {
    return act();
  } catch (error) {
    return error;
  }
}
