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

/** The hashes of a table's keys, kept until their number is known and the filter can be sized. */
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

  /** Fills a filter made for `keys` keys. */
  addTo(filter: BloomFilter): void {
    for (const chunk of this.#chunks) {
      const end = chunk === this.#chunk ? this.#at : chunk.length;
      for (let i = 0; i < end; i += 2) filter.addHash(chunk[i], chunk[i + 1]);
    }
  }

  /** Lets go of the memory; nothing is added afterwards. */
  release(): void {
    for (const chunk of this.#chunks.splice(0)) {
      if (spareChunks.length < maxSpareChunks) spareChunks.push(chunk);
    }
    this.#chunk = new Uint32Array(0);
    this.#at = 0;
  }
}
