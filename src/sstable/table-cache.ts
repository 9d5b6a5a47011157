import type { Clock } from '../base/clock.js';
import type { FileId } from '../base/checksum.js';
import { joinPath, tableName } from '../base/file-names.js';
import { isLsmError, LsmError } from '../base/errors.js';
import type { CachePriority, TableMeta } from '../base/table-meta.js';
import { runSync, Task, type Steps } from '../base/task.js';
import type { FileSystem } from '../fs/file-system.js';
import type { BlockCache } from './block-cache.js';
import { OpeningSlots } from './opening-slots.js';
import { TableReader, type TableReaderCounters } from './table-reader.js';

export interface TableCacheOptions {
  readonly fs: FileSystem;
  /** Where `tableName(fileNumber)` is. */
  readonly directory: string;
  readonly databaseId: FileId;
  readonly blockCache?: BlockCache;
  /**
   * Tables, and so descriptors, open at once. Only tables in use, held by cursors or
   * by lookups that wait for a block, can make it more: one that must make room while
   * it is in use stays open until it is released. Where the system has no descriptor
   * for one more, it is fewer from then on, unless this is
   * `keepAllOpen`. Default 512.
   */
  readonly maxOpenTables?: number;
  /** Times reads. Default: the system's. */
  readonly clock?: Clock;
}

/** As `maxOpenTables`: who opened a table can rely on it, and a lack of descriptors is an error. */
export const keepAllOpen: number = Number.MAX_SAFE_INTEGER;

export interface TableCacheStats extends TableReaderCounters {
  readonly openTables: number;
  /** Indexes and filters of open tables. */
  readonly memoryBytes: number;
}

/** After a lack of descriptors, one more table may be open after so many openings that met none. */
const openingsPerRaise = 64;

/** More at once would not be faster: the thread pool has four threads. */
const maxOpening = 8;

type MutableCounters = { -readonly [Name in keyof TableReaderCounters]: number };

/** An open table and whether it was used since the eviction hand met it. */
class OpenTable {
  readonly reader: TableReader;
  isUsed = true;
  /**
   * Until so many tables were opened, it waits for the one who asked for it, and
   * does not make room: of many lookups at once none would ever meet its table.
   */
  expectedUntil: number;

  constructor(reader: TableReader, expectedUntil: number) {
    this.reader = reader;
    this.expectedUntil = expectedUntil;
  }
}

/**
 * Open tables by file number, bounded in number. What `find` or `open` returned
 * may be used at once; whoever waits in between must `acquire` the table.
 */
export class TableCache {
  readonly #options: TableCacheOptions;
  readonly #maxOpenTables: number;
  /** As many as the system has let us open at once, as far as is known. */
  #limit: number;
  readonly #slots: OpeningSlots;
  readonly #open = new Map<number, OpenTable>();
  readonly #opening = new Map<number, Task<TableReader>>();
  readonly #retired: MutableCounters = noCounters();
  /** Tables opened so far. */
  #openings = 0;
  #isClosed = false;

  constructor(options: TableCacheOptions) {
    this.#options = options;
    this.#maxOpenTables = Math.max(1, options.maxOpenTables ?? 512);
    this.#limit = this.#maxOpenTables;
    this.#slots = new OpeningSlots(Math.min(maxOpening, this.#maxOpenTables));
  }

  /** The table if it is open. */
  find(fileNumber: number): TableReader | undefined {
    const table = this.#open.get(fileNumber);
    if (table === undefined) return undefined;
    table.isUsed = true;
    table.expectedUntil = 0;
    return table.reader;
  }

  /**
   * Opens a table unless it is open. However many ask, it is opened once; a
   * synchronous caller finishes what an asynchronous one began. `cachePriority` is
   * `normal` unless it is given; the one given last holds.
   * @throws LsmError as `TableReader.open`; `LSM_CLOSED`
   */
  *open(meta: TableMeta, cachePriority?: CachePriority): Steps<TableReader> {
    const reader = this.find(meta.fileNumber) ?? (yield* this.#openOnce(meta, cachePriority));
    if (cachePriority !== undefined) reader.cachePriority = cachePriority;
    return reader;
  }

  /**
   * What an open table's blocks are worth from now on: its level has changed, the
   * file has not. A table that is not open gets the priority it is opened with.
   */
  setCachePriority(fileNumber: number, priority: CachePriority): void {
    const table = this.#open.get(fileNumber);
    if (table !== undefined) table.reader.cachePriority = priority;
  }

  *#openOnce(meta: TableMeta, cachePriority: CachePriority | undefined): Steps<TableReader> {
    const number = meta.fileNumber;
    let reader: TableReader | undefined;
    if (this.#isClosed) throw closedError();
    yield {
      wait: async () => {
        let task = this.#opening.get(number);
        if (task === undefined && this.#open.has(number)) return;
        if (task === undefined) {
          // A late failure concerns a handle that nobody uses any more.
          task = new Task(this.#load(meta, cachePriority, true), () => undefined);
          if (!task.isDone) this.#opening.set(number, task);
        }
        reader = await task.promise;
      },
      waitSync: () => {
        const task = this.#opening.get(number);
        if (task !== undefined) reader = task.finishSync();
        else if (!this.#open.has(number)) reader = runSync(this.#load(meta, cachePriority, false));
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
    let failure: { readonly error: unknown } | undefined;
    for (const [number, table] of [...this.#open]) {
      try {
        yield* this.#close(number, table);
      } catch (error) {
        // The first is told once the others are closed.
        failure ??= { error };
      }
    }
    if (failure !== undefined) throw failure.error;
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

  *#load(
    meta: TableMeta,
    cachePriority: CachePriority | undefined,
    isAwaited: boolean,
  ): Steps<TableReader> {
    const number = meta.fileNumber;
    try {
      const reader = yield* this.#slots.run(() => this.#openFile(meta, cachePriority));
      const expectedUntil = isAwaited ? this.#openings + this.#slots.count : 0;
      this.#openings++;
      const isRaised = this.#limit < this.#maxOpenTables && this.#openings % openingsPerRaise === 0;
      if (isRaised) this.#limit++;
      this.#open.set(number, new OpenTable(reader, expectedUntil));
      return reader;
    } finally {
      this.#opening.delete(number);
    }
  }

  *#openFile(meta: TableMeta, cachePriority: CachePriority | undefined): Steps<TableReader> {
    const { fs, directory, databaseId, blockCache, clock } = this.#options;
    const { fileNumber, tableId, size, checksum } = meta;
    for (;;) {
      if (this.#isClosed) throw closedError();
      yield* this.#makeRoom();
      try {
        return yield* TableReader.open({
          fs,
          path: joinPath(directory, tableName(fileNumber)),
          blockCache,
          cachePriority,
          clock,
          expected: { databaseId, tableId, size, checksum },
        });
      } catch (error) {
        if (!isLsmError(error, 'LSM_TOO_MANY_FILES') || !(yield* this.#giveUpSome())) throw error;
      }
    }
  }

  /**
   * The system has fewer descriptors than tables may be open: closes a quarter of
   * them, so that logs, new tables and the rest of the program get some too. False
   * when none can be closed.
   */
  *#giveUpSome(): Steps<boolean> {
    if (this.#maxOpenTables === keepAllOpen) return false;
    const wanted = Math.floor((this.#open.size * 3) / 4);
    this.#limit = Math.max(1, Math.min(this.#limit, wanted));
    let isAnyClosed = false;
    for (const [number, table] of [...this.#open]) {
      if (this.#open.size <= wanted) break;
      if (table.reader.isHeld || table.expectedUntil > this.#openings) continue;
      isAnyClosed = true;
      yield* this.#close(number, table);
    }
    return isAnyClosed;
  }

  /** Until there is room for all that are being opened, or nothing can make room. */
  *#makeRoom(): Steps<void> {
    while (this.#open.size + this.#slots.taken > this.#limit) {
      const number = this.#chooseVictim();
      if (number === undefined) return;
      yield* this.#close(number, this.#open.get(number)!);
    }
  }

  /**
   * Second chance: a table used since the last pass goes to the back of the queue
   * once. One in use would keep its descriptor, and goes only where all are.
   */
  #chooseVictim(): number | undefined {
    let held: number | undefined;
    for (let tries = 2 * this.#open.size; tries > 0; tries--) {
      const [number, table] = this.#open.entries().next().value!;
      if (table.expectedUntil <= this.#openings && !table.isUsed) {
        if (!table.reader.isHeld) return number;
        held ??= number;
      }
      table.isUsed = false;
      this.#open.delete(number);
      this.#open.set(number, table);
    }
    return held;
  }

  *#close(number: number, table: OpenTable): Steps<void> {
    this.#open.delete(number);
    addCounters(this.#retired, table.reader.counters);
    yield* table.reader.close();
  }
}

function closedError(): LsmError {
  return new LsmError('LSM_CLOSED', 'the tables are closed');
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
    partReads: 0,
  };
}

function addCounters(sum: MutableCounters, more: TableReaderCounters): void {
  sum.filterChecks += more.filterChecks;
  sum.filterNegatives += more.filterNegatives;
  sum.filterFalsePositives += more.filterFalsePositives;
  sum.blockReads += more.blockReads;
  sum.blockHits += more.blockHits;
  sum.partReads += more.partReads;
}
