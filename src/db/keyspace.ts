import { ByteSlab } from '../base/byte-slab.js';
import { invalidArgument } from '../base/errors.js';
import type { CursorEntry } from '../iterator/cursor.js';
import { CachedTableOpener, openScan } from '../tree/scan.js';
import { approximateSize } from './approximate-size.js';
import type {
  BatchOperation,
  IteratorOptions,
  RangeOptions,
  ReadOptions,
  WriteOptions,
} from './api-types.js';
import { registerTarget, type ChainedBatch } from './batch.js';
import type { DatabaseParts } from './database-parts.js';
import { decoderOf, type EncodableAs, type KeyEncoding } from './encoding.js';
import { AsyncEntryIterator, SyncEntryIterator } from './iterator.js';
import type { KeyspaceCore } from './keyspace-core.js';
import { KeyspaceWrites } from './keyspace-writes.js';
import type { Encodings } from './settings.js';
import { iteratorNames, resolveLimit, resolveRange } from './range.js';
import { getMany } from './read-many.js';
import { PointReader } from './reads.js';
import type { Scan } from './scan.js';
import { Snapshot } from './snapshot.js';

type Decode<T> = (bytes: Uint8Array, start: number, end: number) => T;

/** A value and the sequence number of the write that stored it. */
export interface ValueEntry<Value> {
  /** The value, decoded. */
  readonly value: Value;
  /** The sequence number of the write that stored it. */
  readonly seq: number;
}

/**
 * A named, ordered map inside a database, stored apart from the others. `Key` and
 * `Value` are what comes out, by its encodings; where that is strings or bytes,
 * either may go in.
 *
 * Calls take effect in the order they are made, across all keyspaces: a write is
 * visible to reads as soon as its call has returned, and its promise settles when
 * it is as durable as asked. Bytes that go in are copied before the call returns.
 * Bytes that come out belong to the caller; those below 4 KiB are views into a
 * shared slab, as with Node's `Buffer`, so copy before transferring one to another
 * thread.
 *
 * Every method throws (or rejects with) an `LsmError` whose `code` says what is
 * wrong; methods named `…Sync` do their work before they return.
 */
export class Keyspace<Key = Uint8Array, Value = Uint8Array> {
  readonly #parts: DatabaseParts;
  readonly #keyspace: KeyspaceCore;
  readonly #keyEncoding: KeyEncoding;
  readonly #writes: KeyspaceWrites;
  readonly #reader: PointReader;
  readonly #slab = new ByteSlab();
  readonly #decodeKey: Decode<Key>;
  readonly #decodeValue: Decode<Value>;

  /** @internal Made by `open` and `Database.keyspace`. */
  constructor(parts: DatabaseParts, keyspace: KeyspaceCore, encodings: Encodings) {
    const { core } = parts;
    this.#parts = parts;
    this.#keyspace = keyspace;
    this.#keyEncoding = encodings.keyEncoding;
    const target = { core, keyspace, ...encodings };
    registerTarget(this, target);
    this.#writes = new KeyspaceWrites(target, parts.writer);
    this.#reader = new PointReader(core, keyspace, encodings.keyEncoding);
    const view: Decode<Uint8Array> = (bytes, start, end) => this.#slab.copy(bytes, start, end);
    this.#decodeKey = decoderOf(encodings.keyEncoding, view) as Decode<Key>;
    this.#decodeValue = decoderOf(encodings.valueEncoding, view) as Decode<Value>;
  }

  /** As given to `Database.keyspace`; `default` for the database's own. */
  get name(): string {
    return this.#keyspace.name;
  }

  /** Stores `value` under `key`, replacing what is there. */
  put(key: EncodableAs<Key>, value: EncodableAs<Value>, options?: WriteOptions): Promise<void> {
    return this.#writes.put(key, value, options);
  }

  /** As `put`, before it returns. */
  putSync(key: EncodableAs<Key>, value: EncodableAs<Value>, options?: WriteOptions): void {
    this.#writes.putSync(key, value, options);
  }

  /** Removes `key`; fine when it is absent. */
  delete(key: EncodableAs<Key>, options?: WriteOptions): Promise<void> {
    return this.#writes.delete(key, options);
  }

  /** As `delete`, before it returns. */
  deleteSync(key: EncodableAs<Key>, options?: WriteOptions): void {
    this.#writes.deleteSync(key, options);
  }

  /** All operations or none, in their order; without an array, a batch to chain. */
  batch(): ChainedBatch<EncodableAs<Key>, EncodableAs<Value>>;
  batch(
    operations: readonly BatchOperation<EncodableAs<Key>, EncodableAs<Value>>[],
    options?: WriteOptions,
  ): Promise<void>;
  batch(
    operations?: readonly BatchOperation<EncodableAs<Key>, EncodableAs<Value>>[],
    options?: WriteOptions,
  ): ChainedBatch<EncodableAs<Key>, EncodableAs<Value>> | Promise<void> {
    return operations === undefined
      ? this.#writes.chain()
      : this.#writes.batch(operations, options);
  }

  /** As `batch` with an array, before it returns. */
  batchSync(
    operations: readonly BatchOperation<EncodableAs<Key>, EncodableAs<Value>>[],
    options?: WriteOptions,
  ): void {
    this.#writes.batchSync(operations, options);
  }

  /** The value, or undefined when the key is absent. */
  get(key: EncodableAs<Key>, options?: ReadOptions): Promise<Value | undefined> {
    return this.#find(key, options, this.#valueOf);
  }

  /** As `get`, before it returns. */
  getSync(key: EncodableAs<Key>, options?: ReadOptions): Value | undefined {
    return this.#valueOf(this.#reader.findSync(key, options));
  }

  /** The value and the sequence number of the write that stored it. */
  getEntry(key: EncodableAs<Key>, options?: ReadOptions): Promise<ValueEntry<Value> | undefined> {
    return this.#find(key, options, this.#entryOf);
  }

  /** As `getEntry`, before it returns. */
  getEntrySync(key: EncodableAs<Key>, options?: ReadOptions): ValueEntry<Value> | undefined {
    return this.#entryOf(this.#reader.findSync(key, options));
  }

  /** Whether the key is there. */
  has(key: EncodableAs<Key>, options?: ReadOptions): Promise<boolean> {
    return this.#find(key, options, isFound);
  }

  /** As `has`, before it returns. */
  hasSync(key: EncodableAs<Key>, options?: ReadOptions): boolean {
    return this.#reader.findSync(key, options) !== undefined;
  }

  /**
   * The values in the order of the keys, undefined where one is absent; all of one
   * moment. What is in memory is found at once, blocks that must come from disk
   * are read side by side.
   */
  async getMany(
    keys: readonly EncodableAs<Key>[],
    options?: ReadOptions,
  ): Promise<(Value | undefined)[]> {
    if (!Array.isArray(keys)) throw invalidArgument('getMany takes an array of keys');
    const { core } = this.#parts;
    return getMany(core, this.#reader, keys, options, this.#valueOf);
  }

  /** As `getMany`, before it returns. */
  getManySync(keys: readonly EncodableAs<Key>[], options?: ReadOptions): (Value | undefined)[] {
    if (!Array.isArray(keys)) throw invalidArgument('getManySync takes an array of keys');
    return keys.map((key: EncodableAs<Key>) => this.getSync(key, options));
  }

  /** Entries of a range in key order, as they are at this moment. */
  entries(
    options?: IteratorOptions<EncodableAs<Key>>,
  ): AsyncEntryIterator<[Key, Value], EncodableAs<Key>> {
    return this.#iterate(options, false, this.#pairOf);
  }

  /** As `entries`, for `for … of`. */
  entriesSync(
    options?: IteratorOptions<EncodableAs<Key>>,
  ): SyncEntryIterator<[Key, Value], EncodableAs<Key>> {
    return this.#iterateSync(options, false, this.#pairOf);
  }

  /** Keys of a range in order; values are neither copied nor decoded. */
  keys(options?: IteratorOptions<EncodableAs<Key>>): AsyncEntryIterator<Key, EncodableAs<Key>> {
    return this.#iterate(options, true, this.#keyOf);
  }

  /** As `keys`, for `for … of`. */
  keysSync(options?: IteratorOptions<EncodableAs<Key>>): SyncEntryIterator<Key, EncodableAs<Key>> {
    return this.#iterateSync(options, true, this.#keyOf);
  }

  /** Values of a range in the order of their keys; keys are neither copied nor decoded. */
  values(options?: IteratorOptions<EncodableAs<Key>>): AsyncEntryIterator<Value, EncodableAs<Key>> {
    return this.#iterate(options, false, this.#presentValueOf);
  }

  /** As `values`, for `for … of`. */
  valuesSync(
    options?: IteratorOptions<EncodableAs<Key>>,
  ): SyncEntryIterator<Value, EncodableAs<Key>> {
    return this.#iterateSync(options, false, this.#presentValueOf);
  }

  /** A frozen view of all keyspaces for reads; close it when done. */
  snapshot(): Snapshot<Key, Value> {
    const { core } = this.#parts;
    core.checkReadable(this.#keyspace);
    return new Snapshot(this, core.snapshots.add(core.readSeq));
  }

  /**
   * Flushes, then rewrites everything in the range into the deepest level, which
   * drops all deleted and superseded entries that no snapshot needs.
   */
  async compactRange(range: RangeOptions<EncodableAs<Key>> = {}): Promise<void> {
    const { writes, background } = this.#writes.writer();
    const bounds = resolveRange(range, this.#keyEncoding);
    await writes.waitForAdmission();
    await background.compactRange(this.#keyspace, bounds);
  }

  /** About how many bytes of table files hold the keys of a range; memtables are not counted. */
  async approximateSize(range: RangeOptions<EncodableAs<Key>> = {}): Promise<number> {
    const { core } = this.#parts;
    core.checkReadable(this.#keyspace);
    return approximateSize(core, this.#keyspace, resolveRange(range, this.#keyEncoding));
  }

  #find<T>(
    key: EncodableAs<Key>,
    options: ReadOptions | undefined,
    use: (entry: CursorEntry | undefined) => T,
  ): Promise<T> {
    try {
      const found = this.#reader.find(key, options, use);
      return found instanceof Promise ? found : Promise.resolve(found);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  readonly #valueOf = (entry: CursorEntry | undefined): Value | undefined =>
    entry === undefined ? undefined : this.#presentValueOf(entry);

  readonly #presentValueOf = (entry: CursorEntry): Value =>
    this.#decodeValue(entry.valueBytes, entry.valueStart, entry.valueEnd);

  readonly #entryOf = (entry: CursorEntry | undefined): ValueEntry<Value> | undefined => {
    if (entry === undefined) return undefined;
    // First, as decoding may read too, and the entry is the reader's.
    const { seq } = entry;
    return { value: this.#presentValueOf(entry), seq };
  };

  readonly #keyOf = (entry: CursorEntry): Key =>
    this.#decodeKey(entry.keyBytes, entry.keyStart, entry.keyEnd);

  readonly #pairOf = (entry: CursorEntry): [Key, Value] => [
    this.#keyOf(entry),
    this.#presentValueOf(entry),
  ];

  #iterate<T>(
    options: IteratorOptions<EncodableAs<Key>> | undefined,
    keysOnly: boolean,
    decode: (entry: CursorEntry) => T,
  ): AsyncEntryIterator<T, EncodableAs<Key>> {
    const scan = this.#scan(options, keysOnly, decode);
    return this.#parts.scans.watch(new AsyncEntryIterator(scan), scan);
  }

  #iterateSync<T>(
    options: IteratorOptions<EncodableAs<Key>> | undefined,
    keysOnly: boolean,
    decode: (entry: CursorEntry) => T,
  ): SyncEntryIterator<T, EncodableAs<Key>> {
    const scan = this.#scan(options, keysOnly, decode);
    return this.#parts.scans.watch(new SyncEntryIterator(scan), scan);
  }

  #scan<T>(
    options: IteratorOptions<EncodableAs<Key>> = {},
    keysOnly: boolean,
    decode: (entry: CursorEntry) => T,
  ): Scan<T> {
    const { core, scans } = this.#parts;
    const keyspace = this.#keyspace;
    const keyEncoding = this.#keyEncoding;
    core.checkReadable(keyspace);
    const { lower, upper } = resolveRange(options, keyEncoding, iteratorNames);
    const limit = resolveLimit(options.limit);
    const { snapshot } = options;
    const seq = snapshot === undefined ? core.readSeq : core.snapshots.check(snapshot);
    const { view, emptyRanges } = keyspace.tree;
    const counters = keyspace.scans;
    view.pin();
    const opener = new CachedTableOpener(core.tables, keyspace.priorityOf, { lower, upper });
    return scans.add({
      cursor: openScan(view, opener, { seq, lower, upper, keysOnly, emptyRanges, counters }),
      view,
      seq,
      keyspaceId: keyspace.id,
      reads: keyspace.reads,
      keyEncoding,
      reverse: options.reverse ?? false,
      limit,
      stayOpen: options.stayOpen ?? false,
      keysOnly,
      decode,
      signal: options.signal,
      clock: core.components.clock,
    });
  }
}

function isFound(entry: CursorEntry | undefined): boolean {
  return entry !== undefined;
}
