import { assert } from '../base/assert.js';
import type { Emitter } from '../base/events.js';
import { LsmError } from '../base/errors.js';
import { joinPath, manifestName } from '../base/file-names.js';
import { TaskQueue, runQueued } from '../base/task-queue.js';
import type { Steps } from '../base/task.js';
import type { VersionEdit, KeyspaceCounters } from '../manifest/version-edit.js';
import type { VersionSet } from '../manifest/version-set.js';
import type { Version } from '../manifest/version.js';
import type { ArenaPool } from '../memtable/arena-pool.js';
import type { Memtable } from '../memtable/memtable.js';
import type { TableCache } from '../sstable/table-cache.js';
import type { Tree } from '../tree/tree.js';
import type { BatchReader } from '../wal/batch-reader.js';
import type { BackgroundErrorEvent, DatabaseEvents } from './api-types.js';
import type { FileRemover } from './file-remover.js';
import type { LogSet } from './log-set.js';
import type { DatabaseComponents, DatabaseSettings } from './options.js';
import type { SnapshotList } from './snapshot.js';

/** Mutable counters of the default keyspace, since it was created; kept in the manifest. */
export interface Counters {
  userBytes: number;
  flushBytes: number;
  readonly read: number[];
  readonly written: number[];
}

/** The default keyspace: what `db.put` writes to. */
export const defaultKeyspaceId = 0;

export interface CoreParts {
  readonly path: string;
  readonly settings: DatabaseSettings;
  readonly components: DatabaseComponents;
  readonly versions: VersionSet;
  readonly tables: TableCache;
  readonly pool: ArenaPool;
  readonly snapshots: SnapshotList;
  readonly remover: FileRemover;
  readonly events: Emitter<DatabaseEvents>;
}

/**
 * What the parts of an open database share: its state, where its data is, and
 * the two things that everyone must do in the same way — apply an edit, and fail.
 */
export class Core {
  readonly path: string;
  readonly settings: DatabaseSettings;
  readonly components: DatabaseComponents;
  readonly versions: VersionSet;
  readonly tables: TableCache;
  readonly pool: ArenaPool;
  readonly snapshots: SnapshotList;
  readonly remover: FileRemover;
  readonly events: Emitter<DatabaseEvents>;
  readonly counters: Counters;
  /** Bytes of log records before this session. */
  readonly #earlierWalBytes: number;
  readonly #edits: TaskQueue;
  #failure: LsmError | undefined;
  #onFailure: (error: LsmError) => void = () => undefined;
  #state: 'open' | 'closing' | 'closed' = 'open';
  #logs: LogSet | undefined;
  #frozenSeq = 0;
  tree!: Tree;
  /** Called when a log switch has become possible. */
  onSpareReady: () => void = () => undefined;
  onSpareFailed: (error: unknown) => void = () => undefined;

  constructor(parts: CoreParts) {
    this.path = parts.path;
    this.settings = parts.settings;
    this.components = parts.components;
    this.versions = parts.versions;
    this.tables = parts.tables;
    this.pool = parts.pool;
    this.snapshots = parts.snapshots;
    this.remover = parts.remover;
    this.events = parts.events;
    const { counters } = parts.versions.keyspaces.get(defaultKeyspaceId)!;
    this.counters = {
      userBytes: counters.userBytes,
      flushBytes: counters.flushBytes,
      read: [...counters.read],
      written: [...counters.written],
    };
    this.#earlierWalBytes = counters.walBytes;
    this.#edits = new TaskQueue((error) => this.fail('manifest', this.versions.fail(error)));
  }

  get state(): 'open' | 'closing' | 'closed' {
    return this.#state;
  }

  set state(state: 'closing' | 'closed') {
    this.#state = state;
  }

  /** Why no more writes are taken; the first cause. */
  get failure(): LsmError | undefined {
    return this.#failure;
  }

  set onFailure(listener: (error: LsmError) => void) {
    this.#onFailure = listener;
  }

  get isWritable(): boolean {
    return this.#failure === undefined && this.#state !== 'closed' && !this.settings.readOnly;
  }

  /** The logs of a writable database, once recovery has made them. */
  get logs(): LogSet {
    assert(this.#logs !== undefined, 'a read-only database has no logs');
    return this.#logs;
  }

  set logs(logs: LogSet) {
    this.#logs = logs;
  }

  get hasLogs(): boolean {
    return this.#logs !== undefined;
  }

  /** Read-only: everything up to `seq` is seen, for good. */
  freezeAt(seq: number): void {
    this.#frozenSeq = seq;
  }

  /** The newest sequence number that reads see: all writes, or after a failure those that were logged. */
  get readSeq(): number {
    const logs = this.#logs;
    if (logs === undefined) return this.#frozenSeq;
    return this.#failure === undefined ? logs.appendedSeq : logs.writtenSeq;
  }

  get walBytes(): number {
    return this.#earlierWalBytes + (this.#logs?.recordBytes ?? 0);
  }

  /** @throws LsmError `LSM_CLOSED` */
  checkOpen(): void {
    if (this.#state !== 'open') {
      throw closedError(this.path);
    }
  }

  /** @throws LsmError `LSM_CLOSED`, `LSM_READ_ONLY`, `LSM_FAILED` */
  checkWritable(): void {
    this.checkOpen();
    if (this.settings.readOnly) {
      throw new LsmError('LSM_READ_ONLY', `the database ${this.path} is open read-only`);
    }
    if (this.#failure !== undefined) throw this.#failure;
  }

  /**
   * The handle takes no more writes: a write or sync of the log or the manifest
   * failed, so memory and disk may disagree. Reads go on. Returns the error that
   * writers get, which names the first cause.
   */
  fail(during: 'log' | 'manifest', error: unknown): LsmError {
    if (this.#failure === undefined) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#failure = new LsmError(
        'LSM_FAILED',
        `the database takes no more writes after a failure of its ${during} (${reason}); close it, mend the cause and open it again`,
        { cause: error },
      );
      this.#onFailure(this.#failure);
      this.report({ during, error: toError(error), fatal: true });
    }
    return this.#failure;
  }

  report(event: BackgroundErrorEvent): void {
    this.events.emit('backgroundError', () => event);
  }

  /**
   * Makes an edit durable, then visible: one manifest record, then the new
   * version is published. `makeEdit` is called when it is this edit's turn.
   * A failure is fatal.
   */
  *applyEdit(makeEdit: () => VersionEdit, flushed?: Memtable): Steps<void> {
    try {
      yield* runQueued(this.#edits, () => this.#applySteps(makeEdit, flushed));
    } catch (error) {
      throw this.fail('manifest', error);
    }
  }

  /** Makes sure that so many file numbers can be taken. */
  *ensureFileNumbers(count: number): Steps<void> {
    if (this.versions.freeFileNumbers >= count) return;
    yield* runQueued(this.#edits, () => this.versions.ensureFileNumbers(count));
  }

  /** Waits for edits that are under way. */
  drainEdits(): Promise<void> {
    return this.#edits.drain();
  }

  get editCounters(): readonly { keyspaceId: number; counters: KeyspaceCounters }[] {
    const { userBytes, flushBytes, read, written } = this.counters;
    const counters = {
      userBytes,
      walBytes: this.walBytes,
      flushBytes,
      read: [...read],
      written: [...written],
    };
    return [{ keyspaceId: defaultKeyspaceId, counters }];
  }

  get version(): Version {
    return this.versions.keyspaces.get(defaultKeyspaceId)!.version;
  }

  #removeObsoleteManifests(): void {
    const numbers = this.versions.obsoleteManifests();
    if (numbers.length === 0) return;
    this.versions.forgetManifests(numbers);
    for (const number of numbers) this.remover.remove(joinPath(this.path, manifestName(number)));
  }

  /** Removes table files that no version needs any more. */
  removeObsoleteTables(): void {
    if (this.#failure !== undefined || this.settings.readOnly) return;
    const numbers = this.versions.obsoleteTables();
    if (numbers.length === 0) return;
    this.versions.forget(numbers);
    for (const number of numbers) this.remover.removeTable(number);
  }

  *#applySteps(makeEdit: () => VersionEdit, flushed: Memtable | undefined): Steps<void> {
    yield* this.versions.apply(makeEdit());
    if (flushed !== undefined || this.tree.view.version !== this.version) {
      this.tree.install(this.version, flushed);
    }
    this.removeObsoleteTables();
    this.#removeObsoleteManifests();
  }
}

/** Puts the operation that `reader` stands on into a memtable. */
export function addOperation(memtable: Memtable, reader: BatchReader, seq: number): void {
  memtable.add(
    reader.keyBytes,
    reader.keyStart,
    reader.keyEnd,
    seq,
    reader.kind,
    reader.valueBytes,
    reader.valueStart,
    reader.valueEnd,
  );
}

/** The error of every call on a closed database, and of what is awaited when it closes. */
export function closedError(path: string): LsmError {
  return new LsmError('LSM_CLOSED', `the database ${path} is closed`);
}

/** What synchronous methods answer on a file system that has only asynchronous calls. */
export function noSyncCalls(fileSystem: string): LsmError {
  return new LsmError(
    'LSM_UNSUPPORTED',
    `the file system '${fileSystem}' has no synchronous calls: use the asynchronous methods`,
  );
}

export function toError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
