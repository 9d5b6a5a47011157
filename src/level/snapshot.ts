import { AbstractSnapshot } from 'abstract-level';
import type { ReadOptions, Snapshot } from '../index.js';

/** An explicit snapshot, as `db.snapshot()` gives it. */
export class NoriSnapshot extends AbstractSnapshot {
  /** What our reads take. */
  readonly #reads: ReadOptions;
  readonly #snapshot: Snapshot<string, string>;

  constructor(snapshot: Snapshot<string, string>, options: object) {
    // `owner`, which abstract-level puts among the options, is not in its types.
    super(...([options] as unknown as []));
    this.#snapshot = snapshot;
    this.#reads = { snapshot };
  }

  /** The options of a read at the snapshot; of the newest state when there is none. */
  static readsAt(snapshot: object | null | undefined): ReadOptions | undefined {
    if (snapshot == null) return undefined;
    if (#reads in snapshot) return snapshot.#reads;
    throw new TypeError('The snapshot must be one that this database has made');
  }

  protected async _close(): Promise<void> {
    this.#snapshot.close();
  }
}
