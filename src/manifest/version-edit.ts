import type { TableMeta } from '../base/table-meta.js';
import type { StoredSettings } from './settings-codec.js';

/**
 * A change to what the database consists of: plain data, one record of the
 * manifest, applied whole or not at all. What is absent stays as it was.
 *
 * Order of effect: keyspaces dropped, keyspaces added, numbers and settings,
 * tables removed, tables added. So a table can move between levels, and a name
 * be given anew, in one edit.
 */
export interface VersionEdit {
  /** Their tables go with them. */
  readonly droppedKeyspaces?: readonly number[];
  readonly addedKeyspaces?: readonly AddedKeyspace[];
  /** Replaces all settings of a keyspace. */
  readonly settings?: readonly {
    readonly keyspaceId: number;
    readonly settings: StoredSettings;
  }[];
  /** Raised by itself when a keyspace is added. */
  readonly nextKeyspaceId?: number;
  /** Raised by itself when a flush or an added table goes beyond it. */
  readonly lastSeq?: number;
  /** A memtable up to this sequence number is in tables: replay skips the keyspace's entries up to it. */
  readonly flushedSeqs?: readonly { readonly keyspaceId: number; readonly seq: number }[];
  /** Numbers from here on were never used. Written by the version set. */
  readonly nextFileNumber?: number;
  /** Oldest log still needed: every log from here on counts. */
  readonly logNumber?: number;
  /** True until the next edit: the log ended in good order. */
  readonly cleanClose?: CleanClose;
  readonly removedTables?: readonly RemovedTable[];
  readonly addedTables?: readonly TableMeta[];
  readonly cursors?: readonly CompactionCursor[];
  /** Replaces all counters of a keyspace. */
  readonly counters?: readonly {
    readonly keyspaceId: number;
    readonly counters: KeyspaceCounters;
  }[];
  /** The last record of the snapshot that a manifest begins with. */
  readonly isSnapshotEnd?: boolean;
}

export interface AddedKeyspace {
  readonly id: number;
  /** 1 to 255 bytes of UTF-8, unique among the living. */
  readonly name: string;
}

/** A claim: the log `logNumber` was synced up to `syncedLength`. Later logs may exist all the same. */
export interface CleanClose {
  /** 0 when there is no log. */
  readonly logNumber: number;
  readonly syncedLength: number;
}

export interface RemovedTable {
  readonly keyspaceId: number;
  readonly fileNumber: number;
}

/** Where the next compaction of a level begins. */
export interface CompactionCursor {
  readonly keyspaceId: number;
  readonly level: number;
  readonly key: Uint8Array;
}

/** Bytes since the keyspace was made: raw keys and values, for the log those of its records. */
export interface KeyspaceCounters {
  readonly userBytes: number;
  readonly walBytes: number;
  readonly flushBytes: number;
  /** By output level: what compactions into it read and wrote. Both of one length. */
  readonly read: readonly number[];
  readonly written: readonly number[];
}

export const zeroCounters: KeyspaceCounters = {
  userBytes: 0,
  walBytes: 0,
  flushBytes: 0,
  read: [],
  written: [],
};

export const maxKeyspaceNameBytes = 255;
