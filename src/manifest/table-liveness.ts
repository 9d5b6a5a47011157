import { assert } from '../base/assert.js';
import type { VersionEdit } from './version-edit.js';
import type { Version } from './version.js';

/** When a version came to be, and who still looks at it. Moments are counts of edits. */
interface Life {
  readonly keyspaceId: number;
  readonly born: number;
  pins: number;
  isCurrent: boolean;
}

interface Numbered {
  readonly fileNumber: number;
}

type Keyspaces = ReadonlyMap<number, { readonly id: number; readonly version: Version }>;

interface Removal {
  readonly keyspaceId: number;
  readonly addedAt: number;
  readonly removedAt: number;
}

/**
 * Knows which table files nobody needs any more. A version that was born at a
 * moment in [added, removed) of a table of its keyspace contains that table; so
 * a removed table is obsolete when no version that is still pinned was born then.
 * No version's tables are ever walked through, however many are pinned.
 */
export class TableLiveness {
  readonly #lives = new Map<Version, Life>();
  readonly #addedAt = new Map<number, number>();
  readonly #removed = new Map<number, Removal>();
  #moment = 0;

  constructor(keyspaces: Keyspaces) {
    for (const { id, version } of keyspaces.values()) {
      this.#publishVersion(id, undefined, version, [...version.tables()], []);
    }
  }

  /** The durable `edit` took the keyspaces from `before` to `after`. */
  publish(before: Keyspaces, after: Keyspaces, edit: VersionEdit): void {
    for (const id of new Set([...before.keys(), ...after.keys()])) {
      const from = before.get(id)?.version;
      const to = after.get(id)?.version;
      if (from === to) continue;
      const added = (edit.addedTables ?? []).filter((table) => table.keyspaceId === id);
      const removed =
        to === undefined
          ? [...from!.tables()]
          : (edit.removedTables ?? []).filter((table) => table.keyspaceId === id);
      this.#publishVersion(id, from, to, added, removed);
    }
  }

  /** Whether a current version holds this table. */
  has(fileNumber: number): boolean {
    return this.#addedAt.has(fileNumber);
  }

  /** Keeps the tables of a current or pinned version until `release`. */
  acquire(version: Version): void {
    if (version.tableCount === 0) return;
    const life = this.#lives.get(version);
    assert(life !== undefined, 'only a current or a pinned version can be pinned');
    life.pins++;
  }

  release(version: Version): void {
    if (version.tableCount === 0) return;
    const life = this.#lives.get(version);
    assert(life !== undefined && life.pins > 0, 'a version is released once too often');
    life.pins--;
    if (life.pins === 0 && !life.isCurrent) this.#lives.delete(version);
  }

  /** File numbers of tables that were removed and that no version needs, ascending. */
  obsoleteTables(): number[] {
    const old = [...this.#lives.values()].filter((life) => !life.isCurrent);
    const obsolete: number[] = [];
    for (const [fileNumber, { keyspaceId, addedAt, removedAt }] of this.#removed) {
      const isNeeded = old.some(
        (life) => life.keyspaceId === keyspaceId && life.born >= addedAt && life.born < removedAt,
      );
      if (!isNeeded) obsolete.push(fileNumber);
    }
    return obsolete.sort((a, b) => a - b);
  }

  /** Tables removed by an edit whose files are still there, needed or not. */
  get removedCount(): number {
    return this.#removed.size;
  }

  /** These files are gone. */
  forget(fileNumbers: Iterable<number>): void {
    for (const fileNumber of fileNumbers) this.#removed.delete(fileNumber);
  }

  /** Costs what the edit has tables, not what the version has. */
  #publishVersion(
    keyspaceId: number,
    before: Version | undefined,
    after: Version | undefined,
    added: readonly Numbered[],
    removed: readonly Numbered[],
  ): void {
    const moment = ++this.#moment;
    const leaving = new Set<number>();
    for (const { fileNumber } of removed) leaving.add(fileNumber);
    for (const { fileNumber } of added) {
      // A table that is both only moved.
      if (!leaving.delete(fileNumber)) this.#addedAt.set(fileNumber, moment);
    }
    for (const fileNumber of leaving) {
      const addedAt = this.#addedAt.get(fileNumber)!;
      this.#addedAt.delete(fileNumber);
      this.#removed.set(fileNumber, { keyspaceId, addedAt, removedAt: moment });
    }
    if (before !== undefined) this.#retire(before);
    if (after !== undefined && after.tableCount > 0) {
      this.#lives.set(after, { keyspaceId, born: moment, pins: 0, isCurrent: true });
    }
  }

  #retire(version: Version): void {
    const life = this.#lives.get(version);
    if (life === undefined) return;
    life.isCurrent = false;
    if (life.pins === 0) this.#lives.delete(version);
  }
}
