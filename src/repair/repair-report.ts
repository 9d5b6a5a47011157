/**
 * Something that could not be saved: the place in a file, and what it means for keys.
 * All that is not named by one of these is as it was.
 */
export interface LostPlace {
  /** Path of the file, as it was called before the repair. */
  readonly file: string;
  /** Byte offset of the place; undefined for a file that is missing or unreadable as a whole. */
  readonly offset: number | undefined;
  /** Bytes that could not be read, where that is known. */
  readonly bytes: number | undefined;
  /** What was found there. */
  readonly what: string;
  /** The keyspace whose keys may be affected; undefined: any (of a log, keys are not known). */
  readonly keyspace: string | undefined;
  /** First key that may be affected, inclusive; undefined: from the first key on. */
  readonly smallest: Uint8Array | undefined;
  /** Last key that may be affected, inclusive; undefined: up to the last key. */
  readonly largest: Uint8Array | undefined;
  /** Sequence numbers of writes that are lost, both inclusive; known of logs only. */
  readonly firstSeq: number | undefined;
  /** The last of them; undefined where the log simply ends too early. */
  readonly lastSeq: number | undefined;
  /** Deletions may have been among it: then keys that were deleted are there again. */
  readonly deletedKeysMayReturn: boolean;
}

/** What became of the tables. */
export interface RepairedTables {
  /** Used as they are. */
  readonly kept: number;
  /** Damaged ones whose readable entries were written to a new table. */
  readonly rewritten: number;
  /** Merged, because nothing tells any more which of them is newer. */
  readonly merged: number;
  /** Nothing in them could be read, or they were missing. */
  readonly lost: number;
  /** Entries read out of the damaged ones. */
  readonly entriesSaved: number;
}

/** What became of the write-ahead logs. */
export interface RepairedLogs {
  /** Used as they are. */
  readonly kept: number;
  /** Copied, as far as their records check out, to one new log. */
  readonly copied: number;
  /** Batches in the new log. */
  readonly batchesSaved: number;
}

/** What `repair` found and did. */
export interface RepairReport {
  /** The directory, as given. */
  readonly path: string;
  /**
   * `sound`: nothing is damaged, and nothing was changed. `repaired`: it opens now.
   * `repairable`: with `dryRun`, what is told here would be done.
   */
  readonly outcome: 'sound' | 'repaired' | 'repairable';
  /**
   * `kept`: the manifest says which tables count. `rebuilt`: it was lost, and what
   * counts was concluded from the tables and logs themselves.
   */
  readonly manifest: 'kept' | 'rebuilt';
  /** Why the database needed it, in the order found; empty when it is sound. */
  readonly problems: readonly string[];
  /** What could not be saved. */
  readonly lost: readonly LostPlace[];
  /** Keys that were deleted, or older values, may be there again: because of `lost`, or of a rebuilt manifest. */
  readonly deletedKeysMayReturn: boolean;
  /** What became of the tables. */
  readonly tables: RepairedTables;
  /** What became of the write-ahead logs. */
  readonly logs: RepairedLogs;
  /** Keyspaces that were given a new name, because theirs is lost. */
  readonly renamedKeyspaces: readonly string[];
  /** Files moved to `lost/` (with `dryRun`: that would be), by their names before. */
  readonly setAside: readonly string[];
}
