import type { BloomFilter } from './bloom-filter.js';

const keysPerChunk = 32_768;
/** Chunks kept for the next table, 256 KiB each: enough for a million keys. */
const maxSpareChunks = 32;

/**
 * Chunks of tables that are finished, for the next one in this thread. They are
 * megabytes outside the heap, where they would lie about until a collection that
 * a worker hardly ever needs: a long load grew with each flush.
 */
const spareChunks: Uint32Array[] = [];

/** The hashes of keys, in the order they came. */
export class KeyHashes {
  readonly #chunks: Uint32Array[] = [];
  #chunk: Uint32Array = new Uint32Array(0);
  #at = 0;
  #keys = 0;

  get keys(): number {
    return this.#keys;
  }

  add(low: number, high: number): void {
    if (this.#at === this.#chunk.length) {
      this.#chunk = spareChunks.pop() ?? new Uint32Array(2 * keysPerChunk);
      this.#chunks.push(this.#chunk);
      this.#at = 0;
    }
    this.#chunk[this.#at] = low;
    this.#chunk[this.#at + 1] = high;
    this.#at += 2;
    this.#keys++;
  }

  /** Adds the keys from number `from` to `to`, without it, to a filter. */
  addTo(filter: BloomFilter, from: number, to: number): void {
    for (let at = from; at < to;) {
      const chunk = this.#chunks[Math.floor(at / keysPerChunk)];
      const first = at % keysPerChunk;
      const end = Math.min(keysPerChunk, first + to - at);
      for (let i = first; i < end; i++) filter.addHash(chunk[2 * i], chunk[2 * i + 1]);
      at += end - first;
    }
  }

  /** Forgets all keys; the memory stays for the next ones. */
  clear(): void {
    for (const chunk of this.#chunks.splice(1)) giveBack(chunk);
    this.#chunk = this.#chunks[0] ?? this.#chunk;
    this.#at = 0;
    this.#keys = 0;
  }

  /** Lets go of the memory; nothing is added afterwards. */
  release(): void {
    for (const chunk of this.#chunks.splice(0)) giveBack(chunk);
    this.#chunk = new Uint32Array(0);
    this.#at = 0;
  }
}

function giveBack(chunk: Uint32Array): void {
  if (spareChunks.length < maxSpareChunks) spareChunks.push(chunk);
}
