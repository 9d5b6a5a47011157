import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { settingsArbitrary, tableArbitrary } from '../../test/manifest/arbitraries.js';
import { bytes, describeState, statesOf, table, workload } from '../../test/manifest/fixtures.js';
import { decodeEdit, encodeEdit } from './edit-codec.js';
import { applyEdit, emptyState, StateBuilder, type ManifestState } from './manifest-state.js';
import { snapshotEdits } from './snapshot-edits.js';
import type { VersionEdit } from './version-edit.js';

const start = statesOf([])[0];

function problemOf(edit: VersionEdit, state = start): string | undefined {
  const builder = new StateBuilder(state);
  const problem = builder.apply(edit);
  if (problem !== undefined) return problem;
  const built = builder.build();
  return typeof built === 'string' ? built : undefined;
}

function reread(state: ManifestState, maxBytes?: number): ManifestState {
  const builder = StateBuilder.forManifest();
  for (const edit of snapshotEdits(state, maxBytes)) {
    expect(builder.apply(decodeEdit(encodeEdit(edit), 'MANIFEST-000001', 0))).toBeUndefined();
  }
  const built = builder.build();
  if (typeof built === 'string') throw new Error(built);
  return built;
}

describe('applyEdit', () => {
  test('what an edit says is in the state, and the state before is as it was', () => {
    const before = describeState(start);
    const state = applyEdit(start, {
      addedKeyspaces: [{ id: 4, name: 'four' }],
      settings: [{ keyspaceId: 4, settings: { bloomBitsPerKey: 12 } }],
      flushedSeqs: [{ keyspaceId: 0, seq: 9 }],
      logNumber: 7,
      addedTables: [table(5, 0, 'a', 'b', { largestSeq: 11 })],
      cursors: [{ keyspaceId: 0, level: 3, key: bytes('m') }],
    });
    expect(describeState(start)).toBe(before);
    expect([...state.keyspaces.keys()]).toEqual([0, 4]);
    expect(state.nextKeyspaceId).toBe(5);
    expect(state.lastSeq).toBe(11);
    expect(state.logNumber).toBe(7);
    expect(state.keyspaces.get(4)!.settings).toEqual({ bloomBitsPerKey: 12 });
    const { flushedSeq, version, cursors } = state.keyspaces.get(0)!;
    expect(flushedSeq).toBe(9);
    expect(version.tableCount).toBe(1);
    expect(cursors.get(3)).toEqual(bytes('m'));
  });

  test('a version that no edit touched is the same object', () => {
    const state = applyEdit(start, { addedTables: [table(5, 0, 'a', 'b')] });
    const next = applyEdit(state, { lastSeq: 100 });
    expect(next.keyspaces.get(0)!.version).toBe(state.keyspaces.get(0)!.version);
  });

  test('clean close holds until the next edit', () => {
    const closed = applyEdit(start, { cleanClose: { logNumber: 3, syncedLength: 99 } });
    expect(closed.cleanClose).toEqual({ logNumber: 3, syncedLength: 99 });
    expect(applyEdit(closed, {}).cleanClose).toBeUndefined();
    expect(reread(closed).cleanClose).toEqual({ logNumber: 3, syncedLength: 99 });
  });

  test('a dropped keyspace takes its tables along; its name is free, its id is not', () => {
    const with1 = applyEdit(start, {
      addedKeyspaces: [{ id: 1, name: 'x' }],
      addedTables: [table(5, 0, 'a', 'b', { keyspaceId: 1 })],
    });
    const again = applyEdit(with1, {
      droppedKeyspaces: [1],
      addedKeyspaces: [{ id: 2, name: 'x' }],
    });
    expect([...again.keyspaces.keys()]).toEqual([0, 2]);
    expect(again.keyspaces.get(2)!.version.tableCount).toBe(0);
    expect(problemOf({ addedKeyspaces: [{ id: 1, name: 'y' }] }, again)).toBe(
      'keyspace id 1 was used before',
    );
  });

  const withTable = applyEdit(start, {
    addedTables: [table(5, 1, 'a', 'c')],
    lastSeq: 50,
    logNumber: 9,
    flushedSeqs: [{ keyspaceId: 0, seq: 40 }],
  });

  test.each<[string, VersionEdit]>([
    ['no keyspace 3 to drop', { droppedKeyspaces: [3] }],
    ['two keyspaces have the name "default"', { addedKeyspaces: [{ id: 3, name: 'default' }] }],
    ['no keyspace 3', { flushedSeqs: [{ keyspaceId: 3, seq: 60 }] }],
    ['no keyspace 3', { settings: [{ keyspaceId: 3, settings: {} }] }],
    ['no keyspace 3', { cursors: [{ keyspaceId: 3, level: 0, key: bytes('') }] }],
    ['no keyspace 3', { addedTables: [table(6, 1, 'a', 'b', { keyspaceId: 3 })] }],
    ['no keyspace 3', { removedTables: [{ keyspaceId: 3, fileNumber: 5 }] }],
    ['no keyspace 0', { droppedKeyspaces: [0], flushedSeqs: [{ keyspaceId: 0, seq: 60 }] }],
    ['lastSeq goes back from 50 to 49', { lastSeq: 49 }],
    ['nextKeyspaceId goes back from 1 to 0', { nextKeyspaceId: 0 }],
    ['nextFileNumber goes back from 1002 to 1001', { nextFileNumber: 1001 }],
    ['logNumber goes back from 9 to 8', { logNumber: 8 }],
    ['flushed seq of keyspace 0 goes back', { flushedSeqs: [{ keyspaceId: 0, seq: 39 }] }],
    ['log 1002 is not below the next file number 1002', { logNumber: 1002 }],
    ['table 1002 is not below the next file number', { addedTables: [table(1002, 0, 'a', 'b')] }],
    ['table 6 is removed but not there', { removedTables: [{ keyspaceId: 0, fileNumber: 6 }] }],
    [
      'table 5 is removed twice',
      {
        removedTables: [
          { keyspaceId: 0, fileNumber: 5 },
          { keyspaceId: 0, fileNumber: 5 },
        ],
      },
    ],
    ['a table is added twice', { addedTables: [table(5, 2, 'a', 'b')] }],
    ['tables 5 and 6 overlap', { addedTables: [table(6, 1, 'b', 'd')] }],
    ['a second end of the snapshot', { isSnapshotEnd: true }],
    [
      'table 6 is in two keyspaces',
      {
        addedKeyspaces: [{ id: 1, name: 'x' }],
        addedTables: [table(6, 0, 'a', 'b'), table(6, 0, 'a', 'b', { keyspaceId: 1 })],
      },
    ],
  ])('refuses: %s', (message, edit) => {
    expect(problemOf(edit, withTable)).toContain(message);
    expect(() => applyEdit(withTable, edit)).toThrow(message);
  });
});

describe('edits one by one and edits gathered', () => {
  test('give the same state', () => {
    const edits = workload(40);
    const builder = new StateBuilder(start);
    for (const edit of edits) expect(builder.apply(edit)).toBeUndefined();
    const gathered = builder.build();
    expect(describeState(gathered as ManifestState)).toBe(describeState(statesOf(edits)[40]));
  });
});

describe('snapshotEdits', () => {
  const anyState = fc
    .record({
      tables: fc.uniqueArray(tableArbitrary, {
        maxLength: 12,
        selector: (each) => each.fileNumber,
      }),
      settings: settingsArbitrary,
      seq: fc.nat(),
    })
    .map(({ tables, settings, seq }) =>
      applyEdit(emptyState, {
        addedKeyspaces: [
          { id: 0, name: 'default' },
          { id: 7, name: '日本' },
        ],
        settings: [{ keyspaceId: 7, settings }],
        flushedSeqs: [{ keyspaceId: 0, seq }],
        nextFileNumber: Number.MAX_SAFE_INTEGER,
        addedTables: tables
          .filter((each) => each.fileNumber < Number.MAX_SAFE_INTEGER)
          .map((each, i) => ({ ...each, level: 0, keyspaceId: i % 2 === 0 ? 0 : 7 })),
        cursors: [{ keyspaceId: 7, level: 2, key: bytes('here') }],
        counters: [
          {
            keyspaceId: 0,
            counters: { userBytes: 5, walBytes: 6, flushBytes: 7, read: [1], written: [2] },
          },
        ],
      }),
    );

  test('give the state again, however small the records are', () => {
    fc.assert(
      fc.property(anyState, fc.constantFrom(1, 500, 3000, undefined), (state, maxBytes) => {
        expect(describeState(reread(state, maxBytes))).toBe(describeState(state));
        const again = reread(state, maxBytes);
        expect(again.nextFileNumber).toBe(state.nextFileNumber);
        expect(again.keyspaces.get(7)).toEqual(state.keyspaces.get(7));
      }),
      { numRuns: 200 },
    );
  });

  test('are split near the size asked for; only the last one is the end', () => {
    const state = statesOf(workload(60))[60];
    const edits = [...snapshotEdits(state, 2000)];
    expect(edits.length).toBeGreaterThan(4);
    for (const edit of edits) expect(encodeEdit(edit).length).toBeLessThan(2000);
    expect(edits.map((edit) => edit.isSnapshotEnd === true).indexOf(true)).toBe(edits.length - 1);
    expect([...snapshotEdits(state)]).toHaveLength(1);
  });
});
