import type { FileKind } from '../base/file-header.js';
import type { VersionEdit } from '../manifest/version-edit.js';
import type { TableProperties } from '../sstable/properties.js';
import type { LogLinks } from '../wal/log-format.js';

/*
 * What a file says about itself, one fact after the other, in the order of the
 * file. All offsets are bytes from its beginning. Bytes of keys and values are
 * views, valid until the next fact is asked for. Ids are 16 hex digits.
 */

/** The header that every file begins with. */
export interface HeaderFact {
  readonly type: 'header';
  readonly kind: FileKind;
  /** Size of the header and of the whole file, in bytes. */
  readonly bytes: number;
  readonly fileBytes: number;
  readonly formatVersion: number;
  /** All zeros for a standalone table. */
  readonly databaseId: string;
  readonly fileId: string;
  /** Of a log: the one before it, and what was durable when it began. */
  readonly links?: LogLinks;
  /** Of CURRENT: the manifest that counts. */
  readonly manifestNumber?: number;
  readonly manifestFileId?: string;
}

/** A batch in a log; the facts of its operations follow. */
export interface BatchFact {
  readonly type: 'batch';
  readonly offset: number;
  /** Length of the record. */
  readonly bytes: number;
  /** Sequence number of its first operation; the others follow in order. */
  readonly firstSeq: number;
  readonly operations: number;
  /** The log was known to be on disk up to here when the batch was written. */
  readonly syncedOffset: number;
  /** Found behind damage: no recovery replays it. */
  readonly isBehindDamage: boolean;
}

/** What can be done to a key; only put and delete are written today. */
export type OperationKind =
  | 'put'
  | 'delete'
  | 'range-delete'
  | 'merge'
  | 'blob-reference'
  | 'put-with-expiry'
  | 'single-delete';

/** An operation of a batch. */
export interface OperationFact {
  readonly type: 'operation';
  readonly seq: number;
  readonly kind: OperationKind;
  readonly keyspaceId: number;
  readonly key: Uint8Array;
  /** Undefined for a delete. */
  readonly value: Uint8Array | undefined;
}

/** A change to what the database consists of, in a manifest. */
export interface EditFact {
  readonly type: 'edit';
  readonly offset: number;
  readonly bytes: number;
  readonly edit: VersionEdit;
  /** The same as text, one line for each thing that changes. */
  readonly lines: readonly string[];
  readonly isBehindDamage: boolean;
}

/** What a table says of its whole content. */
export interface PropertiesFact {
  readonly type: 'properties';
  readonly offset: number;
  readonly properties: TableProperties;
}

/** A block of a table that checks out; for a data block the facts of its entries follow. */
export interface BlockFact {
  readonly type: 'block';
  readonly offset: number;
  /** Size in the file. */
  readonly bytes: number;
  /** Size once decompressed. */
  readonly rawBytes: number;
  readonly role: 'data' | 'filter' | 'index' | 'properties' | 'metaindex' | 'unknown';
  readonly codec: 'none' | 'lz4' | 'zstd';
  /** Entries of a data block, data blocks of an index. */
  readonly entries?: number;
}

/** One version of one key, in a table. */
export interface EntryFact {
  readonly type: 'entry';
  readonly seq: number;
  readonly kind: 'put' | 'delete';
  readonly key: Uint8Array;
  /** Undefined for a delete. */
  readonly value: Uint8Array | undefined;
}

/** Bytes that are not as they were written. */
export interface DamageFact {
  readonly type: 'damage';
  readonly offset: number;
  /** How many bytes could not be read because of it; undefined where that is not known. */
  readonly bytes?: number;
  readonly what: string;
}

/** The end of a log or manifest that holds no whole record, as a crash in the middle of a write leaves it. */
export interface TornEndFact {
  readonly type: 'torn-end';
  readonly offset: number;
  readonly bytes: number;
  readonly what: string;
}

/** The last fact of a file. */
export interface EndFact {
  readonly type: 'end';
  /** Behind the last thing that could be read. */
  readonly offset: number;
  /** Batches of a log, edits of a manifest, data blocks of a table that check out; 1 for CURRENT. */
  readonly records: number;
  /** Operations of a log, entries of a table; 0 for others. */
  readonly entries: number;
  readonly damages: number;
}

/** One fact about a file, told apart by `type`. */
export type FileFact =
  | HeaderFact
  | BatchFact
  | OperationFact
  | EditFact
  | PropertiesFact
  | BlockFact
  | EntryFact
  | DamageFact
  | TornEndFact
  | EndFact;
