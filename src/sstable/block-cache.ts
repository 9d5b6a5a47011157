import { invalidArgument } from '../base/errors.js';
import type { CachePriority } from '../base/table-meta.js';
import { grown } from './bytes-column.js';

/** What the cache's own columns and the array entry cost per block. */
const slotBytes = 40;
/** The share of the capacity that stays for blocks however much indexes and filters need. */
const leastBlockShare = 0.25;

/** How many passes of the eviction hand a block survives after it was used. */
const chancesOf: Readonly<Record<CachePriority, number>> = { high: 3, normal: 1, none: 0 };
/** The same for parts of indexes and filters: above data, and never nothing, since each lookup needs them. */
const partChancesOf: Readonly<Record<CachePriority, number>> = { high: 7, normal: 4, none: 2 };

/** Memory of evicted blocks that waits for the next ones, in bytes. */
const mostSpareBytes = 256 * 1024;

/** A decoded block: of data, or a part of an index or filter. */
export interface CacheableBlock {
  readonly memoryBytes: number;
  /** Its memory, where nobody uses the block once it has left the cache; undefined while somebody may. */
  readonly spareBuffer?: ArrayBuffer | undefined;
  /** A part of an index: the data blocks that are found only through it, and go with it. */
  readonly below?: CachedBlocks;
}

/** What a `BlockCache` is made with. */
export interface BlockCacheOptions {
  /** Bytes that decoded blocks, indexes and filters may take together. 0 caches no block. */
  readonly capacityBytes: number;
}

/**
 * Blocks of one kind of a table, or the data blocks of one part of its index, and
 * where each of them is: `slots[n]` is the slot of block n, or 0.
 */
export class CachedBlocks {
  readonly slots: Int32Array;
  /** False while the part that leads here is not in the cache: nothing would be found. */
  isReachable = true;
  readonly #chances: Readonly<Record<CachePriority, number>>;
  #priority: CachePriority;
  /** How many passes of the hand a block survives from its next use on. */
  chances: number;

  constructor(blocks: number, priority: CachePriority, chances = chancesOf) {
    this.slots = new Int32Array(blocks);
    this.#chances = chances;
    this.#priority = priority;
    this.chances = chances[priority];
  }

  /** For parts of an index or a filter. */
  static ofParts(parts: number, priority: CachePriority): CachedBlocks {
    return new CachedBlocks(parts, priority, partChancesOf);
  }

  get priority(): CachePriority {
    return this.#priority;
  }

  /** Holds for blocks read or used from now on. */
  set priority(priority: CachePriority) {
    this.#priority = priority;
    this.chances = this.#chances[priority];
  }
}

/**
 * Decoded blocks of any number of tables and databases, bounded in bytes,
 * evicted by SIEVE (Zhang and others, "SIEVE is Simpler than LRU", NSDI 2024):
 * a queue in order of arrival, one mark per block set by a hit, and a hand that
 * moves from old to new, evicting what is not marked. A `high` block's mark
 * holds for three passes of the hand.
 *
 * Indexes and filters that stay with their open tables are counted too
 * (`reserve`): blocks make room for them, down to a quarter of the capacity. The
 * number of open tables bounds them, not the cache: evicting a filter would cost
 * each lookup a read of some 100 KB. Large tables have theirs in parts, which are
 * blocks like others here, of higher priority.
 */
export class BlockCache {
  /** Bytes that it holds at most, as given. */
  readonly capacityBytes: number;
  #hits = 0;
  #misses = 0;
  #blockBytes = 0;
  #reservedBytes = 0;
  /*
   * Columns by slot; slot 0 is the queue's both ends. A hit is two array reads
   * and a write, 7–12 ns; a Map in LRU order costs 330 and more.
   */
  #blocks: (CacheableBlock | undefined)[] = [undefined];
  #owners: (CachedBlocks | undefined)[] = [undefined];
  #numbers: Uint32Array = new Uint32Array(64);
  #newer: Uint32Array = new Uint32Array(64);
  #older: Uint32Array = new Uint32Array(64);
  #marks: Uint8Array = new Uint8Array(64);
  #hand = 0;
  readonly #free: number[] = [];
  readonly #spares: ArrayBuffer[] = [];
  #spareBytes = 0;

  /** @throws LsmError `LSM_INVALID_ARGUMENT` */
  constructor(options: BlockCacheOptions) {
    const { capacityBytes } = options;
    if (!Number.isSafeInteger(capacityBytes) || capacityBytes < 0) {
      throw invalidArgument('capacityBytes must be an integer from 0');
    }
    this.capacityBytes = capacityBytes;
  }

  /** Bytes of blocks, indexes and filters now; above the capacity only when open tables' indexes and filters are. */
  get usedBytes(): number {
    return this.#blockBytes + this.#reservedBytes;
  }

  /** The part of `usedBytes` that holds indexes and filters of open tables. */
  get reservedBytes(): number {
    return this.#reservedBytes;
  }

  /** Blocks found and not found since the cache was made. */
  get hits(): number {
    return this.#hits;
  }

  /** Blocks not found since the cache was made. */
  get misses(): number {
    return this.#misses;
  }

  /** @internal */
  find(owner: CachedBlocks, number: number): CacheableBlock | undefined {
    const slot = owner.slots[number];
    if (slot === 0) {
      this.#misses++;
      return undefined;
    }
    this.#hits++;
    this.#marks[slot] = owner.chances;
    return this.#blocks[slot];
  }

  /** Keeps a block that was read, unless its priority is `none` or it is so long (64 KiB and an eighth of the room) that too much would go for it. @internal */
  insert(owner: CachedBlocks, number: number, block: CacheableBlock): void {
    const bytes = block.memoryBytes + slotBytes;
    const room = this.#blockRoom();
    const longest = Math.max(room / 8, Math.min(room, 65_536));
    if (owner.chances === 0 || bytes > longest || owner.slots[number] !== 0) return;
    if (owner.isReachable) this.#evictDownTo(room - bytes);
    // The part that leads to the block may just have been evicted.
    if (!owner.isReachable) return;
    const slot = this.#takeSlot();
    this.#blocks[slot] = block;
    this.#owners[slot] = owner;
    this.#numbers[slot] = number;
    this.#marks[slot] = owner.chances - 1;
    const newest = this.#older[0];
    this.#older[slot] = newest;
    this.#newer[slot] = 0;
    this.#newer[newest] = slot;
    this.#older[0] = slot;
    owner.slots[number] = slot;
    this.#blockBytes += bytes;
    if (block.below !== undefined) block.below.isReachable = true;
  }

  /** The block if it is here, without counting as a use. @internal */
  peek(owner: CachedBlocks, number: number): CacheableBlock | undefined {
    return this.#blocks[owner.slots[number]];
  }

  /**
   * The memory of an evicted block for one of `bytes`, if there is one that fits: fresh
   * memory of 4 KiB costs 1.7 µs with its page faults and the garbage collector's
   * work, a quarter of a lookup that reads from disk. @internal
   */
  takeSpare(bytes: number): ArrayBuffer | undefined {
    const spare = this.#spares.pop();
    if (spare === undefined) return undefined;
    this.#spareBytes -= spare.byteLength;
    // One that is too small goes, so that those that stay fit more and more often.
    return spare.byteLength >= bytes && spare.byteLength <= 2 * bytes + 1024 ? spare : undefined;
  }

  /** Drops a table's blocks. @internal */
  dropAll(owner: CachedBlocks): void {
    for (const slot of owner.slots) if (slot !== 0) this.#remove(slot);
  }

  /** Counts `bytes` (negative: no longer) of an index or filter that stays with its open table. @internal */
  reserve(bytes: number): void {
    this.#reservedBytes += bytes;
    this.#evictDownTo(this.#blockRoom());
  }

  #blockRoom(): number {
    return Math.max(this.capacityBytes - this.#reservedBytes, this.capacityBytes * leastBlockShare);
  }

  #evictDownTo(bytes: number): void {
    const newer = this.#newer;
    const marks = this.#marks;
    while (this.#blockBytes > bytes) {
      // From the oldest block, slot 0's newer neighbour, on.
      if (this.#hand === 0) this.#hand = newer[0];
      const slot = this.#hand;
      if (marks[slot] > 0) {
        marks[slot]--;
        this.#hand = newer[slot];
      } else {
        this.#remove(slot);
      }
    }
  }

  #remove(slot: number): void {
    const older = this.#older[slot];
    const newer = this.#newer[slot];
    this.#newer[older] = newer;
    this.#older[newer] = older;
    if (this.#hand === slot) this.#hand = newer;
    this.#owners[slot]!.slots[this.#numbers[slot]] = 0;
    const { memoryBytes, below, spareBuffer } = this.#blocks[slot]!;
    if (spareBuffer !== undefined && this.#spareBytes + spareBuffer.byteLength <= mostSpareBytes) {
      this.#spares.push(spareBuffer);
      this.#spareBytes += spareBuffer.byteLength;
    }
    this.#blockBytes -= memoryBytes + slotBytes;
    this.#blocks[slot] = undefined;
    this.#owners[slot] = undefined;
    this.#free.push(slot);
    if (below !== undefined) {
      // Without a use for so long that hardly any of them are left.
      below.isReachable = false;
      this.dropAll(below);
    }
  }

  #takeSlot(): number {
    const free = this.#free.pop();
    if (free !== undefined) return free;
    const slot = this.#blocks.length;
    this.#blocks.push(undefined);
    this.#owners.push(undefined);
    this.#numbers = grown(this.#numbers, slot + 1);
    this.#newer = grown(this.#newer, slot + 1);
    this.#older = grown(this.#older, slot + 1);
    this.#marks = grown(this.#marks, slot + 1);
    return slot;
  }
}
