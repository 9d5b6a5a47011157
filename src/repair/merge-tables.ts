import type { TableMeta } from '../base/table-meta.js';
import { runAsync, type Steps } from '../base/task.js';
import type { FileSystem } from '../fs/file-system.js';
import { CompactionIterator } from '../iterator/compaction-iterator.js';
import { ConcatIterator, type TableOpener } from '../iterator/concat-iterator.js';
import type { Cursor } from '../iterator/cursor.js';
import { mergeCursors } from '../iterator/merging-iterator.js';
import { TableReader } from '../sstable/table-reader.js';
import type { TableWriter } from '../sstable/table-writer.js';
import { toRuns } from './group-tables.js';
import type { Outputs, TableTarget } from './outputs.js';

/**
 * Merges tables into one sorted run: of each key the newest version stays, and
 * tombstones stay, for there may be something older elsewhere.
 */
export async function mergeTables(
  fs: FileSystem,
  tables: readonly TableMeta[],
  pathOf: (table: TableMeta) => string,
  target: TableTarget,
  tableBytes: number,
  outputs: Outputs,
): Promise<TableMeta[]> {
  const openers: RunOpener[] = [];
  const cursors = toRuns(tables).map((run): Cursor => {
    const opener = new RunOpener(fs, pathOf);
    openers.push(opener);
    return new ConcatIterator(run, opener);
  });
  const iterator = new CompactionIterator(mergeCursors(cursors), []);
  const merged: TableMeta[] = [];
  let writer: TableWriter | undefined;
  try {
    while (!iterator.first()) await iterator.wait();
    while (iterator.valid) {
      const { keyBytes, keyStart, keyEnd, seq, kind, valueBytes, valueStart, valueEnd } =
        iterator.entry;
      if (writer !== undefined && writer.estimatedBytes >= tableBytes) {
        merged.push(await outputs.finishTable(writer));
        writer = undefined;
      }
      writer ??= await outputs.beginTable(target);
      writer.add(keyBytes, keyStart, keyEnd, seq, kind, valueBytes, valueStart, valueEnd);
      if (writer.needsDrain) await writer.drain().wait();
      while (!iterator.next()) await iterator.wait();
    }
    if (writer !== undefined) merged.push(await outputs.finishTable(writer));
    return merged;
  } catch (error) {
    if (writer !== undefined) await runAsync(writer.abandon()).catch(() => undefined);
    throw error;
  } finally {
    iterator.close();
    for (const opener of openers) await runAsync(opener.close());
  }
}

/** Opens the tables of one run, one at a time. */
class RunOpener implements TableOpener {
  readonly #fs: FileSystem;
  readonly #pathOf: (table: TableMeta) => string;
  #reader: TableReader | undefined;
  #meta: TableMeta | undefined;

  constructor(fs: FileSystem, pathOf: (table: TableMeta) => string) {
    this.#fs = fs;
    this.#pathOf = pathOf;
  }

  openCursor(meta: TableMeta): Cursor | undefined {
    return this.#meta === meta ? this.#reader?.cursor({ fillCache: false }) : undefined;
  }

  request(meta: TableMeta): { wait(): Promise<void>; waitSync(): void } {
    return {
      wait: () => runAsync(this.#open(meta)),
      waitSync: () => {
        throw new TypeError('repair only waits');
      },
    };
  }

  *close(): Steps<void> {
    const reader = this.#reader;
    this.#reader = undefined;
    this.#meta = undefined;
    if (reader !== undefined) yield* reader.close();
  }

  *#open(meta: TableMeta): Steps<void> {
    yield* this.close();
    this.#reader = yield* TableReader.open({ fs: this.#fs, path: this.#pathOf(meta) });
    this.#meta = meta;
  }
}
