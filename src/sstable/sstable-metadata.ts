/** What a table says about itself; frozen with the file. */
export interface SSTableMetadata {
  /** Path of the file. */
  readonly path: string;
  /** Bytes of the file. */
  readonly fileSize: number;
  /** Versions of keys, tombstones among them. */
  readonly entries: number;
  /** Tombstones among them. */
  readonly tombstones: number;
  /** First and last key, both inclusive; undefined in a table without entries. */
  readonly smallest: Uint8Array | undefined;
  /** The last key, inclusive; undefined in a table without entries. */
  readonly largest: Uint8Array | undefined;
  /** The lowest sequence number in it; 0 in a table without entries. */
  readonly smallestSeq: number;
  /** The highest sequence number in it; 0 in a table without entries. */
  readonly largestSeq: number;
  /** Key and value bytes before compression. */
  readonly rawBytes: number;
}

type Counted = Omit<SSTableMetadata, 'path' | 'fileSize' | 'smallest' | 'largest' | 'rawBytes'> & {
  readonly size: number;
  readonly smallest: Uint8Array;
  readonly largest: Uint8Array;
};

/** From what the writer or the reader knows. */
export function describeTable(path: string, table: Counted, rawBytes: number): SSTableMetadata {
  const isEmpty = table.entries === 0;
  return Object.freeze({
    path,
    fileSize: table.size,
    entries: table.entries,
    tombstones: table.tombstones,
    smallest: isEmpty ? undefined : table.smallest,
    largest: isEmpty ? undefined : table.largest,
    smallestSeq: table.smallestSeq,
    largestSeq: table.largestSeq,
    rawBytes,
  });
}
