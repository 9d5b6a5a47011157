import type { Core } from './core.js';
import type { KeyspaceCore } from './keyspace-core.js';

/** So long without a write counts as idle. */
const idleMs = 2000;

/** A flush that gives back less than this share of a keyspace is not worth its table. */
const leastShare = 0.05;

/**
 * Memtables that are flushed though they are not full.
 *
 * Deletes give their space back only when their tombstones meet what they
 * delete, in a compaction. Those in the memtable would wait there until somebody
 * writes again: once nobody does, a memtable that deletes much is flushed.
 */
export class IdleFlush {
  readonly #core: Core;
  /** False when it cannot be done right now. */
  readonly #flush: (keyspaces: readonly KeyspaceCore[]) => boolean;
  #isArmed = false;
  #seq = 0;
  /** The newest sequence number when the patience of a keyspace's reads was spent last. */
  readonly #seqAtWaste = new WeakMap<KeyspaceCore, number>();

  constructor(core: Core, flush: (keyspaces: readonly KeyspaceCore[]) => boolean) {
    this.#core = core;
    this.#flush = flush;
  }

  /** There was a write, or a job has ended: what is left in memtables may weigh more against what is left in tables. */
  note(): void {
    if (!this.#isArmed) this.#arm();
  }

  /**
   * The patience of a keyspace's reads is spent: each looks into the memtable first, and
   * a scan merges it. Where nothing was written since the last time, it is flushed,
   * in the next turn; true then.
   */
  readsWasted(keyspace: KeyspaceCore): boolean {
    const core = this.#core;
    const seq = core.logs.appendedSeq;
    const isAtRest = this.#seqAtWaste.get(keyspace) === seq;
    this.#seqAtWaste.set(keyspace, seq);
    if (!isAtRest || keyspace.tree.active.entries === 0) return false;
    core.components.clock.nextTurn(() => {
      if (core.isWritable && core.state === 'open' && !keyspace.isDropped) this.#flush([keyspace]);
    });
    return true;
  }

  #arm(): void {
    const { clock } = this.#core.components;
    this.#isArmed = true;
    this.#seq = this.#core.logs.appendedSeq;
    clock.after(idleMs, () => this.#look());
  }

  #look(): void {
    const core = this.#core;
    this.#isArmed = false;
    if (!core.isWritable || core.state !== 'open') return;
    if (core.logs.appendedSeq !== this.#seq) {
      this.#arm();
      return;
    }
    const keyspaces = [...core.keyspaces()].filter(deletesMuch);
    if (keyspaces.length > 0 && !this.#flush(keyspaces)) this.#arm();
  }
}

/** Taking each deleted entry to be as large as the average one. */
function deletesMuch({ tree, version, isDropped }: KeyspaceCore): boolean {
  const { tombstones } = tree.active;
  if (tombstones === 0 || isDropped) return false;
  let entries = 0;
  for (const table of version.tables()) entries += table.entries;
  return entries > 0 && tombstones >= leastShare * entries;
}
