import { assert } from '../base/assert.js';

export const minArenaBytes: number = 64 * 1024;
export const maxArenaBytes: number = 16 * 1024 * 1024;

export interface ArenaPoolOptions {
  /** Bytes of one arena: a power of two from 64 KiB to 16 MiB. Default 16 MiB. */
  readonly arenaBytes?: number;
  /** Bytes of idle arenas kept for reuse. Default four arenas. */
  readonly maxPooledBytes?: number;
}

/**
 * Keeps the arenas of released memtables for the next ones: a fresh arena pays
 * page faults on the write path, and is freed only when the garbage collector
 * gets to it. Idle arenas keep their garbage, as wiping shared memory costs
 * 1,400 ns per 4 KiB: who acquires one must not expect zeros.
 */
export class ArenaPool {
  readonly arenaBytes: number;
  readonly #maxPooledBytes: number;
  readonly #idle: SharedArrayBuffer[] = [];
  #usedBytes = 0;

  constructor(options: ArenaPoolOptions = {}) {
    const { arenaBytes = maxArenaBytes, maxPooledBytes = 4 * arenaBytes } = options;
    assert(
      arenaBytes >= minArenaBytes && arenaBytes <= maxArenaBytes && Math.log2(arenaBytes) % 1 === 0,
      'an arena is a power of two from 64 KiB to 16 MiB',
    );
    this.arenaBytes = arenaBytes;
    this.#maxPooledBytes = maxPooledBytes;
  }

  /** An arena of `arenaBytes`, holding garbage. */
  acquire(): SharedArrayBuffer {
    const arena = this.#idle.pop() ?? new SharedArrayBuffer(this.arenaBytes);
    this.#usedBytes += this.arenaBytes;
    return arena;
  }

  /** Takes an acquired arena back; nobody, in no thread, may still read it. */
  release(arena: SharedArrayBuffer): void {
    assert(arena.byteLength === this.arenaBytes, 'an arena goes back to the pool it came from');
    assert(!this.#idle.includes(arena), 'an arena is released once');
    this.#usedBytes -= this.arenaBytes;
    if (this.pooledBytes + this.arenaBytes <= this.#maxPooledBytes) this.#idle.push(arena);
  }

  /** Bytes of idle arenas. */
  get pooledBytes(): number {
    return this.#idle.length * this.arenaBytes;
  }

  /** Bytes of arenas handed out. */
  get usedBytes(): number {
    return this.#usedBytes;
  }
}
