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
    /** Worker threads that died or stopped getting on in the middle of a job, since open; each was replaced. */
    readonly workersLost: number;
    /** Why the last flush, or the last compaction of a keyspace, failed, until one succeeds. */
    readonly error: string | undefined;
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
