import { decodeFileHeader } from '../../src/base/file-header.js';
import { Prng } from '../../src/base/prng.js';
import { runSync, type Steps } from '../../src/base/task.js';
import { MemoryFileSystem } from '../../src/fs.js';
import type { File } from '../../src/fs/file-system.js';
import { open } from '../../src/index.js';
import { openBlock } from '../../src/sstable/block-frame.js';
import { loadCodecs } from '../../src/sstable/codecs.js';
import type { BlockHandle } from '../../src/sstable/format.js';
import { IndexBlock } from '../../src/sstable/index-block.js';
import { loadDirectory, type TableDirectory } from '../../src/sstable/table-directory.js';
import { defaultTableLayout } from '../../src/sstable/table-layout.js';
import { LogReader } from '../../src/wal/log-reader.js';
import { allCompressions, randomEntries, smallParts, writeTable } from '../sstable/table-model.js';

/*
 * Valid bytes of every kind, made by the engine's own writers: what the fuzzer
 * begins with. Small, so that a change hits something that counts.
 */

export const databaseDirectory = '/db';

/** The files of a small database, by path: keyspaces, levels, deletes, and a log that was not closed. */
export async function makeDatabase(
  seed: number,
  isClosed: boolean,
): Promise<Map<string, Uint8Array>> {
  const fs = new MemoryFileSystem();
  const random = new Prng(seed);
  const db = await open(databaseDirectory, {
    fs,
    random,
    memtableBytes: 64 * 1024,
    syncIntervalMs: 0,
    compression: 'none',
    levels: [{ compression: 'lz4' }, { blockSizeBytes: 256, bloomBitsPerKey: 5 }],
  });
  const second = await db.keyspace('second, é', { levelSizing: 'static', compression: 'zstd' });
  const dropped = await db.keyspace('dropped', { bloomBitsPerKey: 0 });
  for (let round = 0; round < 3; round++) {
    for (let i = round; i < 30; i += 2) {
      db.putSync(`user:${i}`, `round ${round}, and some words, and some words`);
      second.putSync(`id ${i}`, `${round}`.repeat(i));
      dropped.putSync('x', 'y');
    }
    db.deleteSync(`user:${round * 7}`);
    await db.flush();
    if (round === 1) await db.compactRange();
  }
  await db.dropKeyspace('dropped');
  await db.batch([
    { type: 'put', key: 'batch a', value: '1' },
    { type: 'put', key: 'batch b', value: '2', keyspace: second },
    { type: 'delete', key: 'user:3' },
  ]);
  await db.put('synced', 'yes', { durability: 'disk' });
  await db.put('a large one', 'z'.repeat(40_000));
  await db.put('', 'the empty key');
  while (db.stats().background.running.length > 0 || db.stats().tables.obsolete > 0) {
    await new Promise((resolve) => setImmediate(resolve));
  }
  const left = fs.snapshotFiles();
  await db.close();
  return isClosed ? fs.snapshotFiles() : left;
}

/** A table, and where all of its blocks are, by their role, in the order of the file. */
export interface SeedTable {
  readonly bytes: Uint8Array;
  readonly directory: TableDirectory;
  readonly blocks: readonly SeedBlock[];
}

export interface SeedBlock extends BlockHandle {
  readonly role:
    'data' | 'filter' | 'index' | 'index-top' | 'filter-top' | 'properties' | 'metaindex';
  /** What is in it, decompressed. */
  readonly raw: Uint8Array;
}

export const tablePath = 'fuzz.sst';

/** Small tables of every codec, with index and filter whole and in parts. */
export async function makeTables(): Promise<SeedTable[]> {
  await loadCodecs();
  const tables: SeedTable[] = [];
  const fs = new MemoryFileSystem();
  let seed = 1;
  for (const compression of allCompressions) {
    for (const layout of [defaultTableLayout, smallParts]) {
      const entries = randomEntries(new Prng(seed++), 40);
      const settings = { compression, blockSizeBytes: 256, bloomBitsPerKey: 10 };
      writeTable(fs, tablePath, entries, settings, { layout, flushedSeq: 3, level: 1 });
      tables.push(readSeedTable(fs.readBytes(tablePath)));
    }
  }
  writeTable(fs, tablePath, [], { bloomBitsPerKey: 0 });
  tables.push(readSeedTable(fs.readBytes(tablePath)));
  return tables;
}

/** Finds the blocks of a valid table. */
export function readSeedTable(bytes: Uint8Array): SeedTable {
  const fs = MemoryFileSystem.from([[tablePath, bytes]]);
  const file = fs.openSync!(tablePath);
  const directory = runSync(loadDirectory(file, undefined));
  const { tableId } = directory;
  const blocks: SeedBlock[] = [];
  const add = (role: SeedBlock['role'], { offset, size }: BlockHandle): Uint8Array => {
    const raw = openBlock(bytes, offset, size, false, tableId, offset, tablePath);
    blocks.push({ role, offset, size, raw });
    return raw;
  };
  const handles = (index: IndexBlock): BlockHandle[] =>
    Array.from({ length: index.count }, (_, i) => ({
      offset: index.offsetAt(i),
      size: index.sizeAt(i),
    }));
  const { index, indexTop, filter, filterTop, tailOffset, filterHandle } =
    withFilterHandle(directory);
  for (const handle of index === undefined ? [] : handles(index)) add('data', handle);
  for (const part of indexTop === undefined ? [] : handles(indexTop)) {
    const below = new IndexBlock(add('index', part).slice(), tailOffset, tablePath, part.offset);
    for (const handle of handles(below)) add('data', handle);
  }
  for (const part of filterTop === undefined ? [] : handles(filterTop)) add('filter', part);
  if (filter !== undefined) add('filter', filter);
  if (filterHandle !== undefined) add('filter-top', filterHandle);
  add(index === undefined ? 'index-top' : 'index', directory.indexHandle);
  add('properties', directory.propertiesHandle);
  add('metaindex', directory.metaindex);
  blocks.sort((a, b) => a.offset - b.offset);
  return { bytes, directory, blocks };
}

/** The top of a filter has no handle in the directory: it stands before the index. */
function withFilterHandle(
  directory: TableDirectory,
): TableDirectory & { readonly filterHandle: BlockHandle | undefined } {
  const { filterTop, indexHandle } = directory;
  if (filterTop === undefined) return { ...directory, filterHandle: undefined };
  const last = filterTop.count - 1;
  let offset = filterTop.offsetAt(last) + filterTop.sizeAt(last);
  const { indexTop } = directory;
  if (indexTop !== undefined) {
    const end = indexTop.offsetAt(indexTop.count - 1) + indexTop.sizeAt(indexTop.count - 1);
    offset = Math.max(offset, end);
  }
  return { ...directory, filterHandle: { offset, size: indexHandle.offset - offset } };
}

/** The records of a log or manifest. */
export function recordsOf(bytes: Uint8Array, kind: 'log' | 'manifest'): Uint8Array[] {
  const { fileId, size } = decodeFileHeader(bytes, kind, 'seed');
  const fs = MemoryFileSystem.from([['seed', bytes]]);
  const reader = new LogReader(fs.openSync!('seed'), { fileId, start: size });
  const records: Uint8Array[] = [];
  for (let step = reader.advance(); step !== 'end'; step = reader.advance()) {
    if (step === 'wait') reader.waitSync();
    else records.push(reader.bytes.slice(reader.recordStart, reader.recordEnd));
  }
  return records;
}

/** Runs steps on a file that holds `bytes`. */
export function withFile<T>(bytes: Uint8Array, use: (file: File) => Steps<T>): T {
  const fs = MemoryFileSystem.from([['hostile', bytes]]);
  return runSync(use(fs.openSync!('hostile')));
}
