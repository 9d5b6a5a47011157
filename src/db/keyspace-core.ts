import type { Task } from '../base/task.js';
import type { CachePriority } from '../base/table-meta.js';
import type { CompactionOptions } from '../compaction/level-targets.js';
import type { ScanCounters } from '../iterator/visible-iterator.js';
import type { KeyspaceCounters } from '../manifest/version-edit.js';
import type { KeyspaceState } from '../manifest/manifest-state.js';
import type { Version } from '../manifest/version.js';
import type { Memtable } from '../memtable/memtable.js';
import type { Tree } from '../tree/tree.js';
import { compactionOptionsOf } from './compaction-options.js';
import { ReadCosts } from './read-costs.js';
import type { KeyspaceSettings } from './settings.js';

/** The keyspace that `db.put` writes to: always there. */
export const defaultKeyspaceId = 0;

/** Of one keyspace, since it was created; kept in the manifest. */
export interface Counters {
  userBytes: number;
  flushBytes: number;
  readonly read: number[];
  readonly written: number[];
}

/** One keyspace of an open database: its tree, how it is stored, what it has cost. */
export class KeyspaceCore {
  readonly id: number;
  readonly name: string;
  readonly tree: Tree;
  readonly counters: Counters;
  readonly reads = new ReadCosts();
  readonly scans: ScanCounters = { scans: 0, steppedOver: 0, jumps: 0 };
  #settings: KeyspaceSettings;
  #compaction: CompactionOptions;
  #isDropped = false;

  constructor(state: KeyspaceState, settings: KeyspaceSettings, tree: Tree) {
    this.id = state.id;
    this.name = state.name;
    this.tree = tree;
    this.#settings = settings;
    this.#compaction = compactionOptionsOf(settings);
    const { userBytes, flushBytes, read, written } = state.counters;
    this.counters = { userBytes, flushBytes, read: [...read], written: [...written] };
  }

  get settings(): KeyspaceSettings {
    return this.#settings;
  }

  /** What is written from now on follows these. */
  set settings(settings: KeyspaceSettings) {
    this.#settings = settings;
    this.#compaction = compactionOptionsOf(settings);
  }

  /** What the picker decides by. */
  get compaction(): CompactionOptions {
    return this.#compaction;
  }

  /** How the blocks of a table are cached. */
  readonly priorityOf = ({ level }: { readonly level: number }): CachePriority => {
    const { levels } = this.#settings;
    if (levels.length === 0) return 'normal';
    return levels[Math.min(level, levels.length - 1)].cachePriority ?? 'normal';
  };

  get version(): Version {
    return this.tree.view.version;
  }

  get level0Tables(): number {
    return this.version.tablesAt(0).length;
  }

  /** With what is on its way there, L0 is at the limit where writes wait. */
  get isLevel0Full(): boolean {
    return this.level0Tables + this.tree.immutables.length >= this.#settings.l0StopTables;
  }

  /**
   * The memtable that takes writes has the size at which it is flushed: a little
   * less than asked for, so that the batch that fills it does not begin another
   * arena, 16 MiB for each of three memtables.
   */
  get isMemtableFull(): boolean {
    const { memtableBytes } = this.#settings;
    return this.tree.active.usedBytes >= memtableBytes - memtableBytes / 64;
  }

  /** A quarter of it is used: there will be a flush. */
  get isMemtableFilling(): boolean {
    return this.tree.active.usedBytes >= this.#settings.memtableBytes / 4;
  }

  /** Nobody may use it any more: it is being dropped, or was. */
  get isDropped(): boolean {
    return this.#isDropped;
  }

  markDropped(): void {
    this.#isDropped = true;
  }

  /** While it is being dropped: ends when its name is free again. */
  leaving: Task<void> | undefined;

  /**
   * The counters as the manifest keeps them: without what is in memtables, which
   * the log brings back and replay counts again. `flushed` is in a table now.
   */
  storedCounters(walBytes: number, flushed: Memtable | undefined): KeyspaceCounters {
    const { userBytes, flushBytes, read, written } = this.counters;
    let unflushedBytes = 0;
    for (const memtable of this.tree.view.memtables) {
      if (memtable !== flushed) unflushedBytes += memtable.rawBytes;
    }
    return {
      userBytes: userBytes - unflushedBytes,
      walBytes,
      flushBytes,
      read: [...read],
      written: [...written],
    };
  }
}
