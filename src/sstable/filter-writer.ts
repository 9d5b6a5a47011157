import { BloomFilter } from './bloom-filter.js';
import { KeyHashes } from './key-hashes.js';
import type { TableLayout } from './table-layout.js';

/** Part of a filter: knows the keys from its separator on, up to the next part's. */
export interface FilterPart {
  readonly separator: Uint8Array;
  readonly bytes: Uint8Array;
}

/**
 * Gathers the hashes of a table's keys until their number is known and the filter
 * can be sized. A filter that becomes too large for one piece is built part by
 * part, each of the same number of keys: 8 bytes per key are then held for one
 * part only, and the filter's bits for the others.
 */
export class FilterWriter {
  readonly #bitsPerKey: number;
  readonly #splitKeys: number;
  readonly #partKeys: number;
  readonly #hashes = new KeyHashes();
  /** Where each part would begin or begins, the finished ones too. */
  readonly #separators: Uint8Array[] = [];
  readonly #parts: FilterPart[] = [];
  #nextPartAt = 0;

  constructor(bitsPerKey: number, layout: TableLayout) {
    this.#bitsPerKey = bitsPerKey;
    this.#splitKeys = Math.floor((layout.filterSplitBytes * 8) / bitsPerKey);
    this.#partKeys = Math.max(1, Math.floor((layout.filterPartBytes * 8) / bitsPerKey));
  }

  /** `key[start..separatorEnd)` is the shortest prefix of the key that is above the key before. */
  add(low: number, high: number, key: Uint8Array, start: number, separatorEnd: number): void {
    if (this.#hashes.keys === this.#nextPartAt) this.#beginPart(key.slice(start, separatorEnd));
    this.#hashes.add(low, high);
  }

  /** Nothing, the whole filter, or its parts, two at least. Nothing is added afterwards. */
  finish(): BloomFilter | readonly FilterPart[] | undefined {
    const { keys } = this.#hashes;
    if (keys === 0) return undefined;
    let made: BloomFilter | readonly FilterPart[];
    if (this.#parts.length === 0 && keys <= Math.max(this.#splitKeys, this.#partKeys)) {
      made = BloomFilter.create(keys, this.#bitsPerKey);
      this.#hashes.addTo(made, 0, keys);
    } else {
      this.#buildParts(keys);
      made = this.#parts;
    }
    this.#hashes.release();
    return made;
  }

  #beginPart(separator: Uint8Array): void {
    const { keys } = this.#hashes;
    if (this.#parts.length > 0 || keys > this.#splitKeys) {
      this.#buildParts(keys);
      this.#hashes.clear();
    }
    this.#separators.push(separator);
    this.#nextPartAt = this.#hashes.keys + this.#partKeys;
  }

  /** Builds the parts of all keys held. */
  #buildParts(keys: number): void {
    for (let from = 0; from < keys; from += this.#partKeys) {
      const to = Math.min(keys, from + this.#partKeys);
      const filter = BloomFilter.create(to - from, this.#bitsPerKey);
      this.#hashes.addTo(filter, from, to);
      const separator = this.#separators[this.#parts.length];
      this.#parts.push({ separator, bytes: filter.toBytes() });
    }
  }
}
