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
