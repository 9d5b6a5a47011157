import { assert } from '../base/assert.js';
import type { ArenaPool } from './arena-pool.js';
import { Arenas, type Ref } from './arenas.js';

/**
 * Hands out memory of pooled arenas from front to back; nothing is freed before
 * everything is. What is larger than a quarter of an arena gets a buffer of its
 * own, so that no more than a quarter of an arena is ever left unused at its end.
 */
export class ArenaAllocator {
  readonly arenas: Arenas;
  readonly #pool: ArenaPool;
  readonly #maxSharedBytes: number;
  /** The arena that is being filled; -1 before the first. */
  #current = -1;
  #offset = 0;
  /** Bytes of full arenas and of buffers that hold one record. */
  #closedBytes = 0;

  constructor(pool: ArenaPool) {
    this.#pool = pool;
    this.arenas = new Arenas(Math.log2(pool.arenaBytes) - 2);
    this.#maxSharedBytes = pool.arenaBytes / 4;
  }

  /** `byteCount` bytes of garbage; a multiple of 4. */
  allocate(byteCount: number): Ref {
    if (byteCount > this.#maxSharedBytes) return this.#allocateAlone(byteCount);
    this.reserve(byteCount);
    const offset = this.#offset;
    this.#offset = offset + byteCount;
    return (this.#current << this.arenas.offsetBits) | (offset >>> 2);
  }

  /** As `allocate`, at the begin of a cache line. */
  allocateLine(byteCount: number): Ref {
    this.reserve(byteCount + 60);
    this.#offset = (this.#offset + 63) & ~63;
    return this.allocate(byteCount);
  }

  /** Makes sure that allocations of `byteCount` bytes in all cannot fail. */
  reserve(byteCount: number): void {
    if (this.#current >= 0 && this.#offset + byteCount <= this.#pool.arenaBytes) return;
    this.#checkIndex();
    if (this.#current >= 0) this.#closedBytes += this.#pool.arenaBytes;
    this.#current = this.arenas.add(this.#pool.acquire());
    // Offset 0 of arena 0 is `noRef`.
    this.#offset = 64;
  }

  #allocateAlone(byteCount: number): Ref {
    this.#checkIndex();
    const index = this.arenas.add(new SharedArrayBuffer(byteCount));
    assert(index > 0, 'the first buffer is an arena');
    this.#closedBytes += byteCount;
    return index << this.arenas.offsetBits;
  }

  #checkIndex(): void {
    // At least 4 GiB fit: 1,024 buffers of 4 MiB and more, or more smaller ones.
    const limit = 2 ** (32 - this.arenas.offsetBits);
    assert(this.arenas.buffers.length < limit, 'a memtable has at most 2^32 words of arenas');
  }

  /** Bytes handed out, and those left unused at the end of full arenas. */
  get usedBytes(): number {
    return this.#current < 0 ? 0 : this.#closedBytes + this.#offset;
  }

  /** Gives the arenas back to the pool; large buffers are left to the garbage collector. */
  release(): void {
    for (const buffer of this.arenas.buffers) {
      if (buffer.byteLength === this.#pool.arenaBytes) this.#pool.release(buffer);
    }
    this.arenas.clear();
    this.#current = -1;
    this.#offset = 0;
    this.#closedBytes = 0;
  }
}
