import { assert } from '../base/assert.js';
import { invalidArgument } from '../base/errors.js';
import type { CursorEntry } from '../iterator/cursor.js';
import { CachedTableOpener, openScan } from '../tree/scan.js';
import { verifyDatabase, type VerifyReport } from '../verify/verify-database.js';
import { WriteBatch } from '../wal/write-batch.js';
import { approximateSize } from './approximate-size.js';
import type {
  BatchOperation,
  DatabaseEvents,
  DatabaseStats,
  IteratorOptions,
  KeyInput,
  RangeOptions,
  ReadOptions,
  RecoveryEvent,
  WriteOptions,
} from './api-types.js';
import { ChainedBatch, encodeDelete, encodeOperations, encodePut } from './batch.js';
import { closeDatabase } from './close.js';
import { decodeText } from './encoding.js';
import type { Scan } from './iterator.js';
import { AsyncEntryIterator, SyncEntryIterator } from './iterator.js';
import type { Durability } from './options.js';
import { ByteSlab } from '../base/byte-slab.js';
import type { DatabaseParts, WriterParts } from './database-parts.js';
import { resolveLimit, resolveRange } from './range.js';
import type { Snapshot } from './snapshot.js';
import { collectStats } from './stats.js';

type Decode<T> = (bytes: Uint8Array, start: number, end: number) => T;

/**
 * An open database. `Key` and `Value` are what comes out, by the encodings it
 * was opened with; keys always go in as string (UTF-8) or `Uint8Array`.
 *
 * Calls take effect in the order they are made: a write is visible to reads as
 * soon as its call has returned, and its promise settles when it is as durable
 * as asked. Bytes that go in are copied before the call returns. Bytes that come
 * out belong to the caller; those below 4 KiB are views into a shared slab, as
 * with Node's `Buffer`, so copy before transferring one to another thread.
 *
 * Every method throws (or rejects with) an `LsmError` whose `code` says what is
 * wrong; methods named `…Sync` do their work before they return.
 */
export class Database<Key = Uint8Array, Value = Uint8Array> {
  readonly #parts: DatabaseParts;
  readonly #slab = new ByteSlab();
  readonly #decodeKey: Decode<Key>;
  readonly #decodeValue: Decode<Value>;
  readonly #opener: CachedTableOpener;
  #batch = new WriteBatch();
  #closing: Promise<void> | undefined;

  /** @internal Made by `open`. */
  constructor(parts: DatabaseParts) {
    this.#parts = parts;
    const { settings, tables } = parts.core;
    const view: Decode<Uint8Array> = (bytes, start, end) => this.#slab.copy(bytes, start, end);
    const json: Decode<unknown> = (bytes, start, end) => JSON.parse(decodeText(bytes, start, end));
    const decoders = { view, utf8: decodeText, json };
    this.#decodeKey = decoders[settings.keyEncoding] as Decode<Key>;
    this.#decodeValue = decoders[settings.valueEncoding] as Decode<Value>;
    this.#opener = new CachedTableOpener(tables);
  }

  /** The directory as given to `open`. */
  get path(): string {
    return this.#parts.core.path;
  }

  get isOpen(): boolean {
    return this.#parts.core.state === 'open';
  }

  /** What opening had to do to bring the last session's writes back. */
  get recovery(): RecoveryEvent {
    return this.#parts.recovery;
  }

  /** Stores `value` under `key`, replacing what is there. */
  put(key: KeyInput, value: Value | EncodableAs<Value>, options?: WriteOptions): Promise<void> {
    try {
      this.#encodePut(key, value);
      return this.#write(options);
    } catch (error) {
      return rejected(error);
    }
  }

  putSync(key: KeyInput, value: Value | EncodableAs<Value>, options?: WriteOptions): void {
    this.#encodePut(key, value);
    this.#writeSync(options);
  }

  /** Removes `key`; fine when it is absent. */
  delete(key: KeyInput, options?: WriteOptions): Promise<void> {
    try {
      this.#encodeDelete(key);
      return this.#write(options);
    } catch (error) {
      return rejected(error);
    }
  }

  deleteSync(key: KeyInput, options?: WriteOptions): void {
    this.#encodeDelete(key);
    this.#writeSync(options);
  }

  /** All operations or none, in their order; without an array, a batch to chain. */
  batch(): ChainedBatch<Value | EncodableAs<Value>>;
  batch(
    operations: readonly BatchOperation<Value | EncodableAs<Value>>[],
    options?: WriteOptions,
  ): Promise<void>;
  batch(
    operations?: readonly BatchOperation<Value | EncodableAs<Value>>[],
    options?: WriteOptions,
  ): ChainedBatch<Value | EncodableAs<Value>> | Promise<void> {
    if (operations === undefined) return this.#chainedBatch();
    try {
      this.#encodeOperations(operations);
      return this.#write(options);
    } catch (error) {
      return rejected(error);
    }
  }

  batchSync(
    operations: readonly BatchOperation<Value | EncodableAs<Value>>[],
    options?: WriteOptions,
  ): void {
    this.#encodeOperations(operations);
    this.#writeSync(options);
  }

  /** The value, or undefined when the key is absent. */
  get(key: KeyInput, options?: ReadOptions): Promise<Value | undefined> {
    return this.#find(key, options, this.#valueOf);
  }

  getSync(key: KeyInput, options?: ReadOptions): Value | undefined {
    return this.#valueOf(this.#parts.reader.findSync(key, options));
  }

  /** The value and the sequence number of the write that stored it. */
  getEntry(
    key: KeyInput,
    options?: ReadOptions,
  ): Promise<{ value: Value; seq: number } | undefined> {
    return this.#find(key, options, this.#entryOf);
  }

  getEntrySync(key: KeyInput, options?: ReadOptions): { value: Value; seq: number } | undefined {
    return this.#entryOf(this.#parts.reader.findSync(key, options));
  }

  has(key: KeyInput, options?: ReadOptions): Promise<boolean> {
    return this.#find(key, options, isFound);
  }

  hasSync(key: KeyInput, options?: ReadOptions): boolean {
    return this.#parts.reader.findSync(key, options) !== undefined;
  }

  /** The values in the order of the keys, undefined where one is absent; all of one moment. */
  async getMany(keys: readonly KeyInput[], options?: ReadOptions): Promise<(Value | undefined)[]> {
    if (!Array.isArray(keys)) throw invalidArgument('getMany takes an array of keys');
    // A snapshot of our own, so that a wait halfway cannot mix two states.
    const own = options?.snapshot === undefined ? this.snapshot() : undefined;
    const readOptions = own === undefined ? options : { snapshot: own };
    try {
      const values: (Value | undefined)[] = new Array<Value | undefined>(keys.length);
      for (let i = 0; i < keys.length; i++) {
        const value = this.#parts.reader.find(keys[i] as KeyInput, readOptions, this.#valueOf);
        values[i] = value instanceof Promise ? await value : value;
      }
      return values;
    } finally {
      own?.close();
    }
  }

  getManySync(keys: readonly KeyInput[], options?: ReadOptions): (Value | undefined)[] {
    if (!Array.isArray(keys)) throw invalidArgument('getManySync takes an array of keys');
    return keys.map((key: KeyInput) => this.getSync(key, options));
  }

  /** Entries of a range in key order, as they are at this moment. */
  entries(options?: IteratorOptions): AsyncEntryIterator<[Key, Value]> {
    return new AsyncEntryIterator(this.#scan(options, this.#pairOf));
  }

  entriesSync(options?: IteratorOptions): SyncEntryIterator<[Key, Value]> {
    return new SyncEntryIterator(this.#scan(options, this.#pairOf));
  }

  keys(options?: IteratorOptions): AsyncEntryIterator<Key> {
    return new AsyncEntryIterator(this.#scan(options, this.#keyOf));
  }

  keysSync(options?: IteratorOptions): SyncEntryIterator<Key> {
    return new SyncEntryIterator(this.#scan(options, this.#keyOf));
  }

  values(options?: IteratorOptions): AsyncEntryIterator<Value> {
    return new AsyncEntryIterator(this.#scan(options, this.#presentValueOf));
  }

  valuesSync(options?: IteratorOptions): SyncEntryIterator<Value> {
    return new SyncEntryIterator(this.#scan(options, this.#presentValueOf));
  }

  /** A frozen view for reads; close it when done. */
  snapshot(): Snapshot {
    const { core } = this.#parts;
    core.checkOpen();
    return core.snapshots.add(core.readSeq);
  }

  /** Settles when everything written so far survives power loss. */
  async sync(): Promise<void> {
    this.#parts.core.checkWritable();
    await this.#writer.writes.sync();
  }

  /** Settles when everything written so far is in tables. */
  async flush(): Promise<void> {
    this.#parts.core.checkWritable();
    const { writes, background } = this.#writer;
    await writes.waitForAdmission();
    await background.flush();
  }

  /**
   * Flushes, then rewrites everything in the range into the deepest level, which
   * drops all deleted and superseded entries that no snapshot needs.
   */
  async compactRange(range: RangeOptions = {}): Promise<void> {
    this.#parts.core.checkWritable();
    const bounds = resolveRange(range);
    const { writes, background } = this.#writer;
    await writes.waitForAdmission();
    await background.compactRange(bounds);
  }

  /** About how many bytes of table files hold the keys of a range; memtables are not counted. */
  approximateSize(range: RangeOptions = {}): Promise<number> {
    const { core } = this.#parts;
    try {
      core.checkOpen();
      return approximateSize(core, resolveRange(range));
    } catch (error) {
      return rejected(error);
    }
  }

  /** Figures of the database as it is now; see `DatabaseStats`. */
  stats(): DatabaseStats {
    this.#parts.core.checkOpen();
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

  off<Name extends keyof DatabaseEvents>(
    name: Name,
    listener: (event: DatabaseEvents[Name]) => void,
  ): void {
    this.#parts.core.events.off(name, listener);
  }

  /**
   * Syncs and closes. Writes already made settle as usual; pending reads and
   * writes that wait for room reject with `LSM_CLOSED`. Closing twice is fine.
   */
  close(): Promise<void> {
    return (this.#closing ??= closeDatabase(this.#parts));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Only after `checkWritable`. */
  get #writer(): WriterParts {
    const { writer } = this.#parts;
    assert(writer !== undefined, 'a read-only database refuses writes');
    return writer;
  }

  #encodePut(key: KeyInput, value: unknown): void {
    const { core } = this.#parts;
    core.checkWritable();
    this.#batch.clear();
    encodePut(this.#batch, key, value, core.settings.valueEncoding);
  }

  #encodeDelete(key: KeyInput): void {
    this.#parts.core.checkWritable();
    this.#batch.clear();
    encodeDelete(this.#batch, key);
  }

  #encodeOperations(operations: readonly unknown[]): void {
    const { core } = this.#parts;
    core.checkWritable();
    this.#batch.clear();
    encodeOperations(this.#batch, operations, core.settings.valueEncoding);
  }

  /** Writes the collected batch. */
  #write(options: WriteOptions | undefined): Promise<void> {
    const { writes } = this.#writer;
    const durability = this.#durability(options);
    if (this.#batch.count === 0) return Promise.resolve();
    const done = writes.write(this.#batch, durability);
    if (writes.tookBatch) this.#batch = new WriteBatch();
    return done;
  }

  #writeSync(options: WriteOptions | undefined): void {
    const durability = this.#durability(options);
    if (this.#batch.count > 0) this.#writer.writes.writeSync(this.#batch, durability);
  }

  #durability(options: WriteOptions | undefined): Durability {
    const asked = options?.durability;
    if (asked === undefined) return this.#parts.core.settings.durability;
    if (asked !== 'none' && asked !== 'os' && asked !== 'disk') {
      throw invalidArgument(`durability must be 'none', 'os' or 'disk', not ${String(asked)}`);
    }
    return asked;
  }

  #chainedBatch(): ChainedBatch<Value | EncodableAs<Value>> {
    const { core } = this.#parts;
    core.checkWritable();
    const { writes } = this.#writer;
    return new ChainedBatch({
      valueEncoding: core.settings.valueEncoding,
      checkWritable: () => core.checkWritable(),
      commit: (batch, options) => {
        const durability = this.#durability(options);
        return batch.count === 0 ? Promise.resolve() : writes.write(batch, durability);
      },
      commitSync: (batch, options) => {
        const durability = this.#durability(options);
        if (batch.count > 0) writes.writeSync(batch, durability);
      },
    });
  }

  #find<T>(
    key: KeyInput,
    options: ReadOptions | undefined,
    use: (entry: CursorEntry | undefined) => T,
  ): Promise<T> {
    try {
      const found = this.#parts.reader.find(key, options, use);
      return found instanceof Promise ? found : Promise.resolve(found);
    } catch (error) {
      return rejected(error);
    }
  }

  readonly #valueOf = (entry: CursorEntry | undefined): Value | undefined =>
    entry === undefined ? undefined : this.#presentValueOf(entry);

  readonly #presentValueOf = (entry: CursorEntry): Value =>
    this.#decodeValue(entry.valueBytes, entry.valueStart, entry.valueEnd);

  readonly #entryOf = (
    entry: CursorEntry | undefined,
  ): { value: Value; seq: number } | undefined =>
    entry === undefined ? undefined : { value: this.#presentValueOf(entry), seq: entry.seq };

  readonly #keyOf = (entry: CursorEntry): Key =>
    this.#decodeKey(entry.keyBytes, entry.keyStart, entry.keyEnd);

  readonly #pairOf = (entry: CursorEntry): [Key, Value] => [
    this.#keyOf(entry),
    this.#presentValueOf(entry),
  ];

  #scan<T>(options: IteratorOptions = {}, decode: (entry: CursorEntry) => T): Scan<T> {
    const { core, scans } = this.#parts;
    core.checkOpen();
    const { lower, upper } = resolveRange(options);
    const limit = resolveLimit(options.limit);
    const seq =
      options.snapshot === undefined ? core.readSeq : core.snapshots.check(options.snapshot);
    const { view } = core.tree;
    view.pin();
    return scans.add({
      cursor: openScan(view, this.#opener, seq, lower, upper),
      view,
      reverse: options.reverse ?? false,
      limit,
      decode,
      signal: options.signal,
      clock: core.components.clock,
    });
  }
}

/** What may go in where `Value` comes out: strings and bytes are exchangeable. */
export type EncodableAs<Value> = Value extends string | Uint8Array ? string | Uint8Array : Value;

function isFound(entry: CursorEntry | undefined): boolean {
  return entry !== undefined;
}

function rejected(error: unknown): Promise<never> {
  return Promise.reject(error);
}
