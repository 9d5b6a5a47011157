import { beforeAll, describe, expect, test } from 'vitest';
import { checksumAt } from '../../src/base/checksum.js';
import { writeU32 } from '../../src/base/bytes.js';
import type { Entry } from '../../src/base/entry.js';
import { isLsmError } from '../../src/base/errors.js';
import { kindDelete, kindPut, maxSeq } from '../../src/base/internal-key.js';
import { Prng } from '../../src/base/prng.js';
import { runSync } from '../../src/base/task.js';
import { MemoryFileSystem } from '../../src/fs/memory-file-system.js';
import { openBlock } from '../../src/sstable/block-frame.js';
import { BloomFilter } from '../../src/sstable/bloom-filter.js';
import { codecNamed, loadCodecs } from '../../src/sstable/codecs.js';
import { DataBlock } from '../../src/sstable/data-block.js';
import { decodeFooter, encodeFooter } from '../../src/sstable/footer.js';
import { footerBytes } from '../../src/sstable/format.js';
import { IndexBlock } from '../../src/sstable/index-block.js';
import { decodeMetaindex } from '../../src/sstable/metaindex.js';
import { decodeProperties } from '../../src/sstable/properties.js';
import type { TableLayout } from '../../src/sstable/table-layout.js';
import { BlockRequest, TableReader } from '../../src/sstable/table-reader.js';
import {
  allCompressions,
  bytesOf,
  getSync,
  modelGet,
  same,
  scanSync,
  show,
  smallParts,
  testDatabaseId,
  testSeed,
  testTableId,
  writeTable,
} from './table-model.js';

beforeAll(loadCodecs);

const path = 'dir/000007.sst';

/** Some 40 entries in a few small blocks, with versions of one key across blocks. */
function smallEntries(): Entry[] {
  const entries: Entry[] = [];
  for (let i = 0; i < 20; i++) {
    const key = bytesOf(`key${String(i).padStart(4, '0')}`);
    const versions = i === 7 ? 12 : 1;
    for (let v = 0; v < versions; v++) {
      const kind = i % 5 === 2 ? kindDelete : kindPut;
      const value =
        kind === kindDelete ? new Uint8Array(0) : bytesOf(`value ${i} aaaaaaaaaaaa ${v}`);
      entries.push({ key, seq: 1000 + i * 20 - v, kind, value });
    }
  }
  return entries;
}

function smallTable(
  settings: Parameters<typeof writeTable>[3],
  layout?: TableLayout,
): {
  bytes: Uint8Array;
  entries: Entry[];
} {
  const fs = new MemoryFileSystem();
  const entries = smallEntries();
  writeTable(fs, 'x', entries, settings, { layout });
  return { bytes: fs.readBytes('x'), entries };
}

function firstIndexPart(table: TableReader): IndexBlock {
  const request = new BlockRequest();
  if (table.indexPartAt(0, request) === undefined) request.waitSync();
  return table.indexPartAt(0, request)!.index;
}

/** Opens `bytes` as a table and reads everything; what is returned must be right, what is thrown typed. */
function readAll(bytes: Uint8Array, entries: readonly Entry[], note: string): boolean {
  const fs = MemoryFileSystem.from([[path, bytes]]);
  const all = entries.map(show).join();
  let table: TableReader;
  let damaged = false;
  const attempt = (run: () => void): void => {
    try {
      run();
    } catch (error) {
      damaged = true;
      if (!isLsmError(error, 'LSM_CORRUPTION') && !isLsmError(error, 'LSM_UNSUPPORTED_FORMAT')) {
        throw new Error(note, { cause: error });
      }
      same(String(error.file), path, () => note);
    }
  };
  attempt(() => {
    table = runSync(TableReader.open({ fs, path }));
  });
  if (damaged) return true;
  attempt(() => same(scanSync(table).map(show).join(), all, () => note));
  for (const { key, seq } of entries) {
    attempt(() => {
      same(show(getSync(table, key, seq)), show(modelGet(entries, key, seq)), () => note);
    });
  }
  attempt(() => same(show(getSync(table, bytesOf('key00075'), maxSeq)), 'nothing', () => note));
  const { damages } = runSync(table!.verify());
  same(String(damages.length > 0), String(damaged), () => `${note}: verify agrees`);
  return damaged;
}

describe.each([
  ...allCompressions.map((compression) => [compression, 'one piece'] as const),
  ['none', 'parts'] as const,
  ['lz4', 'parts'] as const,
])('a table with codec %s, index and filter in %s,', (compression, form) => {
  const settings = { compression, blockSizeBytes: 200, bloomBitsPerKey: 10 };
  const layout = form === 'parts' ? smallParts : undefined;

  test('with any byte flipped gives right answers or LSM_CORRUPTION, and verify names it', () => {
    const { bytes, entries } = smallTable(settings, layout);
    expect(readAll(bytes, entries, 'undamaged')).toBe(false);
    for (let at = 0; at < bytes.length; at++) {
      const bit = 1 << (at % 8);
      bytes[at] ^= bit;
      const note = `byte ${at} of ${bytes.length}, bit ${bit}`;
      same(String(readAll(bytes, entries, note)), 'true', () => `${note} is noticed`);
      bytes[at] ^= bit;
    }
  });

  test('cut at any length is LSM_CORRUPTION', () => {
    const { bytes } = smallTable(settings, layout);
    for (let length = 0; length < bytes.length; length++) {
      const fs = MemoryFileSystem.from([[path, bytes.subarray(0, length)]]);
      let error: unknown;
      try {
        runSync(TableReader.open({ fs, path }));
      } catch (thrown) {
        error = thrown;
      }
      if (!isLsmError(error, 'LSM_CORRUPTION'))
        throw new Error(`cut at ${length}`, { cause: error });
    }
  });

  test('with a block of another table, or a block moved, is LSM_CORRUPTION', () => {
    const { bytes } = smallTable(settings, layout);
    const fs = MemoryFileSystem.from([[path, bytes]]);
    const table = runSync(TableReader.open({ fs, path }));
    const index = firstIndexPart(table);
    const [first, second] = [0, 1].map((n) => index.offsetAt(n));
    const size = index.sizeAt(0);
    expect(() => openBlock(bytes, first, size, false, { low: 1, high: 1 }, first, path)).toThrow(
      /checksum/,
    );
    expect(() => openBlock(bytes, first, size, false, testTableId, second, path)).toThrow(
      /checksum/,
    );
    expect(openBlock(bytes, first, size, false, testTableId, first, path)).toHaveLength(
      index.rawLengthAt(0),
    );
  });
});

describe('a table that is not the expected one', () => {
  test.each(['databaseId', 'tableId', 'size', 'checksum'] as const)(
    'by %s is LSM_CORRUPTION',
    (field) => {
      const fs = new MemoryFileSystem();
      const meta = writeTable(fs, path.slice(4), smallEntries());
      const right = { ...meta, databaseId: testDatabaseId };
      const open = (expected: typeof right): TableReader =>
        runSync(TableReader.open({ fs, path: path.slice(4), expected }));
      expect(open(right).entries).toBe(meta.entries);
      const value =
        field === 'size' || field === 'checksum' ? right[field] + 1 : { low: 5, high: 5 };
      expect(() => open({ ...right, [field]: value })).toThrow(
        expect.objectContaining({ code: 'LSM_CORRUPTION', file: path.slice(4) }),
      );
    },
  );

  test('because it is missing is LSM_CORRUPTION; without an expectation LSM_NOT_FOUND', () => {
    const fs = new MemoryFileSystem();
    const expected = { databaseId: testDatabaseId, tableId: testTableId, size: 1, checksum: 1 };
    expect(() => runSync(TableReader.open({ fs, path: 'x', expected }))).toThrow(
      expect.objectContaining({ code: 'LSM_CORRUPTION' }),
    );
    expect(() => runSync(TableReader.open({ fs, path: 'x' }))).toThrow(
      expect.objectContaining({ code: 'LSM_NOT_FOUND' }),
    );
  });
});

describe('a hostile block', () => {
  function seal(payload: Uint8Array, codec: number, rawLength: number): Uint8Array {
    const bytes = new Uint8Array(payload.length + 10);
    bytes.set(payload);
    bytes[payload.length] = codec;
    writeU32(bytes, payload.length + 2, rawLength);
    const covered = bytes.subarray(0, payload.length + 6);
    writeU32(bytes, payload.length + 6, checksumAt(covered, testTableId, 56));
    return bytes;
  }

  // Payloads that begin as their format does, and claim much.
  const zstdFrame = Uint8Array.from([0x28, 0xb5, 0x2f, 0xfd, 0xa0, 0, 0, 0, 0x80, 0, 0, 0]);
  test.each([
    ['LZ4, 2 GiB', 1, new Uint8Array(21), 2 ** 31],
    ['LZ4, 16 MiB', 1, new Uint8Array(21), 2 ** 24],
    ['Zstandard, 2 GiB', 2, zstdFrame, 2 ** 31],
    ['Zstandard, frame and trailer disagree', 2, zstdFrame, 100],
    ['stored, 2 GiB', 0, new Uint8Array(21), 2 ** 31],
  ])('of 31 bytes (%s) grows no memory', (_, codec, payload, rawLength) => {
    const stored = seal(payload, codec, rawLength);
    const before = process.memoryUsage();
    expect(() => openBlock(stored, 0, stored.length, false, testTableId, 56, path)).toThrow(
      expect.objectContaining({ code: 'LSM_CORRUPTION', file: path, offset: 56 }),
    );
    const after = process.memoryUsage();
    expect(after.arrayBuffers - before.arrayBuffers).toBeLessThan(2 ** 25);
    expect(after.rss - before.rss).toBeLessThan(2 ** 27);
  });

  test('with an unknown codec or flag is refused as a newer format', () => {
    const unknown = seal(new Uint8Array(4), 99, 4);
    const refuse =
      (bytes: Uint8Array): (() => void) =>
      () =>
        openBlock(bytes, 0, bytes.length, false, testTableId, 56, path);
    expect(refuse(unknown)).toThrow(expect.objectContaining({ code: 'LSM_UNSUPPORTED_FORMAT' }));
    const flagged = seal(new Uint8Array(4), 0, 4);
    flagged[5] = 1;
    writeU32(flagged, 10, checksumAt(flagged.subarray(0, 10), testTableId, 56));
    expect(refuse(flagged)).toThrow(expect.objectContaining({ code: 'LSM_UNSUPPORTED_FORMAT' }));
  });
});

describe('decoders on damaged, cut, extended and random input', () => {
  const seed = testSeed();
  const samples: Record<string, () => [Uint8Array, (input: Uint8Array) => unknown]> = {
    'data block': () => [rawBlocks().data, (input) => useBlock(new DataBlock(input, path, 56))],
    index: () => [rawBlocks().index, (input) => useIndex(new IndexBlock(input, 1e6, path, 56))],
    filter: () => [
      rawBlocks().filter,
      (input) => BloomFilter.fromBytes(input, path, 56).mayContain('x'),
    ],
    properties: () => [rawBlocks().properties, (input) => decodeProperties(input, path, 56)],
    metaindex: () => [rawBlocks().metaindex, (input) => decodeMetaindex(input, 56, path, 1e6)],
    footer: () => [
      rawBlocks().footer,
      (input) => (input.length < footerBytes ? undefined : decodeFooter(input, 500, path)),
    ],
    lz4: () => [
      rawBlocks().lz4,
      (input) => codecNamed('lz4')!.decompress(input, 0, input.length, new Uint8Array(500)),
    ],
    zstd: () => [
      rawBlocks().zstd,
      (input) => codecNamed('zstd')!.decompress(input, 0, input.length, new Uint8Array(500)),
    ],
  };

  test.each(Object.keys(samples))('%s: an answer or a typed error', (name) => {
    const prng = new Prng(seed);
    const [valid, decode] = samples[name]();
    decode(valid.slice());
    let refused = 0;
    for (let round = 0; round < 3000; round++) {
      const input = mutate(valid, prng);
      try {
        decode(input);
      } catch (error) {
        refused++;
        const isTyped =
          isLsmError(error, 'LSM_CORRUPTION') || isLsmError(error, 'LSM_UNSUPPORTED_FORMAT');
        if (!isTyped) throw new Error(`NORI_SEED=${seed} round ${round}`, { cause: error });
      }
    }
    if (name !== 'lz4' && name !== 'zstd') expect(refused).toBeGreaterThan(100);
  });
});

/** Reads every entry of a block that was accepted. */
function useBlock(block: DataBlock): void {
  for (let i = 0; i < block.count; i++) {
    block.seqAt(i);
    block.kindAt(i);
    if (block.words[block.bounds + i] > block.bytes.length)
      throw new Error('key outside the block');
  }
  expect(block.lowerBound(bytesOf('key0003'), 5)).toBeLessThanOrEqual(block.count);
}

function useIndex(index: IndexBlock): void {
  expect(index.findBlock(bytesOf('key0003'), 5)).toBeLessThan(index.count);
  for (let i = 0; i < index.count; i++) {
    if (index.offsetAt(i) + index.sizeAt(i) > 1e6) throw new Error('block outside the file');
    index.separatorAt(i);
  }
}

function rawBlocks(): Record<
  'data' | 'index' | 'filter' | 'properties' | 'metaindex' | 'footer' | 'lz4' | 'zstd',
  Uint8Array
> {
  const { bytes } = smallTable({ compression: 'none', blockSizeBytes: 200 });
  const fs = MemoryFileSystem.from([[path, bytes]]);
  const table = runSync(TableReader.open({ fs, path }));
  const footerAt = bytes.length - footerBytes;
  const footer = bytes.slice(footerAt);
  const { metaindex, tailOffset } = decodeFooter(footer, footerAt, path);
  const raw = ({ offset, size }: { offset: number; size: number }): Uint8Array =>
    openBlock(bytes, offset, size, false, testTableId, offset, path);
  const handles = decodeMetaindex(raw(metaindex), tailOffset, path, metaindex.offset);
  const { index } = table.blocks.onlyPart!;
  const data = raw({ offset: index.offsetAt(0), size: index.sizeAt(0) });
  const compressed = (name: 'lz4' | 'zstd'): Uint8Array => {
    const target = new Uint8Array(1000);
    const length = codecNamed(name)!.compress(new Uint8Array(500).fill(7), 0, 500, target, 0, 900);
    return target.slice(0, length);
  };
  const place = { metaindex: { offset: 400, size: 100 }, metaindexChecksum: 1, tailOffset: 300 };
  return {
    data,
    index: raw(handles.get('index')!),
    filter: raw(handles.get('filter.bloom.1')!),
    properties: raw(handles.get('properties')!),
    metaindex: raw(metaindex),
    footer: encodeFooter({ tableId: testTableId, ...place }, 500),
    lz4: compressed('lz4'),
    zstd: compressed('zstd'),
  };
}

function mutate(valid: Uint8Array, prng: Prng): Uint8Array {
  const kind = prng.below(4);
  if (kind === 0) return valid.slice(0, prng.below(valid.length));
  if (kind === 1) return Uint8Array.from([...valid, ...randomBytes(prng, 1 + prng.below(20))]);
  if (kind === 2) return randomBytes(prng, prng.below(300));
  const input = valid.slice();
  for (let i = prng.below(4); i >= 0; i--) {
    // Mostly at the front, where counts and lengths are.
    const at = prng.chance(0.5) ? prng.below(Math.min(24, input.length)) : prng.below(input.length);
    input[at] = prng.chance(0.3) ? 255 : prng.below(256);
  }
  return input;
}

function randomBytes(prng: Prng, length: number): Uint8Array {
  return Uint8Array.from({ length }, () => prng.below(256));
}
