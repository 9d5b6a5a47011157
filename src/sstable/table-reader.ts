import { assert } from '../base/assert.js';
import { compareBytes } from '../base/bytes.js';
import type { FileId } from '../base/checksum.js';
import { corruption, LsmError, systemErrorCode, toLsmError } from '../base/errors.js';
import type { KeyHash } from '../base/hash.js';
import type { CachePriority } from '../base/table-meta.js';
import type { Steps } from '../base/task.js';
import type { Cursor, CursorEntry } from '../iterator/cursor.js';
import type { File, FileSystem } from '../fs/file-system.js';
import { CachedBlocks, type BlockCache } from './block-cache.js';
import { openBlock } from './block-frame.js';
import { filterPart, type BlockRequest } from './block-request.js';
import type { BloomFilter } from './bloom-filter.js';
import { DataBlock } from './data-block.js';
import { closing, noSync, openFile } from './file-steps.js';
import type { IndexBlock } from './index-block.js';
import type { TableProperties } from './properties.js';
import { ReadTiming } from './read-timing.js';
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
}

/** Counters since the table was opened. */
export interface TableReaderCounters {
  filterChecks: number;
  filterNegatives: number;
  /** The filter said "perhaps" and the table had no version of the key. */
  filterFalsePositives: number;
  blockReads: number;
  blockHits: number;
}

/**
 * An open table. Its index is in memory from the start, its filter from the
 * first lookup on; data blocks come from the cache or the disk. Lookups and
 * cursors that wait must hold the table (`acquire`), since `close` takes effect
 * when the last of them has released it.
 */
export class TableReader {
  readonly path: string;
  readonly counters: TableReaderCounters = {
    filterChecks: 0,
    filterNegatives: 0,
    filterFalsePositives: 0,
    blockReads: 0,
    blockHits: 0,
  };
  readonly #file: File;
  readonly #directory: TableDirectory;
  readonly #cache: BlockCache | undefined;
  readonly #cached: CachedBlocks;
  readonly #timing = new ReadTiming();
  #filter: BloomFilter | undefined;
  #needsFilter: boolean;
  #reserved: number;
  #references = 0;
  #isClosed = false;
  #whenUnused: (() => void) | undefined;
  /** Asynchronous reads under way, so that lookups of one block share one read. */
  readonly #pending = new Map<number, Promise<DataBlock>>();
  #scratch = new Uint8Array(0);

  private constructor(options: TableReaderOptions, file: File, directory: TableDirectory) {
    this.path = options.path;
    this.#file = file;
    this.#directory = directory;
    this.#needsFilter = directory.filter !== undefined;
    this.#cache = options.blockCache;
    this.#cached = new CachedBlocks(directory.index.count, options.cachePriority ?? 'normal');
    this.#reserved = directory.index.memoryBytes + this.#cached.slots.byteLength;
    this.#cache?.reserve(this.#reserved);
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
    return this.#timing.averageMicros;
  }

  /** Bytes this table holds in memory beside its cached blocks. */
  get memoryBytes(): number {
    return this.#reserved;
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
    const counters = this.counters;
    const filter = this.#filter;
    if (filter === undefined) {
      if (this.#needsFilter) {
        request.ask(this, filterPart);
        return lookupNeedsBlock;
      }
    } else if (!filter.mayContainHash(hash.low, hash.high)) {
      counters.filterChecks++;
      counters.filterNegatives++;
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
        if (filter !== undefined) counters.filterChecks++;
        request.clear();
        fillEntry(into, key, block, at);
        return lookupFound;
      }
    }
    if (filter !== undefined) {
      counters.filterChecks++;
      counters.filterFalsePositives++;
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
    return verifyTable(this.#file, this.#directory);
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
    this.#cache?.dropAll(this.#cached);
    this.#cache?.reserve(-this.#reserved);
    this.#reserved = 0;
    if (this.#references === 0) {
      yield closing(this.#file);
      return;
    }
    const file = this.#file;
    this.#whenUnused = () => {
      if (file.closeSync !== undefined) file.closeSync();
      else file.close().catch(() => undefined);
    };
  }

  /** @internal */
  expectFastRead(): boolean {
    return this.#file.readSync !== undefined && this.#timing.expectFast();
  }

  /** The block if the cache has it. @internal */
  cachedBlock(number: number): DataBlock | undefined {
    const block = this.#cache?.find(this.#cached, number);
    if (block !== undefined) this.counters.blockHits++;
    return block;
  }

  /** @internal */
  readBlockSync(number: number, fillCache: boolean): DataBlock {
    const cached = this.cachedBlock(number);
    if (cached !== undefined) return cached;
    const file = this.#file;
    if (file.readSync === undefined) throw noSync(this.path);
    const index = this.index;
    const offset = index.offsetAt(number);
    const size = index.sizeAt(number);
    const isStoredRaw = this.#isStoredRaw(number);
    const target = isStoredRaw ? new Uint8Array(size) : this.#scratchOf(size);
    const begin = performance.now();
    let count: number;
    try {
      count = file.readSync(target, 0, size, offset);
    } catch (error) {
      throw toLsmError(error, 'reading a table failed', this.path);
    }
    this.#timing.record(performance.now() - begin);
    return this.#keep(number, target, count, isStoredRaw, fillCache);
  }

  /** @internal */
  readBlock(number: number, fillCache: boolean): Promise<DataBlock> {
    const pending = this.#pending.get(number);
    if (pending !== undefined) return pending;
    const reading = this.#readBlock(number, fillCache).finally(() => this.#pending.delete(number));
    this.#pending.set(number, reading);
    return reading;
  }

  /** Decodes block `number` from bytes that were read ahead. @internal */
  decodeBlock(number: number, bytes: Uint8Array, start: number, fillCache: boolean): DataBlock {
    const { index, path } = this;
    const offset = index.offsetAt(number);
    const raw = openBlock(bytes, start, index.sizeAt(number), false, this.tableId, offset, path);
    return this.#accept(number, raw, fillCache);
  }

  /** @internal */
  get file(): File {
    return this.#file;
  }

  /** @internal */
  async loadFilter(): Promise<void> {
    const handle = this.#directory.filter!;
    const bytes = new Uint8Array(handle.size);
    let count: number;
    try {
      count = await this.#file.read(bytes, 0, handle.size, handle.offset);
    } catch (error) {
      throw toLsmError(error, 'reading a table failed', this.path);
    }
    this.#setFilter(bytes.subarray(0, count));
  }

  /** @internal */
  loadFilterSync(): void {
    const handle = this.#directory.filter!;
    if (this.#file.readSync === undefined) throw noSync(this.path);
    const bytes = new Uint8Array(handle.size);
    let count: number;
    try {
      count = this.#file.readSync(bytes, 0, handle.size, handle.offset);
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
    this.#reserved += this.#filter.memoryBytes;
    this.#cache?.reserve(this.#filter.memoryBytes);
  }

  async #readBlock(number: number, fillCache: boolean): Promise<DataBlock> {
    const index = this.index;
    const size = index.sizeAt(number);
    const target = new Uint8Array(size);
    let count: number;
    try {
      count = await this.#file.read(target, 0, size, index.offsetAt(number));
    } catch (error) {
      throw toLsmError(error, 'reading a table failed', this.path);
    }
    return this.#keep(number, target, count, true, fillCache);
  }

  /** The block from cache or request; where neither has it, the request asks for it. */
  #held(number: number, request: BlockRequest): DataBlock | undefined {
    const block = this.cachedBlock(number) ?? request.find(this, number);
    if (block === undefined) request.ask(this, number);
    return block;
  }

  #keep(
    number: number,
    stored: Uint8Array,
    count: number,
    mayKeep: boolean,
    fillCache: boolean,
  ): DataBlock {
    const { index, path } = this;
    const offset = index.offsetAt(number);
    const size = index.sizeAt(number);
    if (count < size) throw corruption('block cut off by the end of the file', path, offset);
    const raw = openBlock(stored, 0, size, mayKeep, this.tableId, offset, path);
    return this.#accept(number, raw, fillCache);
  }

  #accept(number: number, raw: Uint8Array, fillCache: boolean): DataBlock {
    const offset = this.index.offsetAt(number);
    if (raw.length !== this.index.rawLengthAt(number)) {
      throw corruption('block and index disagree on the raw length', this.path, offset);
    }
    const block = new DataBlock(raw, this.path, offset);
    this.counters.blockReads++;
    if (fillCache && !this.#isClosed) this.#cache?.insert(this.#cached, number, block);
    return block;
  }

  #isStoredRaw(number: number): boolean {
    return this.index.sizeAt(number) > this.index.rawLengthAt(number);
  }

  #scratchOf(size: number): Uint8Array {
    if (this.#scratch.length < size) {
      const scratch = new Uint8Array(size);
      // A block of a long value is read once in a while and must not stay.
      if (size > 2 ** 20) return scratch;
      this.#scratch = scratch;
    }
    return this.#scratch;
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
