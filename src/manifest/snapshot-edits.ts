import type { ManifestState } from './manifest-state.js';
import { encodeSettings } from './settings-codec.js';
import type { VersionEdit } from './version-edit.js';

/** A record of a snapshot is cut near this size, so that no reader needs much memory at once. */
const recordBytes = 1024 * 1024;

type Gathered = { -readonly [Name in keyof VersionEdit]: VersionEdit[Name] };

/**
 * A state as the edits that a manifest begins with, the last one marked as the
 * snapshot's end. Applied to nothing they give the state again.
 */
export function* snapshotEdits(
  state: ManifestState,
  maxBytes = recordBytes,
): IterableIterator<VersionEdit> {
  let gathered: Gathered = {};
  let size = 0;
  for (const [piece, pieceBytes] of pieces(state)) {
    if (size > 0 && size + pieceBytes > maxBytes) {
      yield gathered;
      gathered = {};
      size = 0;
    }
    join(gathered, piece);
    size += pieceBytes;
  }
  const { nextKeyspaceId, lastSeq, nextFileNumber, logNumber, cleanClose } = state;
  join(gathered, { nextKeyspaceId, lastSeq, nextFileNumber, logNumber, isSnapshotEnd: true });
  if (cleanClose !== undefined) gathered.cleanClose = cleanClose;
  yield gathered;
}

/** Each with its size in bytes, roughly: what stands beside keys and names is below 200. */
function* pieces(state: ManifestState): IterableIterator<readonly [VersionEdit, number]> {
  for (const keyspace of state.keyspaces.values()) {
    const { id: keyspaceId, name, settings, flushedSeq, counters } = keyspace;
    const head: VersionEdit = {
      addedKeyspaces: [{ id: keyspaceId, name }],
      settings: [{ keyspaceId, settings }],
      flushedSeqs: [{ keyspaceId, seq: flushedSeq }],
      counters: [{ keyspaceId, counters }],
    };
    yield [
      head,
      200 + 4 * name.length + encodeSettings(settings).length + 16 * counters.read.length,
    ];
    for (const [level, key] of keyspace.cursors) {
      yield [{ cursors: [{ keyspaceId, level, key }] }, 200 + key.length];
    }
    for (const table of keyspace.version.tables()) {
      yield [{ addedTables: [table] }, 200 + table.smallest.length + table.largest.length];
    }
  }
}

function join(into: Gathered, piece: VersionEdit): void {
  for (const [name, value] of Object.entries(piece) as [keyof VersionEdit, unknown][]) {
    const before: unknown = into[name];
    const isList = Array.isArray(before) && Array.isArray(value);
    if (isList) before.push(...(value as unknown[]));
    else Object.assign(into, { [name]: value });
  }
}
