/** Jobs on real files, for executors that run them in threads. */
import type { TableMeta } from '../../src/base/table-meta.js';
import type { CompactionSettings } from '../../src/compaction/job-settings.js';
import { nodeFileSystem } from '../../src/fs/node-file-system.js';
import { manyEntries, show } from './cursors.js';
import { compactionOf, namesFrom, plainTables, readTable, writeTable } from './tables.js';

export const entries = manyEntries(5000);
export const shown = entries.map(show);

/** A compaction of `entries` into tables numbered from `first`. */
export function shortSettings(
  folder: string,
  first: number,
  change: Partial<CompactionSettings> = {},
): CompactionSettings {
  const meta = writeTable(nodeFileSystem, 1, entries, 1, folder);
  return compactionOf([[meta]], {
    directory: folder,
    targetTableBytes: 50_000,
    outputs: namesFrom(first, 50),
    ...change,
  });
}

/** A compaction that takes seconds: the same keys in many small, expensive blocks. */
export function longSettings(folder: string, first: number): CompactionSettings {
  const many = manyEntries(60_000);
  const meta = writeTable(nodeFileSystem, 2, many, 1, folder);
  return compactionOf([[meta]], {
    directory: folder,
    targetTableBytes: 1 << 30,
    table: { ...plainTables, compression: 'zstd' },
    outputs: namesFrom(first, 50),
  });
}

export function contentOf(folder: string, tables: readonly TableMeta[]): string[] {
  return tables.flatMap((meta) => readTable(nodeFileSystem, meta, folder)).map(show);
}
