import type {
  AbstractBatchOperation,
  AbstractBatchOptions,
  AbstractChainedBatch,
  AbstractChainedBatchWriteOptions,
  AbstractDatabaseOptions,
  AbstractDelOptions,
  AbstractGetManyOptions,
  AbstractGetOptions,
  AbstractHasManyOptions,
  AbstractHasOptions,
  AbstractIterator,
  AbstractIteratorOptions,
  AbstractKeyIterator,
  AbstractKeyIteratorOptions,
  AbstractLevel,
  AbstractOpenOptions,
  AbstractPutOptions,
  AbstractSnapshot,
  AbstractValueIterator,
  AbstractValueIteratorOptions,
  Transcoder,
} from 'abstract-level';
import type { OpenOptions as NoriOpenOptions } from '../index.js';

/** Options of nori-lsm itself, but for those that have their place beside `nori`. */
export type NoriOptions = Omit<
  NoriOpenOptions,
  'createIfMissing' | 'errorIfExists' | 'keyEncoding' | 'valueEncoding'
>;

/** What `db.open()` takes. Sizes out of our range are brought into it, as LevelDB does. */
export interface OpenOptions extends AbstractOpenOptions {
  /** `false`: tables are not compressed. Otherwise LZ4; other codecs through `nori`. */
  readonly compression?: boolean | undefined;
  /** Bytes of the block cache: our `blockCacheBytes`. Default 64 MiB. */
  readonly cacheSize?: number | undefined;
  /** Size at which a memtable is flushed, in bytes: our `memtableBytes`. Default 32 MiB. */
  readonly writeBufferSize?: number | undefined;
  /** Raw size of a block, in bytes: our `blockSizeBytes`. Default 8 KiB. */
  readonly blockSize?: number | undefined;
  /** Table files kept open at most: our `maxOpenTables`. Default 512. */
  readonly maxOpenFiles?: number | undefined;
  /** Size of a table file, in bytes: our `tableBytes`. Default 16 MiB. */
  readonly maxFileSize?: number | undefined;
  /** Accepted without effect: our blocks have no restart points. */
  readonly blockRestartInterval?: number | undefined;
  /** Accepted without effect: every checksum is always checked. */
  readonly paranoidChecks?: boolean | undefined;
  /** Only `false`: a database belongs to one thread. `true` is refused. */
  readonly multithreading?: boolean | undefined;
  /** Options of nori-lsm, by their own names; they go before those above. */
  readonly nori?: NoriOptions | undefined;
}

/** What the constructor takes: encodings, and what `open` takes. */
export interface DatabaseOptions<K, V>
  extends AbstractDatabaseOptions<K, V>, Omit<OpenOptions, 'passive'> {}

/** Of reads. */
export interface ReadOptions {
  /** Accepted without effect: a scan does not push what is in use out of our cache. */
  readonly fillCache?: boolean | undefined;
}

/** Of writes. */
export interface WriteOptions {
  /** Settle when the write is on disk. Default false: when the operating system has it. */
  readonly sync?: boolean | undefined;
}

/** Of iterators. */
export interface AdditionalIteratorOptions extends ReadOptions {
  /** About how many bytes an iterator holds in memory; `nextv` gives fewer entries than asked for then. Default 256 KiB. */
  readonly highWaterMarkBytes?: number | undefined;
}

/** Of `get` and `getSync`. */
export interface GetOptions<K, V> extends AbstractGetOptions<K, V>, ReadOptions {}
/** Of `getMany`. */
export interface GetManyOptions<K, V> extends AbstractGetManyOptions<K, V>, ReadOptions {}
/** Of `has`. */
export interface HasOptions<K> extends AbstractHasOptions<K>, ReadOptions {}
/** Of `hasMany`. */
export interface HasManyOptions<K> extends AbstractHasManyOptions<K>, ReadOptions {}
/** Of `put`. */
export interface PutOptions<K, V> extends AbstractPutOptions<K, V>, WriteOptions {}
/** Of `del`. */
export interface DelOptions<K> extends AbstractDelOptions<K>, WriteOptions {}
/** Of `batch` with an array. */
export interface BatchOptions<K, V> extends AbstractBatchOptions<K, V>, WriteOptions {}
/** Of `write` of a chained batch. */
export interface ChainedBatchWriteOptions extends AbstractChainedBatchWriteOptions, WriteOptions {}
/** Of `iterator`. */
export type IteratorOptions<K, V> = AbstractIteratorOptions<K, V> & AdditionalIteratorOptions;
/** Of `keys`. */
export type KeyIteratorOptions<K> = AbstractKeyIteratorOptions<K> & AdditionalIteratorOptions;
/** Of `values`. */
export type ValueIteratorOptions<K, V> = AbstractValueIteratorOptions<K, V> &
  AdditionalIteratorOptions;

/** Of `approximateSize` and `compactRange`. */
export interface StartEndOptions<K> {
  /** How `start` and `end` are encoded. Default: as keys of the database. */
  readonly keyEncoding?: string | Transcoder.PartialEncoder<K> | undefined;
}

/** One operation of `batch`. */
export type BatchOperation<Db, K, V> = AbstractBatchOperation<Db, K, V>;
/** What `iterator` gives. */
export type Iterator<Db, K, V> = AbstractIterator<Db, K, V>;
/** What `keys` gives. */
export type KeyIterator<Db, K> = AbstractKeyIterator<Db, K>;
/** What `values` gives. */
export type ValueIterator<Db, K, V> = AbstractValueIterator<Db, K, V>;
/** What `snapshot` gives. */
export type Snapshot = AbstractSnapshot;

/** What `batch` without arguments gives. */
export interface ChainedBatch<Db, K, V> extends AbstractChainedBatch<Db, K, V> {
  /** Writes all of it or nothing. */
  write(options?: ChainedBatchWriteOptions): Promise<void>;
}

/** An AbstractLevel whose methods take our options too, in the types. */
export interface LevelWithOptions<KDefault, VDefault> extends AbstractLevel<
  string | Buffer | Uint8Array,
  KDefault,
  VDefault
> {
  /** Opens the database, or waits until it is open. It opens itself after construction. */
  open(options?: OpenOptions): Promise<void>;
  /** The value, or undefined when the key is absent. */
  get(key: KDefault): Promise<VDefault | undefined>;
  /** The value, or undefined when the key is absent. */
  get<K = KDefault, V = VDefault>(key: K, options: GetOptions<K, V>): Promise<V | undefined>;
  /** As `get`, before it returns; the database has to be open. */
  getSync(key: KDefault): VDefault | undefined;
  /** As `get`, before it returns; the database has to be open. */
  getSync<K = KDefault, V = VDefault>(key: K, options: GetOptions<K, V>): V | undefined;
  /** The values in the order of the keys, undefined where one is absent; all of one moment. */
  getMany(keys: KDefault[]): Promise<(VDefault | undefined)[]>;
  /** The values in the order of the keys, undefined where one is absent; all of one moment. */
  getMany<K = KDefault, V = VDefault>(
    keys: K[],
    options: GetManyOptions<K, V>,
  ): Promise<(V | undefined)[]>;
  /** Whether the key is there. */
  has(key: KDefault): Promise<boolean>;
  /** Whether the key is there. */
  has<K = KDefault>(key: K, options: HasOptions<K>): Promise<boolean>;
  /** As `has`, for many keys at one moment. */
  hasMany(keys: KDefault[]): Promise<boolean[]>;
  /** As `has`, for many keys at one moment. */
  hasMany<K = KDefault>(keys: K[], options: HasManyOptions<K>): Promise<boolean[]>;
  /** Stores `value` under `key`. */
  put(key: KDefault, value: VDefault): Promise<void>;
  /** Stores `value` under `key`. */
  put<K = KDefault, V = VDefault>(key: K, value: V, options: PutOptions<K, V>): Promise<void>;
  /** Removes `key`; fine when it is absent. */
  del(key: KDefault): Promise<void>;
  /** Removes `key`; fine when it is absent. */
  del<K = KDefault>(key: K, options: DelOptions<K>): Promise<void>;
  /** All operations or none; without an array, a batch to chain. */
  batch(operations: BatchOperation<this, KDefault, VDefault>[]): Promise<void>;
  /** All operations or none; without an array, a batch to chain. */
  batch<K = KDefault, V = VDefault>(
    operations: BatchOperation<this, K, V>[],
    options: BatchOptions<K, V>,
  ): Promise<void>;
  /** All operations or none; without an array, a batch to chain. */
  batch(): ChainedBatch<this, KDefault, VDefault>;
  /** Entries of a range in the order of their keys, as they are at this moment. */
  iterator(): Iterator<this, KDefault, VDefault>;
  /** Entries of a range in the order of their keys, as they are at this moment. */
  iterator<K = KDefault, V = VDefault>(options: IteratorOptions<K, V>): Iterator<this, K, V>;
  /** Keys of a range in order; values are neither copied nor decoded. */
  keys(): KeyIterator<this, KDefault>;
  /** Keys of a range in order; values are neither copied nor decoded. */
  keys<K = KDefault>(options: KeyIteratorOptions<K>): KeyIterator<this, K>;
  /** Values of a range in the order of their keys; keys are neither copied nor decoded. */
  values(): ValueIterator<this, KDefault, VDefault>;
  /** Values of a range in the order of their keys; keys are neither copied nor decoded. */
  values<K = KDefault, V = VDefault>(
    options: ValueIteratorOptions<K, V>,
  ): ValueIterator<this, K, V>;
}
