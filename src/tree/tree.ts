import { assert } from '../base/assert.js';
import { kindPut, type EntryKind } from '../base/internal-key.js';
import { EmptyRanges } from '../iterator/empty-ranges.js';
import type { Version } from '../manifest/version.js';
import type { ArenaPool } from '../memtable/arena-pool.js';
import { Memtable } from '../memtable/memtable.js';
import { ReadView } from './read-view.js';

export interface TreeOptions {
  readonly keyspaceId: number;
  readonly pool: ArenaPool;
  readonly version: Version;
  /** Called for each version a view begins to use, and again when no view uses it any more. */
  readonly onPin: (version: Version) => void;
  readonly onUnpin: (version: Version) => void;
}

/**
 * One keyspace's LSM tree: the memtable that takes writes, the immutable ones
 * that wait for their flush, and the tables. It holds no files and starts no
 * work: the database decides when to switch memtables and what to install.
 */
export class Tree {
  readonly keyspaceId: number;
  /** What scans have found out about deleted keys. */
  readonly emptyRanges = new EmptyRanges();
  readonly #options: TreeOptions;
  /** Immutable memtables, oldest first. */
  readonly #immutables: Memtable[] = [];
  /** How many views hold a memtable; its memory goes back when none does. */
  readonly #holders = new Map<Memtable, number>();
  #active: Memtable;
  #view: ReadView;

  constructor(options: TreeOptions) {
    this.keyspaceId = options.keyspaceId;
    this.#options = options;
    this.#active = new Memtable(options.pool);
    this.#view = this.#makeView(options.version);
  }

  get active(): Memtable {
    return this.#active;
  }

  /** Oldest first: the order in which they are flushed. */
  get immutables(): readonly Memtable[] {
    return this.#immutables;
  }

  /** Bytes of all memtables that are not in a table yet. */
  get memtableBytes(): number {
    return this.#immutables.reduce((sum, { usedBytes }) => sum + usedBytes, this.#active.usedBytes);
  }

  /** The current state. A reader that may be interrupted pins it. */
  get view(): ReadView {
    return this.#view;
  }

  /** Adds an entry to the active memtable; key and value are copied. `seq` is above all before it. */
  add(
    keyBytes: Uint8Array,
    keyStart: number,
    keyEnd: number,
    seq: number,
    kind: EntryKind,
    valueBytes: Uint8Array,
    valueStart: number,
    valueEnd: number,
  ): void {
    this.#active.add(keyBytes, keyStart, keyEnd, seq, kind, valueBytes, valueStart, valueEnd);
    if (kind === kindPut) this.emptyRanges.onPut(keyBytes, keyStart, keyEnd, seq);
  }

  /** Freezes the active memtable and puts an empty one in its place. */
  switchMemtable(): Memtable {
    const frozen = this.#active;
    frozen.freeze();
    this.#immutables.push(frozen);
    this.#active = new Memtable(this.#options.pool);
    this.#swap(this.#view.version);
    return frozen;
  }

  /** Publishes a new table set; `flushed` is the memtable that its newest table replaces. */
  install(version: Version, flushed?: Memtable): void {
    if (flushed !== undefined) {
      assert(this.#immutables[0] === flushed, 'memtables are flushed oldest first');
      this.#immutables.shift();
    }
    this.#swap(version);
  }

  /** Lets go of everything; readers that are still open keep what they pinned. */
  close(): void {
    this.#view.unpin();
  }

  #swap(version: Version): void {
    const old = this.#view;
    this.#view = this.#makeView(version);
    old.unpin();
  }

  #makeView(version: Version): ReadView {
    const memtables = [this.#active, ...[...this.#immutables].reverse()];
    for (const memtable of memtables) {
      this.#holders.set(memtable, (this.#holders.get(memtable) ?? 0) + 1);
    }
    this.#options.onPin(version);
    return new ReadView(memtables, version, (view) => this.#letGo(view));
  }

  #letGo(view: ReadView): void {
    for (const memtable of view.memtables) {
      const holders = this.#holders.get(memtable)! - 1;
      if (holders > 0) this.#holders.set(memtable, holders);
      else {
        this.#holders.delete(memtable);
        memtable.release();
      }
    }
    this.#options.onUnpin(view.version);
  }
}
