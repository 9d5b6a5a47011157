import { runAsync, runSync, type Steps, type Waitable } from '../base/task.js';
import type { CachePriority, TableMeta } from '../base/table-meta.js';
import { ConcatIterator, type TableOpener } from '../iterator/concat-iterator.js';
import type { Cursor } from '../iterator/cursor.js';
import { mergeCursors } from '../iterator/merging-iterator.js';
import { VisibleIterator, type VisibleScope } from '../iterator/visible-iterator.js';
import type { TableCache } from '../sstable/table-cache.js';
import type { ReadView } from './read-view.js';

/** First key of interest, and first key that is no more. */
export interface ScanBounds {
  readonly lower: Uint8Array | undefined;
  readonly upper: Uint8Array | undefined;
}

const unbounded: ScanBounds = { lower: undefined, upper: undefined };

/** Opens tables through the cache for cursors over whole levels. */
export class CachedTableOpener implements TableOpener {
  readonly #cache: TableCache;
  readonly #priorityOf: (table: TableMeta) => CachePriority;
  readonly #bounds: ScanBounds;

  /**
   * `priorityOf` says how the blocks of a table are cached, which is up to its
   * level. Default: all 'normal'. Nothing is read ahead beyond `bounds`.
   */
  constructor(
    cache: TableCache,
    priorityOf: (table: TableMeta) => CachePriority = allNormal,
    bounds: ScanBounds = unbounded,
  ) {
    this.#cache = cache;
    this.#priorityOf = priorityOf;
    this.#bounds = bounds;
  }

  openCursor(table: TableMeta): Cursor | undefined {
    return this.#cache.find(table.fileNumber)?.cursor(this.#bounds);
  }

  request(table: TableMeta): Waitable {
    const open = (): Steps<unknown> => this.#cache.open(table, this.#priorityOf(table));
    return {
      wait: async () => {
        await runAsync(open());
      },
      waitSync: () => {
        runSync(open());
      },
    };
  }
}

/**
 * A cursor over what a reader sees of a view: newest versions at or before
 * `scope.seq`, no tombstones, keys in [`lower`, `upper`). The caller keeps the
 * view pinned.
 */
export function openScan(
  view: ReadView,
  opener: TableOpener,
  scope: VisibleScope,
): VisibleIterator {
  const { lower, upper } = scope;
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
  return new VisibleIterator(mergeCursors(cursors), scope);
}

function allNormal(): CachePriority {
  return 'normal';
}
