import { assert } from '../base/assert.js';
import { compareBytes } from '../base/bytes.js';
import { systemClock, type Clock } from '../base/clock.js';
import type { FileId } from '../base/checksum.js';
import { corruption, LsmError, systemErrorCode, toLsmError } from '../base/errors.js';
import type { KeyHash } from '../base/hash.js';
import { maxSeq } from '../base/internal-key.js';
import type { CachePriority } from '../base/table-meta.js';
import type { Steps } from '../base/task.js';
import type { Cursor, CursorEntry } from '../iterator/cursor.js';
import type { File, FileSystem } from '../fs/file-system.js';
import type { BlockCache } from './block-cache.js';
import type { BlockRequest } from './block-request.js';
import type { BloomFilter } from './bloom-filter.js';
import { fillEntry, type DataBlock } from './data-block.js';
import { closing, openFile } from './file-steps.js';
import type { IndexPart } from './index-part.js';
import type { TableProperties } from './properties.js';
import { TableBlocks } from './table-blocks.js';
import { TableCursor, type TableCursorOptions } from './table-cursor.js';
import { loadDirectory, type ExpectedTable, type TableDirectory } from './table-directory.js';
import { verifyTable, type TableVerification } from './table-verification.js';

export { BlockRequest } from './block-request.js';

/** What `get` answers. */
export const lookupAbsent = 0;
export const lookupFound = 1;
export const lookupNeedsBlock = 2;

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
  /** Data blocks. */
  readonly blockReads: number;
  readonly blockHits: number;
  /** Filters, and parts of indexes and filters, read from disk. */
  readonly partReads: number;
}

/**
 * An open table. Its index is in memory from the start, its filter from the
 * first lookup on; data blocks come from the cache or the disk, and so do index and
 * filter of a large table, whose parts are blocks too. Lookups and cursors that
 * wait must hold the table (`acquire`), since `close` takes effect when the last of
 * them has released it.
 */
export class TableReader {
  readonly path: string;
  /** @internal */
  readonly blocks: TableBlocks;
  readonly #directory: TableDirectory;
  readonly #cache: BlockCache | undefined;
  /** The whole index, where it is one block. */
  readonly #onlyPart: IndexPart | undefined;
  /** The whole filter, once it was read. */
  #filter: BloomFilter | undefined;
  /** There is a filter, of which nothing stays here yet, or only the top. */
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
    this.#onlyPart = this.blocks.onlyPart;
    this.#needsFilter = directory.filter !== undefined || directory.filterTop !== undefined;
    this.#cache = blockCache;
    this.#memoryBytes = this.blocks.memoryBytes;
    blockCache?.reserve(this.#memoryBytes);
  }

  /**
   * Reads footer, metaindex, properties and index; of a large table, what leads to
   * the parts of its index and filter. One or two small reads, and one more for an
   * index or top of more than some 30 KiB.
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
      partReads: this.blocks.partReads,
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

  /** Parts the index is in; 1 where it is one block. @internal */
  get indexParts(): number {
    return this.#directory.indexTop?.count ?? 1;
  }

  /** The number of the part for (key, seq). @internal */
  indexPartOf(key: Uint8Array, seq: number): number {
    const top = this.#directory.indexTop;
    return top === undefined ? 0 : Math.max(0, top.findBlock(key, seq));
  }

  /** A part of the index; undefined when it must be read first: the request asks for it now. @internal */
  indexPartAt(number: number, request: BlockRequest): IndexPart | undefined {
    if (this.#onlyPart !== undefined) return this.#onlyPart;
    const offset = this.#directory.indexTop!.offsetAt(number);
    const part = this.blocks.findIndexPart(number) ?? request.find(this, offset);
    if (part === undefined) request.ask(this, this.blocks.placeOfIndexPart(number));
    return part as IndexPart | undefined;
  }

  /**
   * Finds the newest version of `key` with a sequence number at or below `seq`;
   * a tombstone is found too. `hash` is the key's; without it the filter is not asked. With
   * `lookupNeedsBlock`, wait for `request` and repeat the call; the table must be held meanwhile.
   */
  get(
    key: Uint8Array,
    hash: KeyHash | undefined,
    seq: number,
    into: CursorEntry,
    request: BlockRequest,
  ): number {
    let filter = hash === undefined ? undefined : this.#filter;
    if (filter === undefined && hash !== undefined && this.#needsFilter) {
      filter = this.#findFilter(key, request);
      if (filter === undefined) return lookupNeedsBlock;
    }
    if (hash !== undefined && filter?.mayContainHash(hash.low, hash.high) === false) {
      this.#filterChecks++;
      this.#filterNegatives++;
      request.clear();
      return lookupAbsent;
    }
    const part = this.#onlyPart ?? this.indexPartAt(this.indexPartOf(key, seq), request);
    if (part === undefined) return lookupNeedsBlock;
    const number = part.index.findBlock(key, seq);
    if (number >= 0) {
      let block = this.#held(part, number, request);
      if (block === undefined) return lookupNeedsBlock;
      let at = block.lowerBound(key, seq);
      if (at === block.count && this.#continuesKey(part, number, key)) {
        block = this.#findNext(part, number, request);
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

  /**
   * Bytes of data blocks before the block that `key` is or would be in. It reads
   * nothing: where the part of a large index is not in the cache, the answer is
   * where that part begins, up to about 500 blocks before.
   */
  approximateOffsetOf(key: Uint8Array): number {
    const { indexTop, tailOffset } = this.#directory;
    let part = this.#onlyPart;
    let start = 0;
    if (indexTop !== undefined) {
      const number = indexTop.findBlock(key, maxSeq);
      if (number < 0) return 0;
      part = this.blocks.findIndexPart(number);
      start = indexTop.dataOffsetAt(number);
    }
    if (compareBytes(key, this.largest) > 0) return tailOffset;
    if (part === undefined) return start;
    const number = part.index.findBlock(key, maxSeq);
    return number < 0 ? 0 : part.index.offsetAt(number);
  }

  /** Walks the whole file, one block in memory at a time. */
  verify(): Steps<TableVerification> {
    return verifyTable(this.blocks.file, this.#directory);
  }

  get cachePriority(): CachePriority {
    return this.blocks.priority;
  }

  /** Holds for blocks that are read or used from now on. */
  set cachePriority(priority: CachePriority) {
    this.blocks.priority = priority;
  }

  /** Holds the table open. */
  acquire(): void {
    assert(!this.#isClosed || this.#references > 0, 'a closed table is not used again');
    this.#references++;
  }

  /** Whether a cursor, or a lookup that waits, is using the table. */
  get isHeld(): boolean {
    return this.#references > 0;
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
    this.#whenUnused = () => closeQuietly(file);
  }

  /** The filter, or the part of it, that knows `key`; undefined when the request asks for it now. */
  #findFilter(key: Uint8Array, request: BlockRequest): BloomFilter | undefined {
    const top = this.#directory.filterTop;
    if (top === undefined) {
      const whole = request.find(this, this.#directory.filter!.offset) as BloomFilter | undefined;
      if (whole === undefined) request.ask(this, this.blocks.placeOfWholeFilter());
      else this.#keepFilter(whole);
      return whole;
    }
    const number = Math.max(0, top.findBlock(key, maxSeq));
    const found = this.blocks.findFilterPart(number) ?? request.find(this, top.offsetAt(number));
    if (found === undefined) request.ask(this, this.blocks.placeOfFilterPart(number));
    return found as BloomFilter | undefined;
  }

  #keepFilter(filter: BloomFilter): void {
    this.#filter = filter;
    this.#needsFilter = false;
    if (this.#isClosed) return;
    this.#memoryBytes += filter.memoryBytes;
    this.#cache?.reserve(filter.memoryBytes);
  }

  /** The block from cache or request; where neither has it, the request asks for it. */
  #held(part: IndexPart, number: number, request: BlockRequest): DataBlock | undefined {
    const block = this.blocks.find(part, number);
    if (block !== undefined) return block;
    const place = part.placeOf(number);
    const read = request.find(this, place.offset);
    if (read === undefined) request.ask(this, place);
    return read as DataBlock | undefined;
  }

  /** Whether older versions of `key`, which was searched in block `number`, go on in the next one. */
  #continuesKey(part: IndexPart, number: number, key: Uint8Array): boolean {
    const next = number + 1;
    if (next < part.index.count) return part.index.continuesKey(next, key);
    const top = this.#directory.indexTop;
    if (top === undefined || part.number + 1 === top.count) return false;
    return top.continuesKey(part.number + 1, key);
  }

  #findNext(part: IndexPart, number: number, request: BlockRequest): DataBlock | undefined {
    if (number + 1 < part.index.count) return this.#held(part, number + 1, request);
    const next = this.indexPartAt(part.number + 1, request);
    return next === undefined ? undefined : this.#held(next, 0, request);
  }
}

function openError(error: unknown, path: string, isExpected: boolean): LsmError {
  if (systemErrorCode(error) !== 'ENOENT') return toLsmError(error, 'opening a table failed', path);
  if (isExpected) return corruption('a live table is missing', path, undefined, error);
  return new LsmError('LSM_NOT_FOUND', `there is no table ${path}`, { file: path, cause: error });
}

/** Nothing that was read is lost with a descriptor; whoever lets go last may be the garbage collector. */
function closeQuietly(file: File): void {
  if (file.closeSync === undefined) {
    file.close().catch(() => undefined);
    return;
  }
  try {
    file.closeSync();
  } catch {
    // See above.
  }
}
