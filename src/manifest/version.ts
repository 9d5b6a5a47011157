import { assert } from '../base/assert.js';
import { compareBytes } from '../base/bytes.js';
import type { TableMeta } from '../base/table-meta.js';
import { LevelIndex } from './level-index.js';

/** Level numbers are below this; a manifest that says otherwise is damaged. */
export const maxLevels = 32;

const noTables: readonly TableMeta[] = [];

/**
 * The tables of one keyspace at one moment. Immutable: a flush or a compaction
 * makes a new version and swaps it in, and readers keep the one they began with.
 *
 * Level 0 holds overlapping tables, newest first. In every deeper level tables
 * are disjoint and sorted by key, so that one binary search finds the only table
 * that can hold a key.
 */
export class Version {
  /** Never empty: `levels[0]` is always there, and the last one is `max(0, deepestLevel)`. */
  readonly levels: readonly (readonly TableMeta[])[];
  readonly tableCount: number;
  readonly #bytes: readonly number[];

  /** By level, made at the first search; levels that an edit left alone keep theirs. */
  readonly #indexes: (LevelIndex | undefined)[];

  static readonly #empty = new Version([noTables], undefined);

  private constructor(levels: readonly (readonly TableMeta[])[], before: Version | undefined) {
    this.levels = levels;
    this.#indexes = levels.map((tables, level) =>
      before?.levels[level] === tables ? before.#indexes[level] : undefined,
    );
    this.#bytes = levels.map((tables) => tables.reduce((sum, table) => sum + table.size, 0));
    this.tableCount = levels.reduce((sum, tables) => sum + tables.length, 0);
  }

  static empty(): Version {
    return Version.#empty;
  }

  /**
   * The version after an edit: `removed` (file numbers, which must be here) are
   * taken out first, so that a table can move to another level in one edit.
   */
  apply(added: readonly TableMeta[], removed: readonly number[]): Version {
    const next = this.tryApply(added, removed);
    if (typeof next !== 'string') return next;
    assert(false, `version edit: ${next}`);
  }

  /** As `apply`, but says what is wrong instead of failing: for edits read from a disk. */
  tryApply(added: readonly TableMeta[], removed: readonly number[]): Version | string {
    const leaving = new Set(removed);
    if (leaving.size !== removed.length) return 'a table is removed twice';
    const levels: (readonly TableMeta[])[] = this.levels.map((tables) =>
      leaving.size > 0 && tables.some((table) => leaving.has(table.fileNumber))
        ? tables.filter((table) => !leaving.delete(table.fileNumber))
        : tables,
    );
    for (const fileNumber of leaving) return `table ${fileNumber} is removed but not there`;

    const arriving = new Map<number, TableMeta[]>();
    for (const table of added) {
      if (table.level < 0 || table.level >= maxLevels) return `no level ${table.level}`;
      if (compareBytes(table.smallest, table.largest) > 0) {
        return `table ${table.fileNumber} has its smallest key above its largest`;
      }
      const tables = arriving.get(table.level);
      if (tables === undefined) arriving.set(table.level, [table]);
      else tables.push(table);
    }
    for (const [level, tables] of arriving) {
      while (levels.length <= level) levels.push(noTables);
      const sorted = [...levels[level], ...tables].sort(level === 0 ? newestFirst : bySmallest);
      const problem = level === 0 ? undefined : findOverlap(sorted);
      if (problem !== undefined) return `level ${level}: ${problem}`;
      levels[level] = sorted;
    }
    while (levels.length > 1 && levels[levels.length - 1].length === 0) levels.pop();

    const next = new Version(levels, this);
    if (added.length > 0) {
      const numbers = new Set<number>();
      for (const table of next.tables()) numbers.add(table.fileNumber);
      if (numbers.size !== next.tableCount) return 'a table is added twice';
    }
    return next;
  }

  /** The largest level number that holds a table; -1 when there is none. */
  get deepestLevel(): number {
    return this.tableCount === 0 ? -1 : this.levels.length - 1;
  }

  /** File bytes of a level; 0 beyond the last one. */
  levelBytes(level: number): number {
    return level < this.#bytes.length ? this.#bytes[level] : 0;
  }

  /** The tables of a level; empty beyond the last one. */
  tablesAt(level: number): readonly TableMeta[] {
    return level < this.levels.length ? this.levels[level] : noTables;
  }

  /** The only table of a level ≥ 1 whose range contains `key`. */
  findTable(level: number, key: Uint8Array): TableMeta | undefined {
    const index = this.findTableIndex(level, key);
    const tables = this.tablesAt(level);
    if (index === tables.length) return undefined;
    const table = tables[index];
    return compareBytes(table.smallest, key) <= 0 ? table : undefined;
  }

  /** Index in a level ≥ 1 of the first table whose largest key is at or after `key`; the table count when there is none. */
  findTableIndex(level: number, key: Uint8Array): number {
    if (level >= this.levels.length) return 0;
    const index = this.#indexes[level];
    return index === undefined ? this.#makeIndex(level, key) : index.find(key);
  }

  /**
   * The tables of a level that share a key with [`lower`, `upper`], both
   * inclusive, undefined meaning unbounded; in the level's own order. In level 0
   * the tables found may overlap others beyond the range: widening it is up to
   * the caller.
   */
  overlapping(
    level: number,
    lower: Uint8Array | undefined,
    upper: Uint8Array | undefined,
  ): readonly TableMeta[] {
    const tables = this.tablesAt(level);
    if (level === 0) {
      return tables.filter(
        (table) =>
          (lower === undefined || compareBytes(table.largest, lower) >= 0) &&
          (upper === undefined || compareBytes(table.smallest, upper) <= 0),
      );
    }
    const start = lower === undefined ? 0 : this.findTableIndex(level, lower);
    let end = tables.length;
    if (upper !== undefined) {
      end = this.findTableIndex(level, upper);
      if (end < tables.length && compareBytes(tables[end].smallest, upper) <= 0) end++;
    }
    return start < end ? tables.slice(start, end) : noTables;
  }

  #makeIndex(level: number, key: Uint8Array): number {
    const tables = this.levels[level];
    if (tables.length === 0) return 0;
    const index = new LevelIndex(tables);
    this.#indexes[level] = index;
    return index.find(key);
  }

  /** Every table, level by level. */
  *tables(): IterableIterator<TableMeta> {
    for (const tables of this.levels) yield* tables;
  }
}

function newestFirst(a: TableMeta, b: TableMeta): number {
  return b.largestSeq - a.largestSeq || b.fileNumber - a.fileNumber;
}

function bySmallest(a: TableMeta, b: TableMeta): number {
  return compareBytes(a.smallest, b.smallest) || compareBytes(a.largest, b.largest);
}

function findOverlap(sorted: readonly TableMeta[]): string | undefined {
  for (let i = 1; i < sorted.length; i++) {
    if (compareBytes(sorted[i - 1].largest, sorted[i].smallest) >= 0) {
      return `tables ${sorted[i - 1].fileNumber} and ${sorted[i].fileNumber} overlap`;
    }
  }
  return undefined;
}
