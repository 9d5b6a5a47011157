import type { CursorEntry } from '../iterator/cursor.js';
import { kindPut } from '../base/internal-key.js';
import { Lookup } from '../tree/lookup.js';
import type { ReadOptions } from './api-types.js';
import { noSyncCalls, type Core } from './core.js';
import { checkNames } from './option-names.js';
import { EncodedBytes, encodeKey, type KeyEncoding } from './encoding.js';
import type { KeyspaceCore } from './keyspace-core.js';
import { ownKey } from './range.js';

export const readOptionNames = ['snapshot'] satisfies (keyof ReadOptions)[];

/**
 * Point reads. What is in memory is answered at once; a block that is missing is
 * read synchronously where the OS is expected to have it, otherwise `find` waits
 * for it in the thread pool.
 */
export class PointReader {
  readonly #core: Core;
  readonly #keyspace: KeyspaceCore;
  readonly #keyEncoding: KeyEncoding;
  readonly #key = new EncodedBytes(1024);
  /** Reused by every read that is done in one go. */
  #lookup: Lookup;

  constructor(core: Core, keyspace: KeyspaceCore, keyEncoding: KeyEncoding) {
    this.#core = core;
    this.#keyspace = keyspace;
    this.#keyEncoding = keyEncoding;
    this.#lookup = this.#makeLookup();
  }

  /** The entry that `key` has, valid until the next read; undefined when it has none or is deleted. */
  findSync(key: unknown, options: ReadOptions | undefined): CursorEntry | undefined {
    const lookup = this.#begin(key, options, this.#keyEncoding);
    if (!lookup.run()) this.#finishSync(lookup);
    return this.#result(lookup);
  }

  /**
   * As `findSync`, but a promise when the disk has to be waited for. `use` is
   * called with the entry while it is valid.
   */
  find<T>(
    key: unknown,
    options: ReadOptions | undefined,
    use: (entry: CursorEntry | undefined) => T,
  ): T | Promise<T> {
    return this.#finish(this.#begin(key, options, this.#keyEncoding), use);
  }

  /**
   * As `find`, as of `seq`, for one of many keys: `check` was called in this turn.
   * A key from `ownKey` goes in with the encoding `view`.
   */
  findAt<T>(
    key: unknown,
    seq: number,
    use: (entry: CursorEntry | undefined) => T,
    encoding: KeyEncoding = this.#keyEncoding,
  ): T | Promise<T> {
    return this.#finish(this.#beginAt(key, seq, encoding), use);
  }

  /** @throws LsmError when nothing can be read */
  check(): void {
    this.#core.checkReadable(this.#keyspace);
  }

  #finish<T>(lookup: Lookup, use: (entry: CursorEntry | undefined) => T): T | Promise<T> {
    while (!lookup.run()) {
      if (!lookup.isExpectedFast) return this.#findSlowly(lookup, use);
      this.#waitSync(lookup);
    }
    return use(this.#result(lookup));
  }

  /**
   * What stands for `key` in a read that comes later, with the encoding `view`: a copy
   * of its bytes, or a string, which nobody can change and which costs 400 ns less.
   * @throws LsmError `LSM_INVALID_ARGUMENT`, `LSM_TOO_LARGE`
   */
  ownKey(key: unknown): string | Uint8Array {
    const encoded = encodeKey(key, this.#keyEncoding);
    return typeof encoded === 'string' ? encoded : ownKey(encoded, 'view');
  }

  /** The newest sequence number that a read with these options sees. @throws LsmError as `SnapshotList.check` */
  seqOf(options: ReadOptions | undefined): number {
    const core = this.#core;
    return options?.snapshot === undefined ? core.readSeq : core.snapshots.check(options.snapshot);
  }

  #makeLookup(): Lookup {
    return new Lookup(this.#core.tables, this.#keyspace.priorityOf);
  }

  #begin(key: unknown, options: ReadOptions | undefined, encoding: KeyEncoding): Lookup {
    this.check();
    if (options !== undefined) checkNames(options, readOptionNames, 'a read');
    return this.#beginAt(key, this.seqOf(options), encoding);
  }

  #beginAt(key: unknown, seq: number, encoding: KeyEncoding): Lookup {
    const keyspace = this.#keyspace;
    this.#key.setKey(key, encoding);
    keyspace.reads.gets++;
    this.#lookup.begin(keyspace.tree.view, this.#key.view(), seq);
    return this.#lookup;
  }

  #result(lookup: Lookup): CursorEntry | undefined {
    this.#keyspace.reads.asked(lookup.takeProbes());
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
    const { view } = this.#keyspace.tree;
    lookup.ownKey();
    view.pin();
    this.#lookup = this.#makeLookup();
    const end = core.pendingReads.begin();
    try {
      do {
        await lookup.wait();
        core.checkReadable(this.#keyspace);
      } while (!lookup.run());
      return use(this.#result(lookup));
    } catch (error) {
      lookup.abandon();
      throw error;
    } finally {
      view.unpin();
      end();
    }
  }
}
