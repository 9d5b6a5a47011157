/** What keys are: bytes, or strings in a set of strings. */
export type BenchKey = Uint8Array | string;

/** When the writes of a run count as done: handed to the operating system, or synced. */
export type BenchDurability = 'os' | 'disk';

/** What the keys and values of a data set are. */
export type BenchKind = 'bytes' | 'utf8' | 'json';

/** How a store is to be opened. */
export interface BenchOpenOptions {
  /** A directory that exists; empty for a new store. */
  readonly directory: string;
  /** What keys and values are. */
  readonly kind: BenchKind;
  /** What an acknowledged write is to mean. */
  readonly durability: BenchDurability;
  /** For blocks or pages held by the store, in bytes. */
  readonly cacheBytes: number;
  /** Of one memtable, where the store has such, in bytes. */
  readonly writeBufferBytes: number;
}

/** Entries in key order, or against it. */
export interface BenchRange {
  /** From this key on; without it from the first (or, reversed, the last). */
  readonly from?: BenchKey | undefined;
  /** Against the order of keys. */
  readonly isReverse: boolean;
  /** At most so many. */
  readonly limit: number;
}

/** Takes one entry; false ends the walk. Key and value are valid while it runs. */
export type BenchVisit = (key: BenchKey, value: unknown) => boolean;

/**
 * One open store. A method that a store does not have is left out, and the
 * workloads that need it are not run. All may answer at once or with a promise,
 * where the name does not end in `Sync`.
 */
export interface BenchStore {
  /** One atomic write of `keys[i]`, `values[i]` for `from <= i < to`, acknowledged at the durability of the open. */
  batch(
    keys: readonly BenchKey[],
    values: readonly unknown[],
    from: number,
    to: number,
  ): Promise<unknown> | undefined;
  /** One write. Many may be in flight. */
  put(key: BenchKey, value: unknown): Promise<unknown> | undefined;
  /** As `put`, acknowledged when it returns. */
  putSync?(key: BenchKey, value: unknown): void;
  /** One atomic removal of `keys[i]` for `from <= i < to`. */
  deleteBatch(keys: readonly BenchKey[], from: number, to: number): Promise<unknown> | undefined;
  /** The value, which belongs to the caller, or undefined or null. */
  get(key: BenchKey): unknown;
  /** As `get`, at once. */
  getSync?(key: BenchKey): unknown;
  /** As `getSync`, with a value that is valid until the next call. */
  getBorrowedSync?(key: BenchKey): unknown;
  /** Values in the order of the keys; all are valid. */
  getMany?(keys: readonly BenchKey[]): Promise<ArrayLike<unknown>>;
  /** As `getMany`, at once. */
  getManySync?(keys: readonly BenchKey[]): ArrayLike<unknown>;
  /** Hands out each entry of a range. */
  scan(range: BenchRange, visit: BenchVisit): Promise<void> | undefined;
  /** Returns when work in the background has come to rest. */
  settle(): Promise<void>;
  /** Closes the store; it is not used afterwards. */
  close(): Promise<void>;
}

/** What an acknowledged write means, in words. */
export interface Acknowledgements {
  /** Where `os` is asked for. */
  readonly os?: string;
  /** Where `disk` is asked for; absent where the store cannot. */
  readonly disk?: string;
}

/** A kind of store, as the runner knows it. */
export interface BenchDriver {
  /** For tables. */
  readonly name: string;
  /** Of the package; empty where it is not known. */
  readonly version: string;
  /** What keys and values of bytes are made as, before the clock: what the store likes best. */
  readonly bytes: 'view' | 'buffer';
  /** Entries of one write when a database is loaded for reading; not when filling is measured. */
  readonly loadBatch: number;
  /** What an acknowledged write of this store means; absent where it cannot be had. */
  readonly acknowledgement: Acknowledgements;
  /** What is set, in words, and which calls are timed. */
  readonly settings: string;
  /** Opens a store in a directory. */
  open(options: BenchOpenOptions): Promise<BenchStore>;
}
