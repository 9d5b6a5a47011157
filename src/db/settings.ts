import type { Clock } from '../base/clock.js';
import type { RandomSource } from '../base/prng.js';
import type { CachePriority, Compression } from '../base/table-meta.js';
import type { FileSystem } from '../fs/file-system.js';
import type { BlockCache } from '../sstable/block-cache.js';
import type { KeyEncoding, ValueEncoding } from './encoding.js';
import type { DatabaseListeners } from './event-types.js';

/**
 * When a write counts as done:
 * - `none`: it is in our buffer; this tick's log write takes it along,
 * - `os`: the operating system has it; it survives the death of the process,
 * - `disk`: fdatasync has returned; it survives power loss.
 */
export type Durability = 'none' | 'os' | 'disk';

/** A codec for all levels; `lz4-zstd`: LZ4, and Zstd at the deepest level, where most of the data is. */
export type KeyspaceCompression = Compression | 'lz4-zstd';

/** How the tables of one level are written and cached. What is absent follows from the keyspace's settings. */
export interface LevelSettings {
  /** Codec of its blocks. */
  readonly compression?: Compression | undefined;
  /** Raw size at which its data blocks are cut, in bytes. 64 to 1 MiB. */
  readonly blockSizeBytes?: number | undefined;
  /** Bits per key of its filters. 0 (none) to 20. */
  readonly bloomBitsPerKey?: number | undefined;
  /** `high` stays in the block cache longest, `none` never enters it. Default `normal`. */
  readonly cachePriority?: CachePriority | undefined;
}

/** Plain data: how one keyspace is stored. Kept in the manifest. */
export interface KeyspaceSettings {
  /** A memtable is flushed above this size, in bytes. 64 KiB to 1 GiB, default 32 MiB. */
  readonly memtableBytes: number;
  /** Raw size at which a data block is cut, in bytes. 64 to 1 MiB. Default 8 KiB, and 16 KiB in Zstd tables. */
  readonly blockSizeBytes: number | undefined;
  /** Codec of all levels. Default `lz4`. */
  readonly compression: KeyspaceCompression;
  /** Bits per key of the Bloom filters, 0 (none) to 20. Default 10. */
  readonly bloomBitsPerKey: number;
  /** Settings of single levels, L0 first, which go before the three above; the last element stands for all deeper levels. Default none. */
  readonly levels: readonly LevelSettings[];
  /** Size at which a compaction begins its next output, in file bytes. 16 KiB to 1 GiB, default 16 MiB. */
  readonly tableBytes: number;
  /** L0 is compacted when it holds more tables than this. 1 to 64, default 8. */
  readonly l0CompactionTrigger: number;
  /** `dynamic`: level targets follow from the deepest level upward. `static`: from L1 downward. Default `dynamic`. */
  readonly levelSizing: 'dynamic' | 'static';
  /** Most bytes of L1. 64 KiB to 1 TiB, default `2 * memtableBytes * l0CompactionTrigger`. */
  readonly baseLevelBytes: number | undefined;
  /** Each level is so many times larger than the one above. 2 to 100, default 8. */
  readonly levelSizeMultiplier: number;
  /** Levels, L0 included; the last one is unbounded. 2 to 16, default 7. */
  readonly maxLevels: number;
  /** Writes are slowed from so many L0 tables on. Default 20. */
  readonly l0SlowdownTables: number;
  /** Writes wait at so many L0 tables. Default 36. */
  readonly l0StopTables: number;
}

/** Plain data: what can be said about a database in JSON. The settings of a keyspace are those of the default one, and what new ones begin with. */
export interface DatabaseSettings extends KeyspaceSettings {
  /** Make the database when it is missing. Default true. */
  readonly createIfMissing: boolean;
  /** Refuse to open one that exists. Default false. */
  readonly errorIfExists: boolean;
  /** A frozen view: no lock, nothing is written. Default false. */
  readonly readOnly: boolean;
  /** Default `os`. */
  readonly durability: Durability;
  /** With durability `os`, a background sync begins so long after the first unsynced write, in milliseconds. 0 turns it off. Default 1000. */
  readonly syncIntervalMs: number;
  /** Memtables waiting to be flushed before writes wait, of all keyspaces together. 1 to 16, default 3. */
  readonly maxImmutableMemtables: number;
  /** Memtables of all keyspaces together, in bytes: the largest is flushed when those that take writes hold half of it. 128 KiB to 64 GiB, default `(1 + maxImmutableMemtables) * memtableBytes`. */
  readonly memtableBudgetBytes: number | undefined;
  /** Logs above this size have the keyspace flushed that needs the oldest one, in bytes. 64 KiB to 64 GiB, default `4 * memtableBytes`. */
  readonly maxWalBytes: number | undefined;
  /** Compactions that may run at once, each in a thread of its own. 1 to 8; default one less than there are processors, at most 4. */
  readonly maxCompactions: number | undefined;
  /** Decoded blocks, index and filters kept in memory, in bytes. Default 64 MiB. */
  readonly blockCacheBytes: number;
  /** Bytes of writes that may wait at the limits above; beyond them writes are refused with `LSM_BUSY`. 64 KiB to 16 GiB, default 128 MiB. */
  readonly maxQueuedBytes: number;
  /** Table files kept open, at most. 8 to 100,000, default 512. */
  readonly maxOpenTables: number;
  /** How long to wait for another owner's lock, in milliseconds. Default 0. */
  readonly lockTimeoutMs: number;
  /** Take the lock from an owner on another host or in another container, which cannot be proved dead. Default false. */
  readonly overrideForeignOwner: boolean;
}

/** Objects that a caller may bring; each has a default. */
export interface DatabaseComponents {
  /** The disk. Default Node's. Another one means that flush and compaction run inline, in this thread. */
  readonly fs: FileSystem;
  /** A cache shared with other databases or tables; then `blockCacheBytes` is not used. */
  readonly blockCache: BlockCache;
  /** Time. Default the system's. */
  readonly clock: Clock;
  /** Random numbers, for the ids of files. Default the system's. */
  readonly random: RandomSource;
  /** Where flush and compaction run. Default `worker` on Node's file system, otherwise `inline`. */
  readonly executor: 'worker' | 'inline';
  /** Listeners by event name that hear also of what happens while the database opens: `lock`, `recovery`. Default none. */
  readonly listeners: DatabaseListeners;
}

/** What keys and values are on the outside. Not kept in the manifest. */
export interface Encodings {
  /** `view` (bytes), `utf8` (strings), or an `Encoding` of your own. Default `view`. */
  readonly keyEncoding: KeyEncoding;
  /** `view`, `utf8`, `json`, or an `Encoding` of your own. Default `view`. */
  readonly valueEncoding: ValueEncoding;
}

/** What a caller may leave out. */
export type Optional<T> = { readonly [Name in keyof T]?: T[Name] | undefined };
