import { compareBytes } from '../../src/base/bytes.js';
import { systemClock } from '../../src/base/clock.js';
import type { Entry } from '../../src/base/entry.js';
import { joinPath, tableName } from '../../src/base/file-names.js';
import { Prng, randomFileId } from '../../src/base/prng.js';
import type { TableMeta, TableSettings } from '../../src/base/table-meta.js';
import { runSync } from '../../src/base/task.js';
import type {
  CompactionSettings,
  FlushSettings,
  JobBase,
  OutputName,
} from '../../src/compaction/job-settings.js';
import type { FileSystem } from '../../src/fs/file-system.js';
import { ArenaPool } from '../../src/memtable/arena-pool.js';
import type { FrozenMemtable } from '../../src/memtable/frozen-memtable.js';
import { Memtable } from '../../src/memtable/memtable.js';
import { TableReader } from '../../src/sstable/table-reader.js';
import { TableWriter } from '../../src/sstable/table-writer.js';
import { drain } from './cursors.js';

export const directory = 'db';
export const databaseId = { low: 11, high: 12 };
export const plainTables: TableSettings = {
  compression: 'none',
  blockSizeBytes: 256,
  bloomBitsPerKey: 10,
  cachePriority: 'normal',
};

export function componentsOf(fs: FileSystem): { fs: FileSystem; clock: typeof systemClock } {
  return { fs, clock: systemClock };
}

/** Writes sorted entries as table `fileNumber` of `directory`. */
export function writeTable(
  fs: FileSystem,
  fileNumber: number,
  entries: readonly Entry[],
  level = 1,
  inDirectory = directory,
): TableMeta {
  const writer = runSync(
    TableWriter.create({
      fs,
      path: joinPath(inDirectory, tableName(fileNumber)),
      settings: plainTables,
      databaseId,
      tableId: randomFileId(new Prng(fileNumber)),
      keyspaceId: 3,
      keyspaceName: 'things',
      level,
      flushedSeq: 0,
      fileNumber,
    }),
  );
  for (const { key, seq, kind, value } of entries) {
    writer.add(key, 0, key.length, seq, kind, value, 0, value.length);
    if (writer.needsDrain) writer.drain().waitSync();
  }
  return runSync(writer.finish());
}

/** All entries of the table, whose file must be what its meta says. */
export function readTable(fs: FileSystem, meta: TableMeta, inDirectory = directory): Entry[] {
  const { fileNumber, tableId, size, checksum } = meta;
  const reader = runSync(
    TableReader.open({
      fs,
      path: joinPath(inDirectory, tableName(fileNumber)),
      expected: { databaseId, tableId, size, checksum },
    }),
  );
  const cursor = reader.cursor();
  const entries = drain(cursor);
  cursor.close();
  runSync(reader.close());
  return entries;
}

export function freeze(entries: readonly Entry[]): FrozenMemtable {
  const memtable = new Memtable(new ArenaPool({ arenaBytes: 1 << 20 }));
  for (const { key, seq, kind, value } of [...entries].sort((a, b) => a.seq - b.seq)) {
    memtable.add(key, 0, key.length, seq, kind, value, 0, value.length);
  }
  return memtable.freeze();
}

export function namesFrom(first: number, count: number): OutputName[] {
  return Array.from({ length: count }, (_, i) => ({
    fileNumber: first + i,
    tableId: randomFileId(new Prng(first + i)),
  }));
}

function baseSettings(): JobBase {
  return {
    directory,
    databaseId,
    keyspaceId: 3,
    keyspaceName: 'things',
    table: plainTables,
    flushedSeq: 0,
    snapshotSeqs: [],
    outputs: namesFrom(1000, 50),
  };
}

export function compactionOf(
  runs: readonly (readonly TableMeta[])[],
  change: Partial<CompactionSettings> = {},
): CompactionSettings {
  return {
    ...baseSettings(),
    kind: 'compaction',
    outputLevel: 1,
    runs,
    targetTableBytes: 1 << 20,
    grandparents: [],
    cutAfter: undefined,
    olderOutside: [],
    ...change,
  };
}

export function flushOf(
  memtable: FrozenMemtable,
  change: Partial<FlushSettings> = {},
): FlushSettings {
  return { ...baseSettings(), kind: 'flush', memtable, ...change };
}

/** Cuts sorted entries into groups of about `size`, never inside one key. */
export function cutIntoTables(entries: readonly Entry[], size: number): Entry[][] {
  const tables: Entry[][] = [];
  for (const entry of entries) {
    const table = tables.at(-1);
    const isSameKey = table !== undefined && compareBytes(table.at(-1)!.key, entry.key) === 0;
    if (table === undefined || (table.length >= size && !isSameKey)) tables.push([entry]);
    else table.push(entry);
  }
  return tables;
}
