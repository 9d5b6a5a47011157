import { assert } from '../base/assert.js';
import { LsmError } from '../base/errors.js';
import { joinPath, manifestName } from '../base/file-names.js';
import { TaskQueue, runQueued } from '../base/task-queue.js';
import type { Steps, Task } from '../base/task.js';
import type { VersionEdit, KeyspaceCounters } from '../manifest/version-edit.js';
import type { KeyspaceState } from '../manifest/manifest-state.js';
import type { Version } from '../manifest/version.js';
import type { VersionSet } from '../manifest/version-set.js';
import type { Memtable } from '../memtable/memtable.js';
import type { TableCache } from '../sstable/table-cache.js';
import type { Tree } from '../tree/tree.js';
import type { BatchReader } from '../wal/batch-reader.js';
import type { BackgroundErrorEvent } from './event-types.js';
import type { EventHub } from './event-hub.js';
import type { FileRemover } from './file-remover.js';
import { defaultKeyspaceId, type KeyspaceCore } from './keyspace-core.js';
import type { LogSet } from './log-set.js';
import type { MemtablePools } from './memtable-pools.js';
import type { DatabaseComponents, DatabaseSettings } from './settings.js';
import { PendingReads } from './pending-reads.js';
import type { SnapshotList } from './snapshot-list.js';

export interface CoreParts {
  readonly path: string;
  readonly settings: DatabaseSettings;
  readonly components: DatabaseComponents;
  readonly versions: VersionSet;
  readonly tables: TableCache;
  readonly pools: MemtablePools;
  readonly snapshots: SnapshotList;
  readonly remover: FileRemover;
  readonly events: EventHub;
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
  readonly pools: MemtablePools;
  readonly snapshots: SnapshotList;
  readonly remover: FileRemover;
  readonly events: EventHub;
  /** Bytes of log records before this session. */
  readonly #earlierWalBytes: number;
  readonly #edits: TaskQueue;
  #failure: LsmError | undefined;
  #onFailure: (error: LsmError) => void = () => undefined;
  #state: 'open' | 'closing' | 'closed' = 'open';
  #logs: LogSet | undefined;
  #frozenSeq = 0;
  /** By id; those that are not dropped. */
  readonly #keyspaces = new Map<number, KeyspaceCore>();
  /** Gives a keyspace of the manifest its tree. */
  #makeKeyspace: (state: KeyspaceState) => KeyspaceCore = noKeyspaceMaker;
  #lastChange: Promise<unknown> = Promise.resolve();
  readonly pendingReads = new PendingReads();
  /** Called when a log switch has become possible. */
  onSpareReady: () => void = () => undefined;
  onSpareFailed: (error: unknown) => void = () => undefined;
  /** Called when reads of a keyspace have used their patience up. */
  onReadsWasted: (keyspace: KeyspaceCore) => void = ({ reads }) => (reads.patience = Infinity);

  constructor(parts: CoreParts) {
    this.path = parts.path;
    this.settings = parts.settings;
    this.components = parts.components;
    this.versions = parts.versions;
    this.tables = parts.tables;
    this.pools = parts.pools;
    this.snapshots = parts.snapshots;
    this.remover = parts.remover;
    this.events = parts.events;
    this.#earlierWalBytes = parts.versions.keyspaces.get(defaultKeyspaceId)!.counters.walBytes;
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

  /** @throws LsmError `LSM_CLOSED` when the database is, or the keyspace was dropped */
  checkReadable(keyspace: KeyspaceCore): void {
    if (this.#state !== 'open') throw closedError(this.path);
    if (keyspace.isDropped) throw this.droppedError(keyspace);
  }

  /** @throws LsmError `LSM_CLOSED` */
  checkOpen(): void {
    if (this.#state !== 'open') {
      throw closedError(this.path);
    }
  }

  droppedError(keyspace: KeyspaceCore | undefined): LsmError {
    const which = keyspace === undefined ? 'a keyspace' : `the keyspace '${keyspace.name}'`;
    return new LsmError('LSM_CLOSED', `${which} was dropped from ${this.path}`);
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

  keyspaces(): IterableIterator<KeyspaceCore> {
    return this.#keyspaces.values();
  }

  get keyspaceCount(): number {
    return this.#keyspaces.size;
  }

  /** Memtables that wait for their flush; those of a dropped keyspace never get one. */
  get immutableCount(): number {
    let count = 0;
    for (const { tree, isDropped } of this.#keyspaces.values()) {
      if (!isDropped) count += tree.immutables.length;
    }
    return count;
  }

  /** Undefined when there is none of this id, or none any more. */
  keyspaceAt(id: number): KeyspaceCore | undefined {
    return this.#keyspaces.get(id);
  }

  findKeyspace(name: string): KeyspaceCore | undefined {
    for (const keyspace of this.keyspaces()) {
      if (keyspace.name === name && !keyspace.isDropped) return keyspace;
    }
    return undefined;
  }

  /** A keyspace of this name that is dropped, but not yet from the manifest. */
  findLeaving(name: string): KeyspaceCore | undefined {
    for (const keyspace of this.keyspaces()) {
      if (keyspace.name === name && keyspace.isDropped) return keyspace;
    }
    return undefined;
  }

  /** Runs changes of keyspaces one after the other: each begins with what the one before has made. */
  inTurn<T>(change: () => Promise<T>): Promise<T> {
    const changed = this.#lastChange.then(change);
    this.#lastChange = changed.catch(() => undefined);
    return changed;
  }

  get defaultKeyspace(): KeyspaceCore {
    return this.#keyspaces.get(defaultKeyspaceId)!;
  }

  /** Drops of keyspaces that are under way. */
  readonly drops = new Set<Task<void>>();

  /** Whether a batch that was made earlier may name a keyspace that is gone. */
  hasDropped = false;

  /** Takes in the keyspaces of the manifest; `make` is also called for those that are added later. */
  openKeyspaces(make: (state: KeyspaceState) => KeyspaceCore): void {
    this.#makeKeyspace = make;
    for (const state of this.versions.keyspaces.values()) this.#addKeyspace(make(state));
  }

  #addKeyspace(keyspace: KeyspaceCore): void {
    this.#keyspaces.set(keyspace.id, keyspace);
    keyspace.reads.onSpent = () => this.onReadsWasted(keyspace);
  }

  /** Its tables go with the last reader that has them pinned. */
  #removeKeyspace(keyspace: KeyspaceCore): void {
    this.#keyspaces.delete(keyspace.id);
    keyspace.tree.close();
  }

  /**
   * The smallest sequence number that is in no table, Infinity when there is none,
   * once an edit is durable that brings `flushed` into a table, or drops `dropped`.
   * Until then a crash brings a keyspace back that is being dropped, and it is whole.
   */
  oldestUnflushedSeq(flushed?: Memtable, dropped?: KeyspaceCore): number {
    let oldest = Infinity;
    for (const keyspace of this.keyspaces()) {
      if (keyspace === dropped) continue;
      for (const memtable of keyspace.tree.view.memtables) {
        if (memtable === flushed || memtable.entries === 0) continue;
        oldest = Math.min(oldest, memtable.smallestSeq);
      }
    }
    return oldest;
  }

  /**
   * Makes an edit durable, then visible: one manifest record, then the new
   * versions are published. `makeEdit` is called when it is this edit's turn; it
   * gives none when there is nothing to be done any more, and the result is false then.
   * A failure is fatal.
   */
  *applyEdit(makeEdit: () => VersionEdit | undefined, flushed?: Memtable): Steps<boolean> {
    try {
      return yield* runQueued(this.#edits, () => this.#applySteps(makeEdit, flushed));
    } catch (error) {
      throw this.fail('manifest', error);
    }
  }

  /** Makes sure that so many file numbers can be taken. A failure is fatal. */
  *ensureFileNumbers(count: number): Steps<void> {
    if (this.versions.freeFileNumbers >= count) return;
    try {
      yield* runQueued(this.#edits, () => this.versions.ensureFileNumbers(count));
    } catch (error) {
      throw this.fail('manifest', error);
    }
  }

  /** The next file number, once it is durable that it is not given again. */
  *takeFileNumber(): Steps<number> {
    yield* this.ensureFileNumbers(1);
    return this.versions.takeFileNumbers();
  }

  /** Waits for edits that are under way. */
  drainEdits(): Promise<void> {
    return this.#edits.drain();
  }

  /** What edits say of a keyspace's counters; bytes of the log are counted with the default one. */
  countersOf(
    keyspace: KeyspaceCore,
    flushed?: Memtable,
  ): { keyspaceId: number; counters: KeyspaceCounters } {
    const walBytes = keyspace.id === defaultKeyspaceId ? this.walBytes : 0;
    return { keyspaceId: keyspace.id, counters: keyspace.storedCounters(walBytes, flushed) };
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

  *#applySteps(
    makeEdit: () => VersionEdit | undefined,
    flushed: Memtable | undefined,
  ): Steps<boolean> {
    // After a failed sync of the directory a later one says nothing: no edit may count on it.
    if (this.#failure !== undefined) throw this.#failure;
    const edit = makeEdit();
    if (edit === undefined) return false;
    yield* this.versions.apply(edit);
    for (const keyspace of this.keyspaces()) {
      const version = this.versions.keyspaces.get(keyspace.id)?.version;
      if (version === undefined) this.#removeKeyspace(keyspace);
      else install(keyspace.tree, version, flushed);
    }
    for (const state of edit.addedKeyspaces ?? []) {
      this.#addKeyspace(this.#makeKeyspace(this.versions.keyspaces.get(state.id)!));
    }
    this.removeObsoleteTables();
    this.#removeObsoleteManifests();
    return true;
  }
}

function noKeyspaceMaker(): never {
  assert(false, 'keyspaces are opened before one is added');
}

function install(tree: Tree, version: Version, flushed: Memtable | undefined): void {
  const isFlushed = flushed !== undefined && tree.immutables[0] === flushed;
  if (isFlushed || tree.view.version !== version) {
    tree.install(version, isFlushed ? flushed : undefined);
  }
}

/** Puts the operation that `reader` stands on into its keyspace's memtable, and counts its bytes. */
export function addOperation(keyspace: KeyspaceCore, reader: BatchReader, seq: number): void {
  keyspace.counters.userBytes +=
    reader.keyEnd - reader.keyStart + reader.valueEnd - reader.valueStart;
  keyspace.tree.add(
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
