import type { NoriOptions } from '../level.js';

export type { NoriOptions };

/** Called once, never before the call that it was given to has returned. */
export type ErrorCallback = (error?: Error | null) => void;
/** As `ErrorCallback`; without an error, with what was asked for. */
export type ResultCallback<T> = (error: Error | null | undefined, result: T) => void;

/** Strings are stored as UTF-8; what is neither string nor bytes, as its `String()`. */
export type Data = string | Uint8Array;

/** What `db.open()` takes. Other names are passed over, as by leveldown. */
export interface LevelDownOpenOptions {
  /** Default true. */
  readonly createIfMissing?: boolean | undefined;
  /** Default false. */
  readonly errorIfExists?: boolean | undefined;
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
  /** Options of nori-lsm, by their own names; they go before those above. */
  readonly nori?: NoriOptions | undefined;
}

/** Of writes. */
export interface LevelDownWriteOptions {
  /** Call back when the write is on disk. Default false: when the operating system has it. */
  readonly sync?: boolean | undefined;
}

/** Of `get` and `getMany`. */
export interface LevelDownGetOptions {
  /** Values as Buffers (default) or, when false, as strings. */
  readonly asBuffer?: boolean | undefined;
  /** Accepted without effect. */
  readonly fillCache?: boolean | undefined;
}

/** One operation of `batch`. */
export type LevelDownOperation =
  | {
      /** Stores `value` under `key`. */
      readonly type: 'put';
      /** Not empty. */
      readonly key: Data;
      /** May be empty. */
      readonly value: Data;
    }
  | {
      /** Removes `key`. */
      readonly type: 'del';
      /** Not empty. */
      readonly key: Data;
    };

/** A range of keys; bounds that are empty, null or undefined are none. */
export interface LevelDownRange {
  /** Only keys behind this one. */
  readonly gt?: Data | null | undefined;
  /** Only this key and those behind it; goes before `gt`. */
  readonly gte?: Data | null | undefined;
  /** Only keys before this one. */
  readonly lt?: Data | null | undefined;
  /** Only this key and those before it; goes before `lt`. */
  readonly lte?: Data | null | undefined;
  /** From the last key to the first. Default false. */
  readonly reverse?: boolean | undefined;
  /** At most so many entries. Default -1: all. */
  readonly limit?: number | undefined;
}

/** Of `iterator`. */
export interface LevelDownIteratorOptions extends LevelDownRange {
  /** `false`: empty keys. Default true. */
  readonly keys?: boolean | undefined;
  /** `false`: empty values. Default true. */
  readonly values?: boolean | undefined;
  /** Keys as Buffers (default) or, when false, as strings. */
  readonly keyAsBuffer?: boolean | undefined;
  /** Values as Buffers (default) or, when false, as strings. */
  readonly valueAsBuffer?: boolean | undefined;
  /** Accepted without effect. */
  readonly fillCache?: boolean | undefined;
}

/** What `db.iterator()` gives: entries as they were when it was made. */
export interface LevelDownIterator extends AsyncIterable<[Data, Data]> {
  /** Which made it. */
  readonly db: LevelDown;
  /** The next entry; at the end, neither key nor value. */
  next(callback: (error?: Error | null, key?: Data, value?: Data) => void): this;
  /** The next entry; undefined at the end. */
  next(): Promise<[Data, Data] | undefined>;
  /** Goes to `target`, or to the first key behind it in the iterator's direction; outside of the range there is nothing. */
  seek(target: Data): void;
  /** Lets go of what the iterator holds. To be called in every case. */
  end(callback: ErrorCallback): void;
  /** As `end`, with a promise. */
  end(): Promise<void>;
}

/** What `db.batch()` without arguments gives; keys and values are copied at once. */
export interface LevelDownChainedBatch {
  /** Which made it. */
  readonly db: LevelDown;
  /** Adds an entry to be stored. */
  put(key: Data, value: Data): this;
  /** Adds a key to be removed. */
  del(key: Data): this;
  /** Forgets what was added. */
  clear(): this;
  /** Writes all of it or nothing. */
  write(callback: ErrorCallback): void;
  /** As `write`, with options. */
  write(options: LevelDownWriteOptions, callback: ErrorCallback): void;
}

/** A nori-lsm database with the interface of abstract-leveldown 7. */
export interface LevelDown {
  /** As given to the constructor. */
  readonly location: string;
  /** Calls are answered while it is `open`. */
  readonly status: 'new' | 'opening' | 'open' | 'closing' | 'closed';
  /** What level-supports 2 reads: snapshots, bufferKeys, permanence, seek, clear, getMany, … */
  readonly supports: Readonly<Record<string, unknown>>;
  /** Opens the directory, making it when it is missing. Errors have the codes of abstract-level: `LEVEL_LOCKED`, `LEVEL_CORRUPTION`. */
  open(callback: ErrorCallback): void;
  /** As `open`, with options. */
  open(options: LevelDownOpenOptions, callback: ErrorCallback): void;
  /** Waits for what is pending; open iterators end. */
  close(callback: ErrorCallback): void;
  /** The value, or an error with the message `NotFound`. */
  get(key: Data, callback: ResultCallback<Data>): void;
  /** As `get`, with options. */
  get(key: Data, options: LevelDownGetOptions, callback: ResultCallback<Data>): void;
  /** The values in the order of the keys, undefined for those that are absent. */
  getMany(keys: readonly Data[], callback: ResultCallback<(Data | undefined)[]>): void;
  /** As `getMany`, with options. */
  getMany(
    keys: readonly Data[],
    options: LevelDownGetOptions,
    callback: ResultCallback<(Data | undefined)[]>,
  ): void;
  /** As `getMany`, with a promise. */
  getMany(keys: readonly Data[], options?: LevelDownGetOptions): Promise<(Data | undefined)[]>;
  /** Stores `value` under `key`, replacing what is there. */
  put(key: Data, value: Data, callback: ErrorCallback): void;
  /** As `put`, with options. */
  put(key: Data, value: Data, options: LevelDownWriteOptions, callback: ErrorCallback): void;
  /** Removes `key`; fine when it is absent. */
  del(key: Data, callback: ErrorCallback): void;
  /** As `del`, with options. */
  del(key: Data, options: LevelDownWriteOptions, callback: ErrorCallback): void;
  /** All operations or none, in their order. */
  batch(operations: readonly LevelDownOperation[], callback: ErrorCallback): void;
  /** As `batch`, with options. */
  batch(
    operations: readonly LevelDownOperation[],
    options: LevelDownWriteOptions,
    callback: ErrorCallback,
  ): void;
  /** A batch to chain. @throws Error before `open` */
  batch(): LevelDownChainedBatch;
  /** Entries in the order of their keys, as of now. @throws Error before `open` */
  iterator(options?: LevelDownIteratorOptions): LevelDownIterator;
  /** Removes all entries, in several batches. */
  clear(callback: ErrorCallback): void;
  /** Removes the entries in a range, in several batches. */
  clear(options: LevelDownRange, callback: ErrorCallback): void;
  /** About how many bytes of files the keys from `start` to `end` (exclusive) take; what is still in memory is not counted. */
  approximateSize(start: Data, end: Data, callback: ResultCallback<number>): void;
  /** Rewrites the keys from `start` to `end` without what is deleted or superseded. */
  compactRange(start: Data, end: Data, callback: ErrorCallback): void;
  /** Internal details as text, by the names of LevelDB; empty for an unknown one. @throws Error before `open` */
  getProperty(property: string): string;
  /** Whether `status` is `open`. */
  isOperational(): boolean;
}

/** `leveldown(location)`, with `new` or without. */
export interface LevelDownConstructor {
  (location: string): LevelDown;
  new (location: string): LevelDown;
  /** Of what it makes, also without `new`. */
  readonly prototype: LevelDown;
  /** Removes the database at `location`, and the directory when nothing else is in it. Nothing there is no error. */
  destroy(location: string, callback: ErrorCallback): void;
  /** Makes a damaged database open again, with what can be read of it. Nothing there is no error. */
  repair(location: string, callback: ErrorCallback): void;
}
