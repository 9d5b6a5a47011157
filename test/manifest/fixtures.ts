/** Makers of data for the tests of src/manifest. */
import type { TableMeta } from '../../src/base/table-meta.js';

export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

export function table(
  fileNumber: number,
  level: number,
  smallest: string | Uint8Array,
  largest: string | Uint8Array,
  fields: Partial<TableMeta> = {},
): TableMeta {
  return {
    keyspaceId: 0,
    level,
    run: 0,
    fileNumber,
    tableId: { low: fileNumber, high: 7 },
    size: 1000,
    checksum: 0xc0ffee,
    smallest: typeof smallest === 'string' ? bytes(smallest) : smallest,
    largest: typeof largest === 'string' ? bytes(largest) : largest,
    smallestSeq: 1,
    largestSeq: 9,
    entries: 9,
    tombstones: 1,
    superseded: 0,
    rawBytes: 900,
    ...fields,
  };
}
