import { assert } from '../base/assert.js';
import { KeyHash } from '../base/hash.js';
import { emptyBytes, copyOf, compareBytes } from '../base/bytes.js';
import type { CachePriority, TableMeta } from '../base/table-meta.js';
import { runAsync, runSync, type Waitable } from '../base/task.js';
import { CursorEntry } from '../iterator/cursor.js';
import type { TableCache } from '../sstable/table-cache.js';
import {
  BlockRequest,
  lookupFound,
  lookupNeedsBlock,
  type TableReader,
} from '../sstable/table-reader.js';
import type { ReadView } from './read-view.js';

/**
 * After so many keys found in the deepest level without one that was absent, its
 * filter is not asked: it has nothing to add, and costs a hash and a wait for
 * memory (10 to 20 % of a random get). The first absent key costs a search in a
 * block, and the filter is asked again, so at most one search in so many is wasted.
 */
const foundUntilTrusted = 32;

/**
 * One search for the newest visible version of a key: memtables newest first,
 * L0 newest first, then the one table per deeper level that can hold it. The
 * first version met decides, a tombstone too.
 *
 * `run` returns false where something must come from disk: `wait()` or
 * `waitSync()`, then `run` again, which goes on where it stopped. A lookup is
 * used for one key at a time and can be begun again for another.
 */
export class Lookup implements Waitable {
  /** The version found; meaningful when `found`, until the lookup is begun again. */
  readonly entry = new CursorEntry();
  found = false;

  readonly #cache: TableCache;
  readonly #priorityOf: (table: TableMeta) => CachePriority;
  readonly #hash = new KeyHash();
  readonly #request = new BlockRequest();
  #view!: ReadView;
  #key: Uint8Array = emptyBytes;
  #seq = 0;
  #level = 0;
  #index = 0;
  #isHashed = false;
  /** Keys in a row that the deepest level had. */
  #foundDeepest = 0;
  #probes = 0;
  #unopened: TableMeta | undefined;
  /** The table whose block is being waited for, pinned meanwhile. */
  #reader: TableReader | undefined;

  /** `priorityOf` says how the blocks of a table are cached. */
  constructor(cache: TableCache, priorityOf: (table: TableMeta) => CachePriority) {
    this.#cache = cache;
    this.#priorityOf = priorityOf;
  }

  /** References `key`: it must not change until the lookup is done, or `ownKey` is called. */
  begin(view: ReadView, key: Uint8Array, seq: number): void {
    this.#view = view;
    this.#key = key;
    this.#seq = seq;
    this.#level = -1;
    this.#index = 0;
    this.#isHashed = false;
    this.found = false;
  }

  /** Tables asked since the last call, for read amplification. */
  takeProbes(): number {
    const probes = this.#probes;
    this.#probes = 0;
    return probes;
  }

  /** Copies the key: called before a wait that lets the caller go on. */
  ownKey(): void {
    this.#key = copyOf(this.#key);
  }

  /** True when what is missing is expected in the OS page cache, so that reading it now costs less than waiting. */
  get isExpectedFast(): boolean {
    return this.#unopened === undefined && this.#request.isExpectedFast;
  }

  run(): boolean {
    if (this.#level < 0) {
      if (this.#searchMemtables()) return true;
      this.#level = 0;
    }
    if (this.#level === 0) {
      const tables = this.#view.version.levels[0];
      for (; this.#index < tables.length; this.#index++) {
        const table = tables[this.#index];
        if (!contains(table, this.#key)) continue;
        if (!this.#searchTable(table)) return false;
        if (this.found) return true;
      }
      this.#level = 1;
    }
    for (; this.#level < this.#view.version.levels.length; this.#level++) {
      const table = this.#view.version.findTable(this.#level, this.#key);
      if (table === undefined) continue;
      if (!this.#searchTable(table)) return false;
      if (this.found) return true;
    }
    return true;
  }

  async wait(): Promise<void> {
    if (this.#unopened !== undefined) {
      const table = this.#unopened;
      await runAsync(this.#cache.open(table, this.#priorityOf(table)));
    } else {
      await this.#request.wait();
    }
  }

  waitSync(): void {
    const table = this.#unopened;
    if (table !== undefined) runSync(this.#cache.open(table, this.#priorityOf(table)));
    else this.#request.waitSync();
  }

  /** Lets go of a table that a wait had pinned; only needed when the lookup is given up. */
  abandon(): void {
    this.#reader?.release();
    this.#reader = undefined;
  }

  #searchMemtables(): boolean {
    const key = this.#key;
    for (const memtable of this.#view.memtables) {
      if (memtable.get(key, 0, key.length, this.#seq, this.entry)) return (this.found = true);
    }
    return false;
  }

  /** False when it has to wait; otherwise `found` says whether the table had a version. */
  #searchTable(table: TableMeta): boolean {
    const reader = this.#reader ?? this.#cache.find(table.fileNumber);
    this.#unopened = reader === undefined ? table : undefined;
    if (reader === undefined) return false;
    const isDeepest = this.#level > 0 && this.#level === this.#view.version.levels.length - 1;
    let hash: KeyHash | undefined;
    if (!isDeepest || this.#foundDeepest < foundUntilTrusted) {
      hash = this.#hash;
      if (!this.#isHashed) {
        hash.compute(this.#key, 0, this.#key.length);
        this.#isHashed = true;
      }
    }
    const status = reader.get(this.#key, hash, this.#seq, this.entry, this.#request);
    if (status === lookupNeedsBlock) {
      if (this.#reader === undefined) {
        reader.acquire();
        this.#reader = reader;
      }
      return false;
    }
    assert(status === lookupFound || status === 0, 'a table lookup has three outcomes');
    this.#probes++;
    this.#reader?.release();
    this.#reader = undefined;
    this.found = status === lookupFound;
    if (!this.found && isDeepest) this.#foundDeepest = 0;
    else if (isDeepest && hash !== undefined) this.#foundDeepest++;
    return true;
  }
}

function contains(table: TableMeta, key: Uint8Array): boolean {
  return compareBytes(key, table.smallest) >= 0 && compareBytes(key, table.largest) <= 0;
}
