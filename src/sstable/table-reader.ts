import { assert } from '../base/assert.js';
import { compareBytes } from '../base/bytes.js';
import { systemClock, type Clock } from '../base/clock.js';
import type { FileId } from '../base/checksum.js';
import { corruption, LsmError, systemErrorCode, toLsmError } from '../base/errors.js';
import type { KeyHash } from '../base/hash.js';
import type { CachePriority } from '../base/table-meta.js';
import type { Steps } from '../base/task.js';
import type { Cursor, CursorEntry } from '../iterator/cursor.js';
import type { File, FileSystem } from '../fs/file-system.js';
import type { BlockCache } from './block-cache.js';
import { filterPart, type BlockRequest } from './block-request.js';
import type { BloomFilter } from './bloom-filter.js';
import type { DataBlock } from './data-block.js';
import { closing, openFile, withSync } from './file-steps.js';
import type { IndexBlock } from './index-block.js';
import type { TableProperties } from './properties.js';
import { TableBlocks } from './table-blocks.js';
import { TableCursor, type TableCursorOptions } from './table-cursor.js';
import { loadDirectory, readFilter, type TableDirectory } from './table-directory.js';
import { verifyTable, type TableVerification } from './table-verification.js';

export { BlockRequest } from './block-request.js';

/** What `get` answers. */
export const lookupAbsent = 0;
export const lookupFound = 1;
export const lookupNeedsBlock = 2;

export interface ExpectedTable {
  readonly databaseId: FileId;
  readonly tableId: FileId;
  readonly size: number;
  readonly checksum: number;
}

export interface TableReaderOptions {
  readonly fs: FileSystem;
  readonly path: string;
  /** Without one no block is kept. */
  readonly blockCache?: BlockCache;
  /** Default `normal`. */
  readonly cachePriority?: CachePriority;
  /** What the manifest knows of the table; another file under its name is `LSM_CORRUPTION`. */
  readonly expected?: ExpectedTable;
  /** Times reads. Default: the system's. */
  readonly clock?: Clock;
}

/** Counters since the table was opened. */
export interface TableReaderCounters {
  readonly filterChecks: number;
  readonly filterNegatives: number;
  /** The filter said "perhaps" and the table had no version of the key. */
  readonly filterFalsePositives: number;
  readonly blockReads: number;
  readonly blockHits: number;
}

/**
 * An open table. Its index is in memory from the start, its filter from the
 * first lookup on; data blocks come from the cache or the disk. Lookups and
 * cursors that wait must hold the table (`acquire`), since `close` takes effect
 * when the last of them has released it.
 */
export class TableReader {
  readonly path: string;
  /** @internal */
  readonly blocks: TableBlocks;
  readonly #directory: TableDirectory;
  readonly #cache: BlockCache | undefined;
  #filter: BloomFilter | undefined;
  #needsFilter: boolean;
  #filterChecks = 0;
  #filterNegatives = 0;
  #filterFalsePositives = 0;
  #memoryBytes: number;
  #references = 0;
  #isClosed = false;
  #whenUnused: (() => void) | undefined;

  private constructor(options: TableReaderOptions, file: File, directory: TableDirectory) {
    const { blockCache, cachePriority = 'normal', clock = systemClock } = options;
    this.path = options.path;
    this.blocks = new TableBlocks(file, directory, blockCache, cachePriority, clock);
    this.#directory = directory;
    this.#needsFilter = directory.filter !== undefined;
    this.#cache = blockCache;
    this.#memoryBytes = directory.index.memoryBytes + this.blocks.memoryBytes;
    blockCache?.reserve(this.#memoryBytes);
  }

  /**
   * Reads footer, metaindex, properties and index.
   * @throws LsmError `LSM_CORRUPTION` (also when `expected` is given and another
   * or no file is there), `LSM_UNSUPPORTED_FORMAT`, `LSM_NOT_FOUND`,
   * `LSM_TOO_MANY_FILES`, `LSM_IO`
   */
  static *open(options: TableReaderOptions): Steps<TableReader> {
    const { path, expected } = options;
    let file: File;
    try {
      file = yield* openFile(options.fs, path);
    } catch (error) {
      throw openError(error, path, expected !== undefined);
    }
    try {
      const directory = yield* loadDirectory(file, expected);
      return new TableReader(options, file, directory);
    } catch (error) {
      try {
        yield closing(file);
      } catch {
        // The error that led here says more.
      }
      throw toLsmError(error, 'opening a table failed', path);
    }
  }

  /** Sums since the table was opened. */
  get counters(): TableReaderCounters {
    return {
      filterChecks: this.#filterChecks,
      filterNegatives: this.#filterNegatives,
      filterFalsePositives: this.#filterFalsePositives,
      blockReads: this.blocks.reads,
      blockHits: this.blocks.hits,
    };
  }

  get properties(): TableProperties {
    return this.#directory.properties;
  }

  get databaseId(): FileId {
    return this.#directory.databaseId;
  }

  get tableId(): FileId {
    return this.#directory.tableId;
  }

  /** Bytes of the file. */
  get size(): number {
    return this.#directory.size;
  }

  /** As in `TableMeta`. */
  get checksum(): number {
    return this.#directory.checksum;
  }

  get entries(): number {
    return this.properties.entries;
  }

  get tombstones(): number {
    return this.properties.tombstones;
  }

  get smallest(): Uint8Array {
    return this.properties.smallest;
  }

  get largest(): Uint8Array {
    return this.properties.largest;
  }

  get smallestSeq(): number {
    return this.properties.smallestSeq;
  }

  get largestSeq(): number {
    return this.properties.largestSeq;
  }

  /** Moving average of synchronous reads, in microseconds. */
  get averageReadMicros(): number {
    return this.blocks.averageReadMicros;
  }

  /** Bytes this table holds in memory beside its cached blocks. */
  get memoryBytes(): number {
    return this.#memoryBytes;
  }

  /** @internal */
  get index(): IndexBlock {
    return this.#directory.index;
  }

  /**
   * Finds the newest version of `key` with a sequence number at or below `seq`;
   * a tombstone is found too. `hash` is the key's. With `lookupNeedsBlock`, wait
   * for `request` and repeat the call with it; the table must be held meanwhile.
   */
  get(
    key: Uint8Array,
    hash: KeyHash,
    seq: number,
    into: CursorEntry,
    request: BlockRequest,
  ): number {
    const filter = this.#filter;
    if (filter === undefined) {
      if (this.#needsFilter) {
        request.ask(this, filterPart);
        return lookupNeedsBlock;
      }
    } else if (!filter.mayContainHash(hash.low, hash.high)) {
      this.#filterChecks++;
      this.#filterNegatives++;
      return lookupAbsent;
    }
    const index = this.#directory.index;
    let number = index.findBlock(key, seq);
    if (number >= 0) {
      let block = this.#held(number, request);
      if (block === undefined) return lookupNeedsBlock;
      let at = block.lowerBound(key, seq);
      if (at === block.count && ++number < index.count && index.continuesKey(number, key)) {
        block = this.#held(number, request);
        if (block === undefined) return lookupNeedsBlock;
        at = 0;
      }
      if (at < block.count && block.hasKeyAt(at, key)) {
        if (filter !== undefined) this.#filterChecks++;
        request.clear();
        fillEntry(into, key, block, at);
        return lookupFound;
      }
    }
    if (filter !== undefined) {
      this.#filterChecks++;
      this.#filterFalsePositives++;
    }
    request.clear();
    return lookupAbsent;
  }

  /** A cursor over all versions in the table; it holds the table until it is closed. */
  cursor(options?: TableCursorOptions): Cursor {
    return new TableCursor(this, options);
  }

  /** Bytes of data blocks before the block that `key` is or would be in. */
  approximateOffsetOf(key: Uint8Array): number {
    const index = this.index;
    const number = index.findBlock(key, Number.MAX_SAFE_INTEGER);
    if (number < 0) return 0;
    if (compareBytes(key, this.largest) > 0) return this.#directory.tailOffset;
    return index.offsetAt(number);
  }

  /** Walks the whole file, one block in memory at a time. */
  verify(): Steps<TableVerification> {
    return verifyTable(this.blocks.file, this.#directory);
  }

  /** Holds the table open. */
  acquire(): void {
    assert(!this.#isClosed || this.#references > 0, 'a closed table is not used again');
    this.#references++;
  }

  release(): void {
    assert(this.#references > 0, 'a table is released once for each acquire');
    if (--this.#references === 0) this.#whenUnused?.();
  }

  /** Drops the table's blocks; the file closes now, or when the last holder has released it. */
  *close(): Steps<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.blocks.dropAll();
    this.#cache?.reserve(-this.#memoryBytes);
    this.#memoryBytes = 0;
    if (this.#references === 0) {
      yield closing(this.blocks.file);
      return;
    }
    const file = this.blocks.file;
    this.#whenUnused = () => {
      if (file.closeSync !== undefined) file.closeSync();
      else file.close().catch(() => undefined);
    };
  }

  /** @internal */
  async loadFilter(): Promise<void> {
    const handle = this.#directory.filter!;
    const bytes = new Uint8Array(handle.size);
    let count: number;
    try {
      count = await this.blocks.file.read(bytes, 0, handle.size, handle.offset);
    } catch (error) {
      throw toLsmError(error, 'reading a table failed', this.path);
    }
    this.#setFilter(bytes.subarray(0, count));
  }

  /** @internal */
  loadFilterSync(): void {
    const handle = this.#directory.filter!;
    const bytes = new Uint8Array(handle.size);
    const file = withSync(this.blocks.file);
    let count: number;
    try {
      count = file.readSync(bytes, 0, handle.size, handle.offset);
    } catch (error) {
      throw toLsmError(error, 'reading a table failed', this.path);
    }
    this.#setFilter(bytes.subarray(0, count));
  }

  #setFilter(stored: Uint8Array): void {
    if (this.#filter !== undefined) return;
    this.#filter = readFilter(stored, this.#directory, this.path);
    this.#needsFilter = false;
    if (this.#isClosed) return;
    this.#memoryBytes += this.#filter.memoryBytes;
    this.#cache?.reserve(this.#filter.memoryBytes);
  }

  /** The block from cache or request; where neither has it, the request asks for it. */
  #held(number: number, request: BlockRequest): DataBlock | undefined {
    const block = this.blocks.find(number) ?? request.find(this, number);
    if (block === undefined) request.ask(this, number);
    return block;
  }
}

/** Points `into` at entry `at`; the key is the one searched for, which is contiguous. */
function fillEntry(into: CursorEntry, key: Uint8Array, block: DataBlock, at: number): void {
  into.keyBytes = key;
  into.keyStart = 0;
  into.keyEnd = key.length;
  into.seq = block.seqAt(at);
  into.kind = block.kindAt(at);
  const values = block.bounds + block.count + at;
  into.valueBytes = block.bytes;
  into.valueStart = block.words[values];
  into.valueEnd = block.words[values + 1];
}

function openError(error: unknown, path: string, isExpected: boolean): LsmError {
  if (systemErrorCode(error) !== 'ENOENT') return toLsmError(error, 'opening a table failed', path);
  if (isExpected) return corruption('a live table is missing', path, undefined, error);
  return new LsmError('LSM_NOT_FOUND', `there is no table ${path}`, { file: path, cause: error });
}
