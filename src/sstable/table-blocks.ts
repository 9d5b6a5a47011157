import type { Clock } from '../base/clock.js';
import { corruption, toLsmError } from '../base/errors.js';
import type { CachePriority } from '../base/table-meta.js';
import type { File } from '../fs/file-system.js';
import { CachedBlocks, type BlockCache } from './block-cache.js';
import { openBlock } from './block-frame.js';
import { DataBlock } from './data-block.js';
import { withSync } from './file-steps.js';
import { ReadTiming } from './read-timing.js';
import type { TableDirectory } from './table-directory.js';

/** Longer blocks are read in memory of their own, which goes again. */
const longestScratchBytes = 2 ** 20;

/** A table's data blocks: from the cache, or read, verified and decompressed. */
export class TableBlocks {
  readonly file: File;
  readonly directory: TableDirectory;
  /** Blocks found in the cache, and read from disk. */
  hits = 0;
  reads = 0;
  readonly #timing = new ReadTiming();
  readonly #clock: Clock;
  #cache: BlockCache | undefined;
  readonly #cached: CachedBlocks;
  /** Asynchronous reads under way, so that lookups of one block share one read. */
  readonly #pending = new Map<number, Promise<DataBlock>>();
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
    this.#clock = clock;
    this.#cached = new CachedBlocks(directory.index.count, priority);
  }

  /** Bytes it takes to know where each block is. */
  get memoryBytes(): number {
    return this.#cached.slots.byteLength;
  }

  get averageReadMicros(): number {
    return this.#timing.averageMicros;
  }

  /** Whether the next block is better read on the spot than waited for; asked once per block. */
  expectFastRead(): boolean {
    return this.file.readSync !== undefined && this.#timing.expectFast();
  }

  /** The block if the cache has it. */
  find(number: number): DataBlock | undefined {
    const block = this.#cache?.find(this.#cached, number);
    if (block !== undefined) this.hits++;
    return block;
  }

  readSync(number: number, fillCache: boolean): DataBlock {
    const { index } = this.directory;
    const offset = index.offsetAt(number);
    const size = index.sizeAt(number);
    // An uncompressed block is used where it was read.
    const isStoredRaw = size > index.rawLengthAt(number);
    const target = isStoredRaw ? new Uint8Array(size) : this.#scratchOf(size);
    const file = withSync(this.file);
    const begin = this.#clock.monotonicMs();
    let count: number;
    try {
      count = file.readSync(target, 0, size, offset);
    } catch (error) {
      throw toLsmError(error, 'reading a table failed', file.path);
    }
    this.#timing.record(this.#clock.monotonicMs() - begin);
    return this.#open(number, target.subarray(0, count), 0, isStoredRaw, fillCache);
  }

  read(number: number, fillCache: boolean): Promise<DataBlock> {
    const pending = this.#pending.get(number);
    if (pending !== undefined) return pending;
    const reading = this.#read(number, fillCache).finally(() => this.#pending.delete(number));
    this.#pending.set(number, reading);
    return reading;
  }

  /** Decodes block `number` from bytes that were read ahead; it does not keep them. `reuse` as for `openBlock`. */
  decode(
    number: number,
    bytes: Uint8Array,
    start: number,
    fillCache: boolean,
    reuse?: ArrayBuffer,
  ): DataBlock {
    return this.#open(number, bytes, start, false, fillCache, reuse);
  }

  /** Takes the blocks out of the cache; what is read from now on stays out of it. */
  dropAll(): void {
    this.#cache?.dropAll(this.#cached);
    this.#cache = undefined;
  }

  async #read(number: number, fillCache: boolean): Promise<DataBlock> {
    const { index } = this.directory;
    const size = index.sizeAt(number);
    const target = new Uint8Array(size);
    let count: number;
    try {
      count = await this.file.read(target, 0, size, index.offsetAt(number));
    } catch (error) {
      throw toLsmError(error, 'reading a table failed', this.file.path);
    }
    return this.#open(number, target.subarray(0, count), 0, true, fillCache);
  }

  #open(
    number: number,
    bytes: Uint8Array,
    start: number,
    mayKeep: boolean,
    fillCache: boolean,
    reuse?: ArrayBuffer,
  ): DataBlock {
    const { index, tableId } = this.directory;
    const { path } = this.file;
    const offset = index.offsetAt(number);
    const size = index.sizeAt(number);
    const raw = openBlock(bytes, start, size, mayKeep, tableId, offset, path, reuse);
    if (raw.length !== index.rawLengthAt(number)) {
      throw corruption('block and index disagree on the raw length', path, offset);
    }
    const block = new DataBlock(raw, path, offset);
    this.reads++;
    if (fillCache) this.#cache?.insert(this.#cached, number, block);
    return block;
  }

  #scratchOf(size: number): Uint8Array {
    if (this.#scratch.length >= size) return this.#scratch;
    const scratch = new Uint8Array(size);
    if (size <= longestScratchBytes) this.#scratch = scratch;
    return scratch;
  }
}
