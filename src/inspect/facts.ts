import type { ChecksumDamage } from '../base/errors.js';

/*
 * What a file says about itself, one fact after the other, in the order of the
 * file. Bytes of keys and values are views, valid until the next fact is asked
 * for. Ids are 16 hex digits.
 */

/** What a file of a database is. */
export type InspectedKind = 'current' | 'manifest' | 'log' | 'table';

/** A fact that stands somewhere. */
export interface PlacedFact {
  /** Where it begins, in bytes from the start of the file. */
  readonly offset: number;
}

/** One version of one key. */
export interface KeyFact {
  /** Sequence number of the write. */
  readonly seq: number;
  /** The user key. */
  readonly key: Uint8Array;
  /** Undefined for a delete. */
  readonly value: Uint8Array | undefined;
}

/** The header that every file begins with. */
export interface HeaderFact {
  /** Tells facts apart. */
  readonly type: 'header';
  /** What the file is. */
  readonly kind: InspectedKind;
  /** Size of the header, in bytes. */
  readonly bytes: number;
  /** Size of the whole file, in bytes. */
  readonly fileBytes: number;
  /** Version of the format that it is written in. */
  readonly formatVersion: number;
  /** All zeros for a standalone table. */
  readonly databaseId: string;
  /** Random; every checksum of the file is bound to it. */
  readonly fileId: string;
  /** Of a log: how it is tied to others. */
  readonly links?: LogLinksFact;
  /** Of CURRENT: the manifest that counts. */
  readonly manifestNumber?: number;
  /** Of CURRENT: the `fileId` of that manifest. */
  readonly manifestFileId?: string;
}

/** What was there, and how much of it was durable, when a log began. */
export interface LogLinksFact {
  /** Number of the log before it, 0 for the first. */
  readonly previousLog: number;
  /** Where that one ends. */
  readonly previousEnd: number;
  /** Up to where that one was synced. */
  readonly previousSynced: number;
  /** The first sequence number that this log may hold. */
  readonly firstSeq: number;
  /** Number of the manifest in force. */
  readonly manifestNumber: number;
  /** Up to where that was synced. */
  readonly manifestSynced: number;
}

/** A batch in a log; the facts of its operations follow. */
export interface BatchFact extends PlacedFact {
  /** Tells facts apart. */
  readonly type: 'batch';
  /** Length of the record. */
  readonly bytes: number;
  /** Sequence number of its first operation; the others follow in order. */
  readonly firstSeq: number;
  /** How many there are. */
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
export interface OperationFact extends KeyFact {
  /** Tells facts apart. */
  readonly type: 'operation';
  /** What it does. */
  readonly kind: OperationKind;
  /** The manifest tells which keyspace has this id. */
  readonly keyspaceId: number;
}

/** A change to what the database consists of, in a manifest. */
export interface EditFact extends PlacedFact {
  /** Tells facts apart. */
  readonly type: 'edit';
  /** Length of the record. */
  readonly bytes: number;
  /** Plain data; its shape follows the format and may grow with it. */
  readonly edit: object;
  /** The same as text, one line for each thing that changes. */
  readonly lines: readonly string[];
  /** Found behind damage: no recovery applies it. */
  readonly isBehindDamage: boolean;
}

/** What a table says of its whole content. */
export interface PropertiesFact extends PlacedFact {
  /** Tells facts apart. */
  readonly type: 'properties';
  /** By name, as docs/format/table.md lists them: counts, sizes, `smallest` and `largest` key, … */
  readonly properties: Readonly<Record<string, number | string | Uint8Array>>;
}

/** A block of a table that checks out; for a data block the facts of its entries follow. */
export interface BlockFact extends PlacedFact {
  /** Tells facts apart. */
  readonly type: 'block';
  /** Size in the file. */
  readonly bytes: number;
  /** Size once decompressed. */
  readonly rawBytes: number;
  /** What is in it; `unknown` where the index of the table cannot be read. */
  readonly role: 'data' | 'filter' | 'index' | 'properties' | 'metaindex' | 'unknown';
  /** How it is compressed. */
  readonly codec: 'none' | 'lz4' | 'zstd';
  /** Entries of a data block, data blocks of an index. */
  readonly entries?: number;
}

/** One version of one key, in a table. */
export interface EntryFact extends KeyFact {
  /** Tells facts apart. */
  readonly type: 'entry';
  /** A delete is a tombstone. */
  readonly kind: 'put' | 'delete';
}

/** Bytes that are not as they were written. */
export interface DamageFact extends PlacedFact {
  /** Tells facts apart. */
  readonly type: 'damage';
  /** How many bytes could not be read because of it; undefined where that is not known. */
  readonly bytes?: number;
  /** For people. */
  readonly what: string;
  /** Of a checksum that does not match. */
  readonly checksum?: ChecksumDamage;
}

/** The end of a log or manifest that holds no whole record, as a crash in the middle of a write leaves it. */
export interface TornEndFact extends PlacedFact {
  /** Tells facts apart. */
  readonly type: 'torn-end';
  /** How many bytes there are. */
  readonly bytes: number;
  /** For people. */
  readonly what: string;
  /** Of a checksum that does not match. */
  readonly checksum?: ChecksumDamage;
}

/** The last fact of a file; its `offset` is behind the last thing that could be read. */
export interface EndFact extends PlacedFact {
  /** Tells facts apart. */
  readonly type: 'end';
  /** Batches of a log, edits of a manifest, data blocks of a table that check out; 1 for CURRENT. */
  readonly records: number;
  /** Operations of a log, entries of a table; 0 for others. */
  readonly entries: number;
  /** Places that are damaged. */
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
