import { runAsync, runSync, type Waitable } from '../base/task.js';
import type { TableMeta } from '../base/table-meta.js';
import { ConcatIterator, type TableOpener } from '../iterator/concat-iterator.js';
import type { Cursor } from '../iterator/cursor.js';
import { mergeCursors } from '../iterator/merging-iterator.js';
import { VisibleIterator } from '../iterator/visible-iterator.js';
import type { TableCache } from '../sstable/table-cache.js';
import type { ReadView } from './read-view.js';

/** Opens tables through the cache for cursors over whole levels. */
export class CachedTableOpener implements TableOpener {
  readonly #cache: TableCache;

  constructor(cache: TableCache) {
    this.#cache = cache;
  }

  openCursor(table: TableMeta): Cursor | undefined {
    return this.#cache.find(table.fileNumber)?.cursor();
  }

  request(table: TableMeta): Waitable {
    const cache = this.#cache;
    return {
      wait: async () => {
        await runAsync(cache.open(table));
      },
      waitSync: () => {
        runSync(cache.open(table));
      },
    };
  }
}

/**
 * A cursor over what a reader at `seq` sees of a view: newest visible versions,
 * no tombstones, keys in [`lower`, `upper`). The caller keeps the view pinned.
 */
export function openScan(
  view: ReadView,
  opener: TableOpener,
  seq: number,
  lower: Uint8Array | undefined,
  upper: Uint8Array | undefined,
): VisibleIterator {
  const cursors: Cursor[] = [];
  for (const memtable of view.memtables) {
    // What is added to an empty one from now on is newer than `seq`.
    if (memtable.entries > 0) cursors.push(memtable.cursor());
  }
  const { version } = view;
  for (const table of version.overlapping(0, lower, upper)) {
    // An open one is walked without the layer that opens it.
    cursors.push(opener.openCursor(table) ?? new ConcatIterator([table], opener));
  }
  for (let level = 1; level < version.levels.length; level++) {
    const tables = version.overlapping(level, lower, upper);
    if (tables.length > 0) cursors.push(new ConcatIterator(tables, opener));
  }
  return new VisibleIterator(mergeCursors(cursors), { seq, lower, upper });
}
