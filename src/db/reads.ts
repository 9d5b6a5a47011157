import type { CursorEntry } from '../iterator/cursor.js';
import { kindPut } from '../base/internal-key.js';
import { Lookup } from '../tree/lookup.js';
import type { ReadView } from '../tree/read-view.js';
import type { KeyInput, ReadOptions } from './api-types.js';
import { noSyncCalls, type Core } from './core.js';
import { EncodedBytes } from './encoding.js';

/**
 * Point reads. What is in memory is answered at once; a block that is missing is
 * read synchronously where the OS is expected to have it, otherwise `find` waits
 * for it in the thread pool.
 */
export class PointReader {
  readonly #core: Core;
  readonly #key = new EncodedBytes(1024);
  /** Reused by every read that is done in one go. */
  #lookup: Lookup;
  #gets = 0;
  #probes = 0;
  /** Reads that are waiting for a block. */
  #waiting = 0;
  #onIdle: (() => void) | undefined;

  constructor(core: Core) {
    this.#core = core;
    this.#lookup = new Lookup(core.tables);
  }

  /** Tables asked per read since open; undefined before the first read. */
  get readAmplification(): number | undefined {
    return this.#gets === 0 ? undefined : this.#probes / this.#gets;
  }

  /** The entry that `key` has, valid until the next read; undefined when it has none or is deleted. */
  findSync(key: KeyInput, options: ReadOptions | undefined): CursorEntry | undefined {
    const lookup = this.#begin(key, options);
    if (!lookup.run()) this.#finishSync(lookup);
    return this.#result(lookup);
  }

  /**
   * As `findSync`, or `undefined` in `pending` and a promise when the disk has to
   * be waited for. `use` is called with the entry while it is valid.
   */
  find<T>(
    key: KeyInput,
    options: ReadOptions | undefined,
    use: (entry: CursorEntry | undefined) => T,
  ): T | Promise<T> {
    const lookup = this.#begin(key, options);
    while (!lookup.run()) {
      if (!lookup.isExpectedFast) return this.#findSlowly(lookup, use);
      this.#waitSync(lookup);
    }
    return use(this.#result(lookup));
  }

  /** Settles when no read is waiting for a block. */
  async drain(): Promise<void> {
    if (this.#waiting === 0) return;
    await new Promise<void>((resolve) => {
      this.#onIdle = resolve;
    });
  }

  #begin(key: KeyInput, options: ReadOptions | undefined): Lookup {
    const core = this.#core;
    core.checkOpen();
    const seq =
      options?.snapshot === undefined ? core.readSeq : core.snapshots.check(options.snapshot);
    this.#key.setKey(key);
    this.#gets++;
    this.#lookup.begin(core.tree.view, this.#key.view(), seq);
    return this.#lookup;
  }

  #result(lookup: Lookup): CursorEntry | undefined {
    this.#probes += lookup.takeProbes();
    return lookup.found && lookup.entry.kind === kindPut ? lookup.entry : undefined;
  }

  #finishSync(lookup: Lookup): void {
    do this.#waitSync(lookup);
    while (!lookup.run());
  }

  #waitSync(lookup: Lookup): void {
    const { fs } = this.#core.components;
    if (!fs.hasSync) {
      lookup.abandon();
      throw noSyncCalls(fs.name);
    }
    try {
      lookup.waitSync();
    } catch (error) {
      lookup.abandon();
      throw error;
    }
  }

  /** The shared lookup is in use from now on: it is given away and replaced. */
  async #findSlowly<T>(lookup: Lookup, use: (entry: CursorEntry | undefined) => T): Promise<T> {
    const core = this.#core;
    const view: ReadView = core.tree.view;
    lookup.ownKey();
    view.pin();
    this.#lookup = new Lookup(core.tables);
    this.#waiting++;
    try {
      do {
        await lookup.wait();
        core.checkOpen();
      } while (!lookup.run());
      return use(this.#result(lookup));
    } catch (error) {
      lookup.abandon();
      throw error;
    } finally {
      view.unpin();
      if (--this.#waiting === 0) this.#onIdle?.();
    }
  }
}
