import type { Clock } from '../base/clock.js';
import { corruption, toLsmError } from '../base/errors.js';
import type { CachePriority } from '../base/table-meta.js';
import type { File } from '../fs/file-system.js';
import { BlockCache, CachedBlocks } from './block-cache.js';
import { openBlock } from './block-frame.js';
import { dataBlockKind, filterPartKind, indexPartKind, type BlockPlace } from './block-place.js';
import { BloomFilter } from './bloom-filter.js';
import { DataBlock } from './data-block.js';
import { withSync } from './file-steps.js';
import { checkIndexPart, IndexPart } from './index-part.js';
import { decodeIndex, type TableDirectory } from './table-directory.js';
import { ReadTiming } from './read-timing.js';

/** Longer blocks are read in memory of their own, which goes again. */
const longestScratchBytes = 2 ** 20;
/** What a table without a cache keeps of its parts: a lookup that reads them again costs 60 µs more. */
const ownPartsBytes = 2 ** 20;

export type TableBlock = DataBlock | IndexPart | BloomFilter;

/** A table's blocks: from the cache, or read, verified and decompressed. */
export class TableBlocks {
  readonly file: File;
  readonly directory: TableDirectory;
  /** The whole index, where it is one block. */
  readonly onlyPart: IndexPart | undefined;
  /** Data blocks found in the cache, and read from disk. */
  hits = 0;
  reads = 0;
  /** Parts of index and filter read from disk, whole filters too. */
  partReads = 0;
  readonly #timing = new ReadTiming();
  readonly #clock: Clock;
  #cache: BlockCache | undefined;
  /** Where parts of index and filter are kept: the same cache, or else one for this table alone. */
  #partCache: BlockCache | undefined;
  #priority: CachePriority;
  readonly #indexParts: CachedBlocks | undefined;
  readonly #filterParts: CachedBlocks | undefined;
  /** Asynchronous reads under way by file offset, so that lookups of one block share one read. */
  readonly #pending = new Map<number, Promise<TableBlock>>();
  #scratch = new Uint8Array(0);

  constructor(
    file: File,
    directory: TableDirectory,
    cache: BlockCache | undefined,
    priority: CachePriority,
    clock: Clock,
  ) {
    this.file = file;
    this.directory = directory;
    this.#cache = cache;
    this.#priority = priority;
    this.#clock = clock;
    const { index, indexTop, filterTop } = directory;
    if (cache !== undefined && cache.capacityBytes > 0) this.#partCache = cache;
    else if (indexTop !== undefined || filterTop !== undefined) {
      this.#partCache = new BlockCache({ capacityBytes: ownPartsBytes });
    }
    if (index !== undefined) {
      this.onlyPart = new IndexPart(index, 0, new CachedBlocks(index.count, priority));
    }
    if (indexTop !== undefined) {
      this.#indexParts = CachedBlocks.ofParts(indexTop.count, priority);
    }
    if (filterTop !== undefined) {
      this.#filterParts = CachedBlocks.ofParts(filterTop.count, priority);
    }
  }

  /** Bytes it takes to know where each block is. */
  get memoryBytes(): number {
    const { indexTop, filterTop } = this.directory;
    return (
      (this.onlyPart?.memoryBytes ?? 0) +
      (indexTop === undefined ? 0 : indexTop.memoryBytes + 4 * indexTop.count) +
      (filterTop === undefined ? 0 : filterTop.memoryBytes + 4 * filterTop.count)
    );
  }

  get averageReadMicros(): number {
    return this.#timing.averageMicros;
  }

  get priority(): CachePriority {
    return this.#priority;
  }

  /** Holds for blocks read or used from now on. */
  set priority(priority: CachePriority) {
    if (priority === this.#priority) return;
    this.#priority = priority;
    if (this.onlyPart !== undefined) this.onlyPart.below.priority = priority;
    if (this.#filterParts !== undefined) this.#filterParts.priority = priority;
    const parts = this.#indexParts;
    if (parts === undefined) return;
    parts.priority = priority;
    for (let number = 0; number < parts.slots.length; number++) {
      const part = this.#partCache?.peek(parts, number) as IndexPart | undefined;
      if (part !== undefined) part.below.priority = priority;
    }
  }

  /** Whether the next block is better read on the spot than waited for; asked once per block. */
  expectFastRead(): boolean {
    return this.file.readSync !== undefined && this.#timing.expectFast();
  }

  /** The data block if the cache has it. */
  find(part: IndexPart, number: number): DataBlock | undefined {
    const block = this.#cache?.find(part.below, number);
    if (block !== undefined) this.hits++;
    return block as DataBlock | undefined;
  }

  /** A part of the index if it is in memory. */
  findIndexPart(number: number): IndexPart | undefined {
    if (this.onlyPart !== undefined) return this.onlyPart;
    return this.#partCache?.find(this.#indexParts!, number) as IndexPart | undefined;
  }

  /** A part of the filter if the cache has it. */
  findFilterPart(number: number): BloomFilter | undefined {
    return this.#partCache?.find(this.#filterParts!, number) as BloomFilter | undefined;
  }

  placeOfIndexPart(number: number): BlockPlace {
    const top = this.directory.indexTop!;
    return {
      kind: indexPartKind,
      offset: top.offsetAt(number),
      size: top.sizeAt(number),
      rawLength: top.rawLengthAt(number),
      owner: this.#indexParts,
      number,
    };
  }

  placeOfFilterPart(number: number): BlockPlace {
    const top = this.directory.filterTop!;
    return {
      kind: filterPartKind,
      offset: top.offsetAt(number),
      size: top.sizeAt(number),
      rawLength: top.rawLengthAt(number),
      owner: this.#filterParts,
      number,
    };
  }

  placeOfWholeFilter(): BlockPlace {
    const { offset, size } = this.directory.filter!;
    return { kind: filterPartKind, offset, size, rawLength: -1, owner: undefined, number: 0 };
  }

  readSync(place: BlockPlace, fillCache: boolean): TableBlock {
    const { offset, size, rawLength } = place;
    // An uncompressed block is used where it was read.
    const isStoredRaw = size > rawLength;
    const target = isStoredRaw ? new Uint8Array(size) : this.#scratchOf(size);
    const file = withSync(this.file);
    const begin = this.#clock.monotonicMs();
    let count: number;
    try {
      count = file.readSync(target, 0, size, offset);
    } catch (error) {
      throw toLsmError(error, 'reading a table failed', file.path);
    }
    // How long a whole filter takes says nothing of a block.
    if (place.owner !== undefined) this.#timing.record(this.#clock.monotonicMs() - begin);
    return this.#open(place, target.subarray(0, count), 0, isStoredRaw, fillCache);
  }

  read(place: BlockPlace, fillCache: boolean): Promise<TableBlock> {
    const { offset } = place;
    const pending = this.#pending.get(offset);
    if (pending !== undefined) return pending;
    const reading = this.#read(place, fillCache).finally(() => this.#pending.delete(offset));
    this.#pending.set(offset, reading);
    return reading;
  }

  /** Decodes a data block from bytes that were read ahead; it does not keep them. `reuse` as for `openBlock`. */
  decode(
    place: BlockPlace,
    bytes: Uint8Array,
    start: number,
    fillCache: boolean,
    reuse?: ArrayBuffer,
  ): DataBlock {
    return this.#open(place, bytes, start, false, fillCache, reuse) as DataBlock;
  }

  /** Takes the blocks out of the cache; what is read from now on stays out of it. */
  dropAll(): void {
    if (this.onlyPart !== undefined) this.#cache?.dropAll(this.onlyPart.below);
    if (this.#indexParts !== undefined) this.#partCache?.dropAll(this.#indexParts);
    if (this.#filterParts !== undefined) this.#partCache?.dropAll(this.#filterParts);
    this.#cache = undefined;
    this.#partCache = undefined;
  }

  async #read(place: BlockPlace, fillCache: boolean): Promise<TableBlock> {
    const target = new Uint8Array(place.size);
    let count: number;
    try {
      count = await this.file.read(target, 0, place.size, place.offset);
    } catch (error) {
      throw toLsmError(error, 'reading a table failed', this.file.path);
    }
    const block = this.#open(place, target.subarray(0, count), 0, true, fillCache);
    // For whoever waits for it, now or a little later: for good.
    if (block instanceof DataBlock) block.hold();
    return block;
  }

  #open(
    place: BlockPlace,
    bytes: Uint8Array,
    start: number,
    mayKeep: boolean,
    fillCache: boolean,
    reuse?: ArrayBuffer,
  ): TableBlock {
    const { kind, offset, size, rawLength, owner } = place;
    const { path } = this.file;
    const { tableId } = this.directory;
    if (fillCache && kind === dataBlockKind && size <= rawLength) {
      reuse ??= this.#cache?.takeSpare(rawLength);
    }
    const raw = openBlock(bytes, start, size, mayKeep, tableId, offset, path, reuse);
    if (rawLength >= 0 && raw.length !== rawLength) {
      throw corruption('block and index disagree on the raw length', path, offset);
    }
    const block = this.#decode(place, raw);
    if (!fillCache || owner === undefined) return block;
    const cache = kind === dataBlockKind ? this.#cache : this.#partCache;
    cache?.insert(owner, place.number, block);
    return block;
  }

  #decode(place: BlockPlace, raw: Uint8Array): TableBlock {
    const { kind, offset, number } = place;
    const { path } = this.file;
    if (kind === dataBlockKind) {
      this.reads++;
      return new DataBlock(raw, path, offset);
    }
    this.partReads++;
    if (kind === filterPartKind) return BloomFilter.fromBytes(raw, path, offset);
    const index = decodeIndex(raw, this.directory, path, offset);
    checkIndexPart(index, this.directory.indexTop!, number, path, offset);
    const below = new CachedBlocks(index.count, this.#priority);
    below.isReachable = false;
    return new IndexPart(index, number, below);
  }

  #scratchOf(size: number): Uint8Array {
    if (this.#scratch.length >= size) return this.#scratch;
    const scratch = new Uint8Array(size);
    if (size <= longestScratchBytes) this.#scratch = scratch;
    return scratch;
  }
}
