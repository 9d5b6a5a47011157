/** Makers of data for the tests of src/manifest. */
import type { TableMeta } from '../../src/base/table-meta.js';
import { describeEdit } from '../../src/manifest/describe-edit.js';
import { decodeEdit, encodeEdit } from '../../src/manifest/edit-codec.js';
import { applyEdit, emptyState, type ManifestState } from '../../src/manifest/manifest-state.js';
import { snapshotEdits } from '../../src/manifest/snapshot-edits.js';
import type { VersionEdit } from '../../src/manifest/version-edit.js';

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

/** A state as text, but for the reserve of file numbers, which depends on how often it was opened. */
export function describeState(state: ManifestState): string {
  return [...snapshotEdits(state, Infinity)]
    .map((edit) => describeEdit(decodeEdit(encodeEdit(edit), 'state', 0)))
    .join('')
    .replace(/^next file number .*\n/m, '');
}

/** Edits that fit each other, from the state of a new database on; about 300 bytes each. */
export function workload(count: number): VersionEdit[] {
  const edits: VersionEdit[] = [{ addedKeyspaces: [{ id: 1, name: 'sessions' }] }];
  for (let i = 1; i < count; i++) {
    const keyspaceId = i % 2;
    const seqs = { smallestSeq: i * 10, largestSeq: i * 10 + 9 };
    const key = (n: number): string => `k${String(n).padStart(3, '0')}`;
    const flushed = table(i, 0, key(i), `${key(i)}z`, { keyspaceId, ...seqs });
    const moved = table(i - 2, 1, key(i - 2), `${key(i - 2)}z`, { keyspaceId });
    edits.push({
      flushedSeqs: [{ keyspaceId, seq: i * 10 + 9 }],
      addedTables: i > 2 ? [flushed, moved] : [flushed],
      ...(i > 2 ? { removedTables: [{ keyspaceId, fileNumber: moved.fileNumber }] } : {}),
      cursors: [{ keyspaceId, level: 0, key: bytes(key(i)) }],
    });
  }
  return edits;
}

/** The state after each number of edits: `states[0]` is that of a new database. */
export function statesOf(edits: readonly VersionEdit[]): ManifestState[] {
  const states = [applyEdit(emptyState, { addedKeyspaces: [{ id: 0, name: 'default' }] })];
  // Large enough for the numbers that the workload makes up.
  states[0] = { ...states[0], nextFileNumber: 1002 };
  for (const edit of edits) states.push(applyEdit(states[states.length - 1], edit));
  return states;
}
