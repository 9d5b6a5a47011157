import { assert } from '../base/assert.js';
import type { Version } from '../manifest/version.js';
import type { Memtable } from '../memtable/memtable.js';

/**
 * What one read pins: the memtables, newest first, and the table set of one
 * moment. Immutable; a memtable switch, a flush or a compaction puts another
 * view in its place. Reads that can be interrupted (a wait for a block, an
 * iterator between two calls) pin the view they began with.
 */
export class ReadView {
  /** Newest first; the first one still takes writes while the view is current. */
  readonly memtables: readonly Memtable[];
  readonly version: Version;
  readonly #onUnpinned: (view: ReadView) => void;
  #pins = 1;

  constructor(
    memtables: readonly Memtable[],
    version: Version,
    onUnpinned: (view: ReadView) => void,
  ) {
    this.memtables = memtables;
    this.version = version;
    this.#onUnpinned = onUnpinned;
  }

  pin(): void {
    assert(this.#pins > 0, 'a read view is pinned after it was let go');
    this.#pins++;
  }

  unpin(): void {
    assert(this.#pins > 0, 'a read view is unpinned once too often');
    if (--this.#pins === 0) this.#onUnpinned(this);
  }
}
