import { ArenaPool } from '../memtable/arena-pool.js';

/** Arenas are no larger than this, and small for small memtables, of which tests open thousands. */
const largestArenaBytes = 16 * 1024 * 1024;
const smallestArenaBytes = 64 * 1024;

/** A memtable takes at least one arena, and there may be many keyspaces with little in them. */
const namedArenaBytes = 1024 * 1024;

/** The arenas of all memtables of a database. */
export class MemtablePools {
  readonly #pools = new Map<number, ArenaPool>();

  /** Where the memtables of a keyspace take their memory from. */
  poolFor(memtableBytes: number, isDefault: boolean): ArenaPool {
    const fitting = arenaBytesFor(memtableBytes);
    const arenaBytes = isDefault ? fitting : Math.min(fitting, namedArenaBytes);
    let pool = this.#pools.get(arenaBytes);
    if (pool === undefined) {
      const maxPooledBytes = Math.max(4 * arenaBytes, largestArenaBytes);
      pool = new ArenaPool({
        arenaBytes,
        maxPooledBytes: isDefault ? 4 * arenaBytes : maxPooledBytes,
      });
      this.#pools.set(arenaBytes, pool);
    }
    return pool;
  }

  /** Bytes of arenas, in use and idle. */
  get bytes(): number {
    let bytes = 0;
    for (const pool of this.#pools.values()) bytes += pool.usedBytes + pool.pooledBytes;
    return bytes;
  }
}

/** A power of two of about half the memtable: a memtable is a whole number of arenas. */
function arenaBytesFor(memtableBytes: number): number {
  const half = 2 ** Math.floor(Math.log2(memtableBytes / 2));
  return Math.min(largestArenaBytes, Math.max(smallestArenaBytes, half));
}
