import type { StoredSettings } from '../manifest/settings-codec.js';
import { defaultKeyspaceId, defaultKeyspaceName } from '../manifest/version-set.js';
import type { ManifestHints } from './manifest-hints.js';

export interface KnownKeyspace {
  readonly id: number;
  readonly name: string;
  readonly settings: StoredSettings;
}

/**
 * The keyspaces of a database whose manifest is lost: those that manifests still
 * name, that tables say they belong to, and that logs write to. Ids are never
 * given twice, and a name belongs to one living keyspace: so of two with the same
 * name the one with the lower id was dropped.
 */
export class KnownKeyspaces {
  readonly #byId = new Map<number, KnownKeyspace>();
  readonly #dropped: Set<number>;
  readonly #hints: ManifestHints;
  /** Names made up for those whose own is lost. */
  readonly madeUp: string[] = [];
  #nextId: number;

  constructor(hints: ManifestHints, fromTables: ReadonlyMap<number, string>) {
    this.#hints = hints;
    this.#dropped = new Set(hints.dropped);
    const names = new Map([...fromTables, ...hints.names]);
    names.set(defaultKeyspaceId, defaultKeyspaceName);
    const newest = new Map<string, number>();
    for (const [id, name] of names) newest.set(name, Math.max(id, newest.get(name) ?? 0));
    for (const [id, name] of names) {
      if (newest.get(name) !== id) this.#dropped.add(id);
      else if (!this.#dropped.has(id)) this.#add(id, name);
    }
    this.#nextId = Math.max(hints.nextKeyspaceId, ...[...names.keys()].map((id) => id + 1));
  }

  isDropped(id: number): boolean {
    return this.#dropped.has(id);
  }

  /** By id, ascending. */
  get all(): KnownKeyspace[] {
    return [...this.#byId.values()].sort((a, b) => a.id - b.id);
  }

  get nextId(): number {
    return this.#nextId;
  }

  get(id: number): KnownKeyspace | undefined {
    return this.#byId.get(id);
  }

  /** A keyspace of which only the id is known: of a log. */
  addUnnamed(id: number): void {
    if (this.#dropped.has(id) || this.#byId.has(id)) return;
    this.#nextId = Math.max(this.#nextId, id + 1);
    this.#makeUp(id, `recovered-${id}`);
  }

  /**
   * A new one, for a table that does not say whose it is: that no other keyspace is known may
   * mean that all trace of it is lost, and its values are not to be read under another's keys.
   */
  forUnknown(tableNumber: number): KnownKeyspace {
    return this.#makeUp(this.#nextId++, `recovered-table-${tableNumber}`);
  }

  #makeUp(id: number, wanted: string): KnownKeyspace {
    let name = wanted;
    while ([...this.#byId.values()].some((each) => each.name === name)) name += '-';
    this.madeUp.push(name);
    return this.#add(id, name);
  }

  #add(id: number, name: string): KnownKeyspace {
    const keyspace = { id, name, settings: this.#hints.settings.get(id) ?? {} };
    this.#byId.set(id, keyspace);
    return keyspace;
  }
}
