import { assert } from '../base/assert.js';
import type { TableMeta } from '../base/table-meta.js';
import type { StoredSettings } from './settings-codec.js';
import {
  zeroCounters,
  type CleanClose,
  type KeyspaceCounters,
  type VersionEdit,
} from './version-edit.js';
import { Version } from './version.js';

/** One keyspace as the manifest knows it. Immutable: an edit makes a new one. */
export interface KeyspaceState {
  readonly id: number;
  readonly name: string;
  readonly version: Version;
  /** Entries up to here are in tables. */
  readonly flushedSeq: number;
  readonly settings: StoredSettings;
  /** By level: where its next compaction begins. */
  readonly cursors: ReadonlyMap<number, Uint8Array>;
  readonly counters: KeyspaceCounters;
}

/** What all edits of a manifest together say. Immutable. */
export interface ManifestState {
  /** By id, ascending. */
  readonly keyspaces: ReadonlyMap<number, KeyspaceState>;
  readonly nextKeyspaceId: number;
  readonly lastSeq: number;
  readonly nextFileNumber: number;
  readonly logNumber: number;
  readonly cleanClose: CleanClose | undefined;
}

export const emptyState: ManifestState = {
  keyspaces: new Map(),
  nextKeyspaceId: 0,
  lastSeq: 0,
  nextFileNumber: 1,
  logNumber: 0,
  cleanClose: undefined,
};

/** A keyspace while edits are gathered: its version is made once, however many edits there are. */
interface Draft {
  readonly base: KeyspaceState;
  flushedSeq: number;
  settings: StoredSettings;
  readonly cursors: Map<number, Uint8Array>;
  counters: KeyspaceCounters;
  readonly added: Map<number, TableMeta>;
  readonly removed: Set<number>;
}

/**
 * Applies edits to a state. A problem is returned as text: to the writer of the
 * edit it is a broken invariant, to the reader of a manifest it is damage. After
 * a problem the builder is of no use.
 */
export class StateBuilder {
  readonly #drafts = new Map<number, Draft>();
  readonly #names = new Set<string>();
  #numbers: Omit<ManifestState, 'keyspaces'>;
  #isInSnapshot = false;

  constructor(base: ManifestState) {
    const { keyspaces, ...numbers } = base;
    this.#numbers = numbers;
    for (const keyspace of keyspaces.values()) this.#addDraft(keyspace);
  }

  /** For reading a manifest: clean close is kept among the records of its snapshot. */
  static forManifest(): StateBuilder {
    const builder = new StateBuilder(emptyState);
    builder.#isInSnapshot = true;
    return builder;
  }

  apply(edit: VersionEdit): string | undefined {
    return this.#applyKeyspaces(edit) ?? this.#applyNumbers(edit) ?? this.#applyContents(edit);
  }

  build(): ManifestState | string {
    const { nextFileNumber, logNumber, nextKeyspaceId } = this.#numbers;
    if (logNumber >= nextFileNumber)
      return `log ${logNumber} is not below the next file number ${nextFileNumber}`;
    const keyspaces = new Map<number, KeyspaceState>();
    const fileNumbers = new Set<number>();
    for (const [id, draft] of [...this.#drafts].sort(([a], [b]) => a - b)) {
      if (id >= nextKeyspaceId) return `keyspace ${id} is not below the next keyspace id`;
      const keyspace = finishDraft(draft);
      if (typeof keyspace === 'string') return `keyspace ${id}: ${keyspace}`;
      for (const table of draft.added.values()) {
        if (table.fileNumber >= nextFileNumber) {
          return `table ${table.fileNumber} is not below the next file number ${nextFileNumber}`;
        }
        if (fileNumbers.has(table.fileNumber))
          return `table ${table.fileNumber} is in two keyspaces`;
        fileNumbers.add(table.fileNumber);
      }
      keyspaces.set(id, keyspace);
    }
    return { keyspaces, ...this.#numbers };
  }

  #addDraft(base: KeyspaceState): void {
    const { flushedSeq, settings, counters } = base;
    const cursors = new Map(base.cursors);
    const tables = { added: new Map<number, TableMeta>(), removed: new Set<number>() };
    this.#drafts.set(base.id, { base, flushedSeq, settings, cursors, counters, ...tables });
    this.#names.add(base.name);
  }

  #applyKeyspaces(edit: VersionEdit): string | undefined {
    for (const id of edit.droppedKeyspaces ?? []) {
      const draft = this.#drafts.get(id);
      if (draft === undefined) return `no keyspace ${id} to drop`;
      this.#drafts.delete(id);
      this.#names.delete(draft.base.name);
    }
    for (const { id, name } of edit.addedKeyspaces ?? []) {
      if (id < this.#numbers.nextKeyspaceId) return `keyspace id ${id} was used before`;
      if (this.#names.has(name)) return `two keyspaces have the name ${JSON.stringify(name)}`;
      this.#addDraft({
        id,
        name,
        version: Version.empty(),
        flushedSeq: 0,
        settings: {},
        cursors: new Map(),
        counters: zeroCounters,
      });
      this.#numbers = { ...this.#numbers, nextKeyspaceId: id + 1 };
    }
    return undefined;
  }

  #applyNumbers(edit: VersionEdit): string | undefined {
    const next = { ...this.#numbers };
    for (const name of ['nextKeyspaceId', 'lastSeq', 'nextFileNumber', 'logNumber'] as const) {
      const value = edit[name] ?? next[name];
      if (value < next[name]) return `${name} goes back from ${next[name]} to ${value}`;
      next[name] = value;
    }
    if (edit.cleanClose !== undefined || !this.#isInSnapshot) next.cleanClose = edit.cleanClose;
    if (edit.isSnapshotEnd === true) {
      if (!this.#isInSnapshot) return 'a second end of the snapshot';
      this.#isInSnapshot = false;
    }
    for (const { seq } of edit.flushedSeqs ?? []) next.lastSeq = Math.max(next.lastSeq, seq);
    for (const { largestSeq } of edit.addedTables ?? []) {
      next.lastSeq = Math.max(next.lastSeq, largestSeq);
    }
    this.#numbers = next;
    return undefined;
  }

  #applyContents(edit: VersionEdit): string | undefined {
    for (const keyspaceId of keyspacesOf(edit)) {
      if (!this.#drafts.has(keyspaceId)) return `no keyspace ${keyspaceId}`;
    }
    for (const { keyspaceId, seq } of edit.flushedSeqs ?? []) {
      const draft = this.#drafts.get(keyspaceId)!;
      if (seq < draft.flushedSeq) return `flushed seq of keyspace ${keyspaceId} goes back`;
      draft.flushedSeq = seq;
    }
    for (const { keyspaceId, settings } of edit.settings ?? []) {
      this.#drafts.get(keyspaceId)!.settings = settings;
    }
    for (const { keyspaceId, level, key } of edit.cursors ?? []) {
      this.#drafts.get(keyspaceId)!.cursors.set(level, key);
    }
    for (const { keyspaceId, counters } of edit.counters ?? []) {
      this.#drafts.get(keyspaceId)!.counters = counters;
    }
    return this.#applyTables(edit);
  }

  #applyTables(edit: VersionEdit): string | undefined {
    for (const { keyspaceId, fileNumber } of edit.removedTables ?? []) {
      const { added, removed } = this.#drafts.get(keyspaceId)!;
      if (added.delete(fileNumber)) continue;
      if (removed.has(fileNumber)) return `table ${fileNumber} is removed twice`;
      removed.add(fileNumber);
    }
    for (const table of edit.addedTables ?? []) {
      const { added } = this.#drafts.get(table.keyspaceId)!;
      if (added.has(table.fileNumber)) return `table ${table.fileNumber} is added twice`;
      added.set(table.fileNumber, table);
    }
    return undefined;
  }
}

function finishDraft(draft: Draft): KeyspaceState | string {
  const { base, flushedSeq, settings, cursors, counters, added, removed } = draft;
  const isSame = added.size === 0 && removed.size === 0;
  const version = isSame ? base.version : base.version.tryApply([...added.values()], [...removed]);
  if (typeof version === 'string') return version;
  return { id: base.id, name: base.name, version, flushedSeq, settings, cursors, counters };
}

function* keyspacesOf(edit: VersionEdit): IterableIterator<number> {
  for (const { keyspaceId } of edit.flushedSeqs ?? []) yield keyspaceId;
  for (const { keyspaceId } of edit.settings ?? []) yield keyspaceId;
  for (const { keyspaceId } of edit.cursors ?? []) yield keyspaceId;
  for (const { keyspaceId } of edit.counters ?? []) yield keyspaceId;
  for (const { keyspaceId } of edit.removedTables ?? []) yield keyspaceId;
  for (const { keyspaceId } of edit.addedTables ?? []) yield keyspaceId;
}

/** The state after one edit of ours, which must fit it. */
export function applyEdit(state: ManifestState, edit: VersionEdit): ManifestState {
  const builder = new StateBuilder(state);
  const problem = builder.apply(edit);
  assert(problem === undefined, `version edit: ${problem}`);
  const next = builder.build();
  if (typeof next !== 'string') return next;
  assert(false, `version edit: ${next}`);
}
