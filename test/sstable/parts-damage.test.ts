import { beforeAll, describe, expect, test } from 'vitest';
import { readU32, writeU32 } from '../../src/base/bytes.js';
import { checksumAt } from '../../src/base/checksum.js';
import { maxSeq } from '../../src/base/internal-key.js';
import { runSync } from '../../src/base/task.js';
import { MemoryFileSystem } from '../../src/fs/memory-file-system.js';
import { loadCodecs } from '../../src/sstable/codecs.js';
import { TableReader } from '../../src/sstable/table-reader.js';
import { getSync, scanSync, someEntries, testTableId, writeTable } from './table-model.js';

beforeAll(loadCodecs);

const entries = someEntries(400);

function openBytes(bytes: Uint8Array): TableReader {
  return runSync(TableReader.open({ fs: MemoryFileSystem.from([['t', bytes]]), path: 't' }));
}

function partedBytes(): Uint8Array {
  const fs = new MemoryFileSystem();
  const layout = {
    indexSplitBytes: 0,
    indexPartBytes: 1024,
    filterSplitBytes: 0,
    filterPartBytes: 64,
  };
  writeTable(fs, 't', entries, { blockSizeBytes: 200 }, { layout });
  return fs.readBytes('t');
}

describe('damage of a table in parts', () => {
  const bytes = partedBytes();
  const sound = openBytes(bytes).blocks.directory;
  const places = {
    'the top of the index': [sound.indexHandle.offset, sound.indexHandle.size],
    'a part of the index': [sound.indexTop!.offsetAt(1), sound.indexTop!.sizeAt(1)],
    'the top of the filter': [topOfFilter(), 0],
    'a part of the filter': [sound.filterTop!.offsetAt(1), sound.filterTop!.sizeAt(1)],
  } as const;

  /** Right behind the last part of the index. */
  function topOfFilter(): number {
    const top = sound.indexTop!;
    return top.offsetAt(top.count - 1) + top.sizeAt(top.count - 1);
  }

  test.each(Object.keys(places) as (keyof typeof places)[])(
    'in %s is LSM_CORRUPTION with file and offset, and verify names it',
    (name) => {
      const [offset] = places[name];
      const damaged = Uint8Array.from(bytes);
      damaged[offset + 5] ^= 16;
      const expected = expect.objectContaining({ code: 'LSM_CORRUPTION', file: 't', offset });
      const isTop = name.startsWith('the top');
      const use = (): void => {
        const table = openBytes(damaged);
        for (const { key } of entries) getSync(table, key, maxSeq);
      };
      expect(use).toThrow(expected);
      if (isTop) expect(() => openBytes(damaged)).toThrow(expected);
      else expect(runSync(openBytes(damaged).verify()).damages).toEqual([expected]);
      if (name === 'a part of the index') {
        expect(() => scanSync(openBytes(damaged))).toThrow(expected);
      } else if (name === 'a part of the filter') {
        expect(scanSync(openBytes(damaged))).toHaveLength(entries.length);
      }
    },
  );

  test('a part of the index that its top does not mean is refused, though its checksum is right', () => {
    const [offset, size] = places['a part of the index'];
    const changed = Uint8Array.from(bytes);
    const rawLength = readU32(changed, offset + size - 8);
    // The last byte of the last separator.
    changed[offset + rawLength - 1] = 0xff;
    const end = offset + size - 4;
    writeU32(changed, end, checksumAt(changed.subarray(offset, end), testTableId, offset));
    const expected = expect.objectContaining({ code: 'LSM_CORRUPTION', file: 't', offset });
    expect(() => scanSync(openBytes(changed))).toThrow(expected);
    expect(runSync(openBytes(changed).verify()).damages).toEqual([expected]);
  });
});
