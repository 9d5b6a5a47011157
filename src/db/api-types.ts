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
      /** Stores `value` under `key`. */
      readonly type: 'put';
      /** As the keyspace takes it that the batch belongs to. */
      readonly key: Key;
      /** As the keyspace takes it that the batch belongs to. */
      readonly value: Value;
      /** Absent: the keyspace that the batch belongs to. */
      readonly keyspace?: undefined;
    }
  | {
      /** Removes `key`. */
      readonly type: 'delete';
      /** As the keyspace takes it that the batch belongs to. */
      readonly key: Key;
      /** Absent: the keyspace that the batch belongs to. */
      readonly keyspace?: undefined;
    }
  | {
      /** Stores `value` under `key` in another keyspace. */
      readonly type: 'put';
      /** As that keyspace takes it. */
      readonly key: unknown;
      /** As that keyspace takes it. */
      readonly value: unknown;
      /** One of the same database. */
      readonly keyspace: Keyspace<unknown, unknown>;
    }
  | {
      /** Removes `key` from another keyspace. */
      readonly type: 'delete';
      /** As that keyspace takes it. */
      readonly key: unknown;
      /** One of the same database. */
      readonly keyspace: Keyspace<unknown, unknown>;
    };

/** What a single write asks for. */
export interface WriteOptions {
  /** Overrides the database's durability for this write. */
  readonly durability?: Durability | undefined;
}

/** A `Snapshot` of any keyspace of the database. */
export interface AnySnapshot {
  /** @internal */
  readonly pin: SnapshotPin;
  /** The newest sequence number that it sees. */
  readonly seq: number;
  /** True once it was closed, by its user or with the database. */
  readonly isClosed: boolean;
}

/** What every read takes. */
export interface ReadOptions {
  /** Reads as of this snapshot. Default: the newest state. */
  readonly snapshot?: AnySnapshot | undefined;
}

/** A range of keys. At most one lower bound, one upper bound; `prefix` excludes both. */
export interface RangeOptions<Key = KeyInput> {
  /** Only keys behind this one. */
  readonly gt?: Key | undefined;
  /** Only this key and those behind it. */
  readonly gte?: Key | undefined;
  /** Only keys before this one. */
  readonly lt?: Key | undefined;
  /** Only this key and those before it. */
  readonly lte?: Key | undefined;
  /** All keys that begin with these bytes (of a string: its UTF-8), whatever the key encoding. */
  readonly prefix?: KeyInput | undefined;
}

/** Which entries an iterator gives, in which order, as of when. */
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
  /** 0: flushed tables, which may overlap; 1 and deeper: disjoint ones. */
  readonly level: number;
  /** Tables now. */
  readonly tables: number;
  /** Bytes of their files now. */
  readonly bytes: number;
  /** Raw key and value bytes in them now, before compression. */
  readonly rawBytes: number;
  /** Entries in its tables now, tombstones and superseded ones among them. */
  readonly entries: number;
  /** Tombstones in its tables now. */
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
  /** As given to `Database.keyspace`; `default` for the database's own. */
  readonly name: string;
  /** Its levels, L0 first. */
  readonly levels: readonly LevelStats[];
  /** Its memtables now. */
  readonly memtables: MemtableStats;
  /** Raw bytes since the keyspace was created; the log is counted for the whole database. */
  readonly written: Omit<WrittenStats, 'walBytes'>;
  /** (flush + compaction bytes) / user bytes; undefined before its first flush. */
  readonly writeAmplification: number | undefined;
  /** Tables asked (filter or block) per get since open; undefined before its first get. */
  readonly readAmplification: number | undefined;
  /** File bytes of its tables / file bytes of its deepest level; undefined without tables. */
  readonly spaceAmplificationEstimate: number | undefined;
  /** Bytes that its levels hold above their targets. */
  readonly pendingCompactionBytes: number;
}

/** Memtables now. */
export interface MemtableStats {
  /** Of those that take writes. */
  readonly activeBytes: number;
  /** Entries in those that take writes. */
  readonly activeEntries: number;
  /** Those that wait for their flush. */
  readonly immutable: number;
  /** Bytes of those that wait for their flush. */
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
  /** The write-ahead log. */
  readonly log: {
    /** Log files that recovery would need now, and their bytes in use. */
    readonly files: number;
    /** Bytes in use in those files. */
    readonly bytes: number;
    /** Writes of the log to the OS, and how many records they carried, since open. */
    readonly writes: number;
    /** Records that those writes carried, since open. */
    readonly records: number;
    /** fdatasync calls since open. */
    readonly syncs: number;
  };
  /** All keyspaces together. */
  readonly written: WrittenStats;
  /** (flush + compaction bytes) / user bytes; undefined before the first flush. */
  readonly writeAmplification: number | undefined;
  /** Tables asked (filter or block) per get since open; undefined before the first get. */
  readonly readAmplification: number | undefined;
  /** File bytes of all tables / file bytes the deepest level suggests after a full compaction; undefined without tables. */
  readonly spaceAmplificationEstimate: number | undefined;
  /** Flushes and compactions. */
  readonly background: {
    /** Flushes since open. */
    readonly flushes: number;
    /** Compactions that rewrote tables, since open. */
    readonly compactions: number;
    /** Compactions that only changed the level of a table, since open. */
    readonly trivialMoves: number;
    /** Bytes that levels hold above their targets: the work that waits. */
    readonly pendingCompactionBytes: number;
    /** What runs now. */
    readonly running: readonly ('flush' | 'compaction')[];
    /** Where they run: in worker threads, or in this thread. */
    readonly executor: 'worker' | 'inline';
  };
  /** How writers were slowed down. */
  readonly stalls: {
    /** Acknowledgements that were held back, and writes that had to wait for room, since open. */
    readonly delayedWrites: number;
    /** Milliseconds of that, all of them together. */
    readonly delayedMs: number;
    /** Writes that wait for room now, without effect so far. */
    readonly waiting: number;
    /** Memory that they hold, in bytes. */
    readonly waitingBytes: number;
    /** How near writes are to being stopped: 0 (free) to 1. */
    readonly pressure: number;
    /** What is nearest to its limit; undefined at 0. */
    readonly reason: 'memtables' | 'level0' | 'pendingBytes' | undefined;
  };
  /** The block cache; with a shared one, of all its users together. */
  readonly blockCache: {
    /** Bytes of decoded blocks, indexes and filters in it now. */
    readonly usedBytes: number;
    /** As `blockCacheBytes`. */
    readonly capacityBytes: number;
    /** Blocks found in it since it was made. */
    readonly hits: number;
    /** Blocks not found in it since it was made. */
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
    /** Blocks read from the disk. */
    readonly fromDisk: number;
  };
  /** Counts since open. */
  readonly filter: {
    /** Filters asked. */
    readonly checks: number;
    /** Those that said "certainly not here", which spared a block. */
    readonly negatives: number;
    /** Those that said "perhaps here" of a table without the key. */
    readonly falsePositives: number;
  };
  /** Table files. */
  readonly tables: {
    /** Files that are open now. */
    readonly open: number;
    /** Files that no version needs any more but that a reader or the next sweep still holds. */
    readonly obsolete: number;
    /** Tables set aside in lost/ by a recovery that cut a manifest tail: files and bytes. */
    readonly lost: {
      /** Files in lost/. */
      readonly files: number;
      /** Their bytes. */
      readonly bytes: number;
    };
  };
  /** Bytes held outside the JavaScript heap: memtable arenas, cached blocks. */
  readonly memoryBytes: number;
  /** Open snapshots: what they see, and since when they pin it. */
  readonly snapshots: readonly {
    /** The newest sequence number that it sees. */
    readonly seq: number;
    /** Milliseconds since it was made. */
    readonly ageMs: number;
  }[];
  /** Open iterators: what they see, and since when they pin it. */
  readonly iterators: readonly {
    /** The newest sequence number that it sees. */
    readonly seq: number;
    /** Milliseconds since it was made. */
    readonly ageMs: number;
  }[];
  /** Why the database takes no more writes, if so. */
  readonly failure: string | undefined;
}

/** A memtable was written as a table of L0. */
export interface FlushEvent {
  /** Whose memtable it was. */
  readonly keyspace: string;
  /** Number in the name of the table file. */
  readonly fileNumber: number;
  /** Entries in the table, tombstones among them. */
  readonly entries: number;
  /** Tombstones in it. */
  readonly tombstones: number;
  /** Bytes of the file. */
  readonly fileBytes: number;
  /** Key and value bytes in it before compression. */
  readonly rawBytes: number;
  /** How long the job took, in milliseconds. */
  readonly durationMs: number;
}

/** Tables were merged into a level, or moved there. */
export interface CompactionEvent {
  /** Whose tables they were. */
  readonly keyspace: string;
  /** The upper of both levels. */
  readonly level: number;
  /** The level that the outputs are in; the same as `level` where a table was rewritten in place. */
  readonly outputLevel: number;
  /** Why it was picked, in words. */
  readonly reason: string;
  /** True when tables only changed their level. */
  readonly trivialMove: boolean;
  /** Tables that went in. */
  readonly inputTables: number;
  /** Tables that came out. */
  readonly outputTables: number;
  /** Raw key and value bytes read; 0 for a trivial move. */
  readonly readBytes: number;
  /** Raw key and value bytes written; 0 for a trivial move. */
  readonly writtenBytes: number;
  /** Tombstones that nobody needs any more. */
  readonly droppedTombstones: number;
  /** Entries dropped because a newer one of the same key hides them. */
  readonly droppedEntries: number;
  /** How long it took, in milliseconds. */
  readonly durationMs: number;
}

/** Writers are behind or ahead of the background work. */
export interface StallEvent {
  /** `slowdown`: acknowledgements are held back a little; `stop`: writes wait for room. */
  readonly kind: 'slowdown' | 'stop';
  /** What is at, or near, its limit. */
  readonly reason: 'memtables' | 'level0' | 'pendingBytes';
  /** `end` when writers are free of it again. */
  readonly state: 'begin' | 'end';
}

/** What opening had to do to bring the last session's writes back. */
export interface RecoveryEvent {
  /** Log files read. */
  readonly logsReplayed: number;
  /** Batches that came back from them. */
  readonly batchesReplayed: number;
  /** Bytes of their records. */
  readonly bytesReplayed: number;
  /** The end of a log that a crash had torn: what was cut. */
  readonly tornLog:
    | {
        /** Path of the file that was cut. */
        readonly file: string;
        /** Where it was cut. */
        readonly offset: number;
      }
    | undefined;
  /** The end of a manifest that a crash had torn: what was cut. */
  readonly tornManifest:
    | {
        /** Path of the file that was cut. */
        readonly file: string;
        /** Where it was cut. */
        readonly offset: number;
      }
    | undefined;
  /** Files that a crash had left and nobody needed. */
  readonly orphansRemoved: number;
  /** Tables set aside in lost/ because the manifest does not name them any more. */
  readonly lostTables: number;
}

/** Something failed that no caller waited for. */
export interface BackgroundErrorEvent {
  /** What was being done. */
  readonly during: 'log' | 'manifest' | 'flush' | 'compaction' | 'delete';
  /** The keyspace whose flush or compaction failed. */
  readonly keyspace?: string;
  /** What went wrong; an `LsmError` where the cause is known. */
  readonly error: Error;
  /** True when the database takes no more writes until it is reopened. */
  readonly fatal: boolean;
}

/** The directory's lock was taken, or given back. */
export interface LockEvent {
  /** What happened to the lock. */
  readonly state: 'acquired' | 'released';
  /** How long it was waited for; 0 when released. */
  readonly waitedMs: number;
}

/** Something that pins data was lost without being closed; it is closed now. */
export interface ForgottenEvent {
  /** What it was. */
  readonly kind: 'iterator' | 'snapshot';
  /** How long it had pinned its data, in milliseconds. */
  readonly ageMs: number;
}

/** Event names and what listeners get. */
export interface DatabaseEvents {
  /** After each flush, once its table counts. */
  readonly flush: FlushEvent;
  /** After each compaction, once its result counts. */
  readonly compaction: CompactionEvent;
  /** When writers begin to be slowed down or stopped, and when they are free again. */
  readonly stall: StallEvent;
  /** When the log, the manifest, a flush, a compaction or a removal failed. */
  readonly backgroundError: BackgroundErrorEvent;
  /** When the directory's lock was taken or given back. */
  readonly lock: LockEvent;
  /** Once, while the database opens. */
  readonly recovery: RecoveryEvent;
  /** When the garbage collector found an iterator or snapshot that nobody closed. */
  readonly forgotten: ForgottenEvent;
  /** Last of all. */
  readonly closed: {
    /** The directory as given to `open`. */
    readonly path: string;
  };
}

/** Listeners by event name. */
export type DatabaseListeners = {
  readonly [Name in keyof DatabaseEvents]?: ((event: DatabaseEvents[Name]) => void) | undefined;
};
