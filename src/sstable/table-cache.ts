import type { Clock } from '../base/clock.js';
import type { FileId } from '../base/checksum.js';
import { joinPath, tableName } from '../base/file-names.js';
import { LsmError } from '../base/errors.js';
import type { CachePriority, TableMeta } from '../base/table-meta.js';
import { runSync, Task, type Steps } from '../base/task.js';
import type { FileSystem } from '../fs/file-system.js';
import type { BlockCache } from './block-cache.js';
import { TableReader, type TableReaderCounters } from './table-reader.js';

export interface TableCacheOptions {
  readonly fs: FileSystem;
  /** Where `tableName(fileNumber)` is. */
  readonly directory: string;
  readonly databaseId: FileId;
  readonly blockCache?: BlockCache;
  /** Tables open at once, beyond those in use at the moment. Default 512. */
  readonly maxOpenTables?: number;
  /** Times reads. Default: the system's. */
  readonly clock?: Clock;
}

export interface TableCacheStats extends TableReaderCounters {
  readonly openTables: number;
  /** Indexes and filters of open tables. */
  readonly memoryBytes: number;
}

type MutableCounters = { -readonly [Name in keyof TableReaderCounters]: number };

/** An open table and whether it was used since the eviction hand met it. */
class OpenTable {
  readonly reader: TableReader;
  isUsed = true;

  constructor(reader: TableReader) {
    this.reader = reader;
  }
}

/**
 * Open tables by file number, bounded in number. What `find` or `open` returned
 * may be used at once; whoever waits in between must `acquire` the table.
 */
export class TableCache {
  readonly #options: TableCacheOptions;
  readonly #maxOpenTables: number;
  readonly #open = new Map<number, OpenTable>();
  readonly #opening = new Map<number, Task<TableReader>>();
  readonly #retired: MutableCounters = noCounters();
  #isClosed = false;

  constructor(options: TableCacheOptions) {
    this.#options = options;
    this.#maxOpenTables = options.maxOpenTables ?? 512;
  }

  /** The table if it is open. */
  find(fileNumber: number): TableReader | undefined {
    const table = this.#open.get(fileNumber);
    if (table === undefined) return undefined;
    table.isUsed = true;
    return table.reader;
  }

  /**
   * Opens a table unless it is open. However many ask, it is opened once; a
   * synchronous caller finishes what an asynchronous one began.
   * @throws LsmError as `TableReader.open`; `LSM_CLOSED`
   */
  *open(meta: TableMeta, cachePriority: CachePriority = 'normal'): Steps<TableReader> {
    const number = meta.fileNumber;
    let reader = this.find(number);
    if (reader !== undefined) return reader;
    if (this.#isClosed) throw new LsmError('LSM_CLOSED', 'the tables are closed');
    yield {
      wait: async () => {
        let task = this.#opening.get(number);
        if (task === undefined && this.#open.has(number)) return;
        if (task === undefined) {
          // A late failure concerns a handle that nobody uses any more.
          task = new Task(this.#load(meta, cachePriority), () => undefined);
          if (!task.isDone) this.#opening.set(number, task);
        }
        reader = await task.promise;
      },
      waitSync: () => {
        const task = this.#opening.get(number);
        if (task !== undefined) reader = task.finishSync();
        else if (!this.#open.has(number)) reader = runSync(this.#load(meta, cachePriority));
      },
    };
    return this.find(number) ?? reader!;
  }

  /** Closes a table that no version names any more, now or when its last user has released it. */
  *evict(fileNumber: number): Steps<void> {
    const opening = this.#opening.get(fileNumber);
    if (opening !== undefined) yield* finishOpening(opening);
    const table = this.#open.get(fileNumber);
    if (table !== undefined) yield* this.#close(fileNumber, table);
  }

  /** Closes all tables; nothing can be opened any more. */
  *close(): Steps<void> {
    this.#isClosed = true;
    for (const opening of [...this.#opening.values()]) yield* finishOpening(opening);
    for (const [number, table] of [...this.#open]) yield* this.#close(number, table);
  }

  /** Sums over all tables since the cache was made. */
  get stats(): TableCacheStats {
    const sum = { ...this.#retired };
    let memoryBytes = 0;
    for (const { reader } of this.#open.values()) {
      addCounters(sum, reader.counters);
      memoryBytes += reader.memoryBytes;
    }
    return { ...sum, openTables: this.#open.size, memoryBytes };
  }

  *#load(meta: TableMeta, cachePriority: CachePriority): Steps<TableReader> {
    const { fs, directory, databaseId, blockCache, clock } = this.#options;
    const { fileNumber, tableId, size, checksum } = meta;
    try {
      const reader = yield* TableReader.open({
        fs,
        path: joinPath(directory, tableName(fileNumber)),
        blockCache,
        cachePriority,
        clock,
        expected: { databaseId, tableId, size, checksum },
      });
      this.#open.set(fileNumber, new OpenTable(reader));
      yield* this.#makeRoom(fileNumber);
      return reader;
    } finally {
      this.#opening.delete(fileNumber);
    }
  }

  /** Second chance: a table used since the last pass goes to the back of the queue once. */
  *#makeRoom(newest: number): Steps<void> {
    while (this.#open.size > Math.max(1, this.#maxOpenTables)) {
      const [number, table] = this.#open.entries().next().value!;
      if (table.isUsed || number === newest) {
        table.isUsed = false;
        this.#open.delete(number);
        this.#open.set(number, table);
      } else {
        yield* this.#close(number, table);
      }
    }
  }

  *#close(number: number, table: OpenTable): Steps<void> {
    this.#open.delete(number);
    addCounters(this.#retired, table.reader.counters);
    yield* table.reader.close();
  }
}

function* finishOpening(opening: Task<TableReader>): Steps<void> {
  yield {
    wait: () =>
      opening.promise.then(
        () => undefined,
        () => undefined,
      ),
    waitSync: () => {
      try {
        opening.finishSync();
      } catch {
        // Whoever asked for the table hears of it.
      }
    },
  };
}

function noCounters(): MutableCounters {
  return {
    filterChecks: 0,
    filterNegatives: 0,
    filterFalsePositives: 0,
    blockReads: 0,
    blockHits: 0,
  };
}

function addCounters(sum: MutableCounters, more: TableReaderCounters): void {
  sum.filterChecks += more.filterChecks;
  sum.filterNegatives += more.filterNegatives;
  sum.filterFalsePositives += more.filterFalsePositives;
  sum.blockReads += more.blockReads;
  sum.blockHits += more.blockHits;
}
