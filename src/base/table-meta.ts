import type { FileId } from './checksum.js';

/** Codec of the blocks of a table. */
export type Compression = 'none' | 'lz4' | 'zstd';
/** How long blocks stay in the block cache: `high` longest, `none` not at all. */
export type CachePriority = 'high' | 'normal' | 'none';

/** How tables are written and cached; plain data, sent to the worker. */
export interface TableSettings {
  readonly compression: Compression;
  /** Raw bytes after which a data block is cut. */
  readonly blockSizeBytes: number;
  /** 0 writes no filter. */
  readonly bloomBitsPerKey: number;
  readonly cachePriority: CachePriority;
}

/** What the manifest knows of a table: enough to decide about it without opening it. */
export interface TableMeta {
  readonly keyspaceId: number;
  readonly level: number;
  /** Sorted run inside the level; 0 today. */
  readonly run: number;
  readonly fileNumber: number;
  readonly tableId: FileId;
  /** Bytes of the file. */
  readonly size: number;
  /** CRC-32 over the footer, which holds the checksum of the tail's directory. */
  readonly checksum: number;
  /** First and last user key, both inclusive. */
  readonly smallest: Uint8Array;
  readonly largest: Uint8Array;
  readonly smallestSeq: number;
  readonly largestSeq: number;
  readonly entries: number;
  readonly tombstones: number;
  /** Entries hidden by a newer one, kept only for snapshots. */
  readonly superseded: number;
  /** Key and value bytes before compression. */
  readonly rawBytes: number;
}
