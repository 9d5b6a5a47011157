import { assert } from '../base/assert.js';
import { verifyDatabase, type VerifyReport } from '../verify/verify-database.js';
import type { DatabaseEvents, RecoveryEvent } from './event-types.js';
import type { DatabaseStats } from './stats-types.js';
import { makeCheckpoint, type CheckpointReport } from './checkpoint.js';
import { closeDatabase } from './close.js';
import type { DatabaseParts, WriterParts } from './database-parts.js';
import type { Decoded, KeyEncoding, ValueEncoding } from './encoding.js';
import { Keyspace } from './keyspace.js';
import { dropKeyspace, openKeyspace } from './keyspaces.js';
import type { KeyspaceSettings } from './settings.js';
import { collectStats } from './stats.js';

/** What `Database.keyspace` takes: settings of the keyspace, and what its keys and values are on the outside. */
export type TypedKeyspaceOptions<
  KeyE extends KeyEncoding | undefined,
  ValueE extends ValueEncoding | undefined,
> = { readonly [Name in keyof KeyspaceSettings]?: KeyspaceSettings[Name] | undefined } & {
  /** Default: the database's. */
  readonly keyEncoding?: KeyE;
  /** Default: the database's. */
  readonly valueEncoding?: ValueE;
};

/**
 * An open database. Reads and writes of its own go to its default keyspace; it
 * makes and finds the others, and looks after all of them together.
 */
export class Database<Key = Uint8Array, Value = Uint8Array> extends Keyspace<Key, Value> {
  readonly #parts: DatabaseParts;
  #closing: Promise<void> | undefined;

  /** @internal Made by `open`. */
  constructor(parts: DatabaseParts) {
    super(parts, parts.core.defaultKeyspace, parts.encodings);
    this.#parts = parts;
  }

  /** The directory given to `open`; on the local disk its absolute path. */
  get path(): string {
    return this.#parts.core.path;
  }

  /** False once `close` was called. */
  get isOpen(): boolean {
    return this.#parts.core.state === 'open';
  }

  /** What opening had to do to bring the last session's writes back. */
  get recovery(): RecoveryEvent {
    return this.#parts.recovery;
  }

  /**
   * The keyspace of this name, made when there is none. Its settings are kept in
   * the database: those not given stay as they are; a new keyspace begins with
   * those of the database. Encodings are not kept: those not given are the
   * database's.
   *
   * @param name - 1 to 255 bytes of UTF-8; `default` is the database's own keyspace
   * @throws LsmError `LSM_INVALID_ARGUMENT`; when it is not there, on a read-only database `LSM_NOT_FOUND`
   */
  async keyspace<
    const KeyE extends KeyEncoding | undefined = undefined,
    const ValueE extends ValueEncoding | undefined = undefined,
  >(
    name: string,
    options: TypedKeyspaceOptions<KeyE, ValueE> = {},
  ): Promise<
    Keyspace<
      KeyE extends KeyEncoding ? Decoded<KeyE> : Key,
      ValueE extends ValueEncoding ? Decoded<ValueE> : Value
    >
  > {
    const { keyspace, encodings } = await openKeyspace(this.#parts, name, options);
    return new Keyspace(this.#parts, keyspace, encodings);
  }

  /** The names of all keyspaces, `default` first, then by age. */
  keyspaces(): string[] {
    const { core } = this.#parts;
    core.checkOpen();
    return [...core.keyspaces()].filter(({ isDropped }) => !isDropped).map(({ name }) => name);
  }

  /**
   * Removes a keyspace with everything in it; settles when that is on disk. Its
   * iterators end, its files go when nobody reads them any more. A snapshot does
   * not keep it.
   * @throws LsmError `LSM_NOT_FOUND`; `LSM_INVALID_ARGUMENT` for the default keyspace
   */
  async dropKeyspace(name: string): Promise<void> {
    await dropKeyspace(this.#parts, name);
  }

  /** Settles when everything written so far, in all keyspaces, survives power loss. */
  async sync(): Promise<void> {
    this.#parts.core.checkWritable();
    await this.#writer.writes.sync();
  }

  /** Settles when everything written so far, in all keyspaces, is in tables. */
  async flush(): Promise<void> {
    this.#parts.core.checkWritable();
    const { writes, background } = this.#writer;
    await writes.waitForAdmission();
    await background.flush();
  }

  /**
   * Makes a copy of the database, as it is now, in the directory `path`, which is
   * made, or empty: a database of its own, to be opened, moved or archived. Writes
   * go on meanwhile. Everything written before the call is in it, of all keyspaces.
   *
   * Tables never change, so the copy holds links to them where the file system
   * has links, and takes no room until the two part. It is complete, and on
   * disk, when the promise resolves. A crash leaves it whole, or as something that
   * no open takes for a database.
   * @throws LsmError `LSM_EXISTS` when there is something at `path` already,
   * `LSM_LOCKED` when another checkpoint is being made there, `LSM_NO_SPACE`,
   * `LSM_IO`, and as `flush`
   */
  async checkpoint(path: string): Promise<CheckpointReport> {
    const { core } = this.#parts;
    core.checkWritable();
    return makeCheckpoint(core, this.#writer, path);
  }

  /** Figures of the database as it is now; see `DatabaseStats`. */
  stats(): DatabaseStats {
    const { core } = this.#parts;
    // Listeners ask also about the last flush, which is part of closing.
    if (core.state === 'closed') core.checkOpen();
    return collectStats(this.#parts);
  }

  /** Flushes, then reads and checks every file of the database. Damage is in the report, not thrown. */
  async verify(): Promise<VerifyReport> {
    const { core } = this.#parts;
    core.checkOpen();
    if (core.isWritable) await this.flush();
    // The walk takes its list of files from disk: a compaction must not pull them from under it.
    return core.remover.whileHeld(() => verifyDatabase(core.path, { fs: core.components.fs }));
  }

  /** Calls `listener` at each event; returns the function that removes it. */
  on<Name extends keyof DatabaseEvents>(
    name: Name,
    listener: (event: DatabaseEvents[Name]) => void,
  ): () => void {
    return this.#parts.core.events.on(name, listener);
  }

  /** Takes a listener back. */
  off<Name extends keyof DatabaseEvents>(
    name: Name,
    listener: (event: DatabaseEvents[Name]) => void,
  ): void {
    this.#parts.core.events.off(name, listener);
  }

  /**
   * Settles when no read waits for the disk and no write for room, whatever became of
   * them: what `close` would reject. For a program that wants its last calls answered,
   * and makes no new ones.
   */
  async settled(): Promise<void> {
    const { core, writer } = this.#parts;
    core.checkOpen();
    // A write that fails has told its own caller.
    await writer?.writes.waitForAdmission().catch(() => undefined);
    await core.pendingReads.drain();
  }

  /**
   * Syncs and closes. Writes already made settle as usual; pending reads and
   * writes that wait for room reject with `LSM_CLOSED`. Closing twice is fine.
   */
  close(): Promise<void> {
    return (this.#closing ??= closeDatabase(this.#parts));
  }

  /** `close`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Only after `checkWritable`. */
  get #writer(): WriterParts {
    const { writer } = this.#parts;
    assert(writer !== undefined, 'a read-only database refuses writes');
    return writer;
  }
}
