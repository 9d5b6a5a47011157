import type { Version } from '../manifest/version.js';
import type { KeyspaceCore } from './keyspace-core.js';

/** Less is not worth the syncs of a compaction. */
const leastPatience = 50_000;
/** Wasted probes for each entry that is rewritten. */
const probesPerEntry = 0.25;

/** An L0 is known by its newest table and how many there are. */
interface Level0 {
  readonly newest: number;
  readonly tables: number;
}

/**
 * Finds an L0 that reads look into in vain: once they have wasted a quarter as many
 * probes on it as bringing it down rewrites entries. With four tables of a million
 * entries that is after some 200,000 gets, or half a scan of everything. A rewritten
 * entry costs a worker about twice what a wasted probe costs a reader, but only once,
 * and nobody waits for the worker.
 *
 * The count begins anew when L0 has changed. So it is a database at rest, or
 * nearly so, that gets the form in which it is read fastest; where much is
 * written, L0 has a new table before it is due, and the trigger decides.
 */
export class ReadWatch {
  readonly #seen = new Map<KeyspaceCore, Level0>();
  readonly #due = new Set<KeyspaceCore>();

  /**
   * The keyspace's patience is spent: it gets new one. True: its L0 is due from now on,
   * unless that `isPutOff`.
   */
  spent(keyspace: KeyspaceCore, isPutOff: boolean): boolean {
    const { version } = keyspace;
    const seen = this.#seen.get(keyspace);
    const now = level0Of(version);
    this.#seen.set(keyspace, now);
    keyspace.reads.patience = patienceFor(version);
    if (isPutOff || now.tables === 0 || now.newest !== seen?.newest || now.tables !== seen.tables)
      return false;
    this.#due.add(keyspace);
    return true;
  }

  /** Until its L0 is another one. */
  isDue(keyspace: KeyspaceCore): boolean {
    if (!this.#due.has(keyspace)) return false;
    const { newest, tables } = level0Of(keyspace.version);
    const seen = this.#seen.get(keyspace);
    if (newest === seen?.newest && tables === seen.tables) return true;
    this.#due.delete(keyspace);
    return false;
  }

  forget(keyspace: KeyspaceCore): void {
    this.#seen.delete(keyspace);
    this.#due.delete(keyspace);
  }
}

function level0Of(version: Version): Level0 {
  const level0 = version.tablesAt(0);
  return { newest: level0.at(0)?.fileNumber ?? 0, tables: level0.length };
}

/** Wasted probes that pay for merging L0 into L1, those among them that deeper levels cost. */
function patienceFor(version: Version): number {
  const level0 = version.tablesAt(0);
  if (level0.length === 0) return leastPatience;
  let entries = 0;
  for (const table of [...level0, ...version.tablesAt(1)]) entries += table.entries;
  const depth = level0.length + version.deepestLevel;
  return Math.max(leastPatience, (probesPerEntry * entries * depth) / level0.length);
}
