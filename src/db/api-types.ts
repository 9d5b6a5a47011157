import type { KeyInput } from './encoding.js';
import type { Keyspace } from './keyspace.js';
import type { Durability } from './options.js';
import type { SnapshotPin } from './snapshot-list.js';

export type { KeyInput };

/**
 * One operation of a batch. Without `keyspace` it goes where the batch was begun;
 * with one, key and value are what that keyspace's encodings take.
 */
export type BatchOperation<Key, Value> =
  | {
      readonly type: 'put';
      readonly key: Key;
      readonly value: Value;
      readonly keyspace?: undefined;
    }
  | { readonly type: 'delete'; readonly key: Key; readonly keyspace?: undefined }
  | {
      readonly type: 'put';
      readonly key: unknown;
      readonly value: unknown;
      readonly keyspace: Keyspace<never, never>;
    }
  | {
      readonly type: 'delete';
      readonly key: unknown;
      readonly keyspace: Keyspace<never, never>;
    };

export interface WriteOptions {
  /** Overrides the database's durability for this write. */
  readonly durability?: Durability | undefined;
}

/** A `Snapshot` of any keyspace of the database. */
export interface AnySnapshot {
  /** @internal */
  readonly pin: SnapshotPin;
  readonly seq: number;
  readonly isClosed: boolean;
}

export interface ReadOptions {
  /** Reads as of this snapshot. Default: the newest state. */
  readonly snapshot?: AnySnapshot | undefined;
}

/** A range of keys. At most one lower bound, one upper bound; `prefix` excludes both. */
export interface RangeOptions<Key = KeyInput> {
  readonly gt?: Key | undefined;
  readonly gte?: Key | undefined;
  readonly lt?: Key | undefined;
  readonly lte?: Key | undefined;
  /** All keys that begin with these bytes (of a string: its UTF-8), whatever the key encoding. */
  readonly prefix?: KeyInput | undefined;
}

export interface IteratorOptions<Key = KeyInput> extends RangeOptions<Key>, ReadOptions {
  /** From the last key to the first. Default false. */
  readonly reverse?: boolean | undefined;
  /** At most so many entries. Default: all (Infinity; -1 means the same). */
  readonly limit?: number | undefined;
  /** Ends an asynchronous iteration with `LSM_ABORTED`. */
  readonly signal?: AbortSignal | undefined;
}

/** One level of the tree. All bytes are counted since the database was created, unless it says "now". */
export interface LevelStats {
  readonly level: number;
  /** Tables now. */
  readonly tables: number;
  /** Bytes of their files now. */
  readonly bytes: number;
  /** Raw key and value bytes in them now, before compression. */
  readonly rawBytes: number;
  readonly entries: number;
  readonly tombstones: number;
  /** Bytes over which the level is compacted; for L0 see `l0CompactionTrigger`. 0 where there is no target. */
  readonly targetBytes: number;
  /** Raw bytes that compactions into this level have read (from it and from above). */
  readonly compactionReadBytes: number;
  /** Raw bytes that compactions have written into this level; for L0: what flushes have written. */
  readonly writtenBytes: number;
}

/** One keyspace, as `DatabaseStats` shows all of them together. */
export interface KeyspaceStats {
  readonly name: string;
  readonly levels: readonly LevelStats[];
  readonly memtables: MemtableStats;
  /** Raw bytes since the keyspace was created; the log is counted for the whole database. */
  readonly written: Omit<WrittenStats, 'walBytes'>;
  readonly writeAmplification: number | undefined;
  readonly readAmplification: number | undefined;
  readonly spaceAmplificationEstimate: number | undefined;
  readonly pendingCompactionBytes: number;
}

/** Memtables now. */
export interface MemtableStats {
  /** Of those that take writes. */
  readonly activeBytes: number;
  readonly activeEntries: number;
  /** Those that wait for their flush. */
  readonly immutable: number;
  readonly immutableBytes: number;
}

/** Raw bytes since the database was created. */
export interface WrittenStats {
  /** Keys and values that callers wrote. */
  readonly userBytes: number;
  /** Bytes of log records. */
  readonly walBytes: number;
  /** Raw key and value bytes that flushes wrote to L0. */
  readonly flushBytes: number;
  /** Raw key and value bytes that compactions wrote. */
  readonly compactionBytes: number;
}

/** A consistent picture of the database; every figure is counted, none is guessed unless its name says estimate. */
export interface DatabaseStats {
  /** Sequence number of the newest write that reads see. */
  readonly seq: number;
  /** All keyspaces together, level by level. */
  readonly levels: readonly LevelStats[];
  /** All keyspaces together. */
  readonly memtables: MemtableStats;
  /** Each keyspace on its own, the default one first. */
  readonly keyspaces: readonly KeyspaceStats[];
  readonly log: {
    /** Log files that recovery would need now, and their bytes in use. */
    readonly files: number;
    readonly bytes: number;
    /** Writes of the log to the OS, and how many records they carried, since open. */
    readonly writes: number;
    readonly records: number;
    /** fdatasync calls since open. */
    readonly syncs: number;
  };
  readonly written: WrittenStats;
  /** (flush + compaction bytes) / user bytes; undefined before the first flush. */
  readonly writeAmplification: number | undefined;
  /** Tables asked (filter or block) per get since open; undefined before the first get. */
  readonly readAmplification: number | undefined;
  /** File bytes of all tables / file bytes the deepest level suggests after a full compaction; undefined without tables. */
  readonly spaceAmplificationEstimate: number | undefined;
  readonly background: {
    readonly flushes: number;
    readonly compactions: number;
    readonly trivialMoves: number;
    /** Bytes that levels hold above their targets: the work that waits. */
    readonly pendingCompactionBytes: number;
    /** What runs now. */
    readonly running: readonly ('flush' | 'compaction')[];
    readonly executor: 'worker' | 'inline';
  };
  readonly stalls: {
    /** Writes that had to wait since open, and how long all of them together. */
    readonly delayedWrites: number;
    readonly delayedMs: number;
    readonly waiting: number;
  };
  readonly blockCache: {
    readonly usedBytes: number;
    readonly capacityBytes: number;
    readonly hits: number;
    readonly misses: number;
  };
  /** Counts since open. */
  readonly scans: {
    /** Iterators that were closed. */
    readonly closed: number;
    /** Entries they passed over because they were deleted, superseded or too new. */
    readonly steppedOver: number;
    /** How often they went past a range known to hold only deleted keys instead. */
    readonly jumps: number;
  };
  /** Counts since open. */
  readonly blockReads: {
    /** Blocks of tables that were asked for: found in the cache, or read from the disk. */
    readonly cached: number;
    readonly fromDisk: number;
  };
  /** Counts since open. */
  readonly filter: {
    readonly checks: number;
    readonly negatives: number;
    readonly falsePositives: number;
  };
  readonly tables: {
    readonly open: number;
    /** Files that no version needs any more but that a reader or the next sweep still holds. */
    readonly obsolete: number;
    /** Tables set aside in lost/ by a recovery that cut a manifest tail: files and bytes. */
    readonly lost: { readonly files: number; readonly bytes: number };
  };
  /** Bytes held outside the JavaScript heap: memtable arenas, cached blocks. */
  readonly memoryBytes: number;
  readonly snapshots: readonly { readonly seq: number; readonly ageMs: number }[];
  /** Open iterators: what they see, and since when they pin it. */
  readonly iterators: readonly { readonly seq: number; readonly ageMs: number }[];
  /** Why the database takes no more writes, if so. */
  readonly failure: string | undefined;
}

export interface FlushEvent {
  readonly keyspace: string;
  readonly fileNumber: number;
  readonly entries: number;
  readonly tombstones: number;
  readonly fileBytes: number;
  readonly rawBytes: number;
  readonly durationMs: number;
}

export interface CompactionEvent {
  readonly keyspace: string;
  readonly level: number;
  readonly outputLevel: number;
  readonly reason: string;
  readonly trivialMove: boolean;
  readonly inputTables: number;
  readonly outputTables: number;
  readonly readBytes: number;
  readonly writtenBytes: number;
  readonly droppedTombstones: number;
  readonly droppedEntries: number;
  readonly durationMs: number;
}

export interface StallEvent {
  readonly reason: 'memtables' | 'level0';
  readonly state: 'begin' | 'end';
}

export interface RecoveryEvent {
  readonly logsReplayed: number;
  readonly batchesReplayed: number;
  readonly bytesReplayed: number;
  /** The end of a log that a crash had torn: what was cut. */
  readonly tornLog: { readonly file: string; readonly offset: number } | undefined;
  readonly tornManifest: { readonly file: string; readonly offset: number } | undefined;
  readonly orphansRemoved: number;
  readonly lostTables: number;
}

export interface BackgroundErrorEvent {
  readonly during: 'log' | 'manifest' | 'flush' | 'compaction' | 'delete';
  /** The keyspace whose flush or compaction failed. */
  readonly keyspace?: string;
  readonly error: Error;
  /** True when the database takes no more writes until it is reopened. */
  readonly fatal: boolean;
}

/** The directory's lock was taken, or given back. */
export interface LockEvent {
  readonly state: 'acquired' | 'released';
  /** How long it was waited for; 0 when released. */
  readonly waitedMs: number;
}

/** Something that pins data was lost without being closed; it is closed now. */
export interface ForgottenEvent {
  readonly kind: 'iterator' | 'snapshot';
  readonly ageMs: number;
}

/** Event names and what listeners get. */
export interface DatabaseEvents {
  readonly flush: FlushEvent;
  readonly compaction: CompactionEvent;
  readonly stall: StallEvent;
  readonly backgroundError: BackgroundErrorEvent;
  readonly lock: LockEvent;
  readonly recovery: RecoveryEvent;
  readonly forgotten: ForgottenEvent;
  readonly closed: { readonly path: string };
}

/** Listeners by event name. */
export type DatabaseListeners = {
  readonly [Name in keyof DatabaseEvents]?: ((event: DatabaseEvents[Name]) => void) | undefined;
};
