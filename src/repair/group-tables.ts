import { compareBytes } from '../base/bytes.js';
import type { TableMeta } from '../base/table-meta.js';

/** Tables of which nothing tells which is newer where they share keys; or a single one. */
export interface TableGroup {
  readonly tables: readonly TableMeta[];
  readonly smallest: Uint8Array;
  readonly largest: Uint8Array;
  readonly smallestSeq: number;
  readonly largestSeq: number;
}

function sharesKeys(a: TableGroup, b: TableGroup): boolean {
  return compareBytes(a.smallest, b.largest) <= 0 && compareBytes(b.smallest, a.largest) <= 0;
}

function sharesSeqs(a: TableGroup, b: TableGroup): boolean {
  return a.smallestSeq <= b.largestSeq && b.smallestSeq <= a.largestSeq;
}

function join(a: TableGroup, b: TableGroup): TableGroup {
  return {
    tables: [...a.tables, ...b.tables],
    smallest: compareBytes(a.smallest, b.smallest) <= 0 ? a.smallest : b.smallest,
    largest: compareBytes(a.largest, b.largest) >= 0 ? a.largest : b.largest,
    smallestSeq: Math.min(a.smallestSeq, b.smallestSeq),
    largestSeq: Math.max(a.largestSeq, b.largestSeq),
  };
}

/**
 * Puts tables whose key ranges and sequence ranges both overlap into one group,
 * until no two groups do both. Of two groups that share keys one is newer, then.
 */
export function groupTables(tables: readonly TableMeta[]): TableGroup[] {
  let groups: TableGroup[] = [];
  for (const table of tables) {
    const { smallest, largest, smallestSeq, largestSeq } = table;
    let joined: TableGroup = { tables: [table], smallest, largest, smallestSeq, largestSeq };
    for (;;) {
      const touching: TableGroup[] = [];
      const others: TableGroup[] = [];
      for (const group of groups) {
        const isTouching = sharesSeqs(group, joined) && sharesKeys(group, joined);
        (isTouching ? touching : others).push(group);
      }
      if (touching.length === 0) break;
      joined = touching.reduce(join, joined);
      groups = others;
    }
    groups.push(joined);
  }
  return groups;
}

/**
 * The level of each group, oldest first: 1 for those that share no key with any
 * older one, so that all of level 1 is disjoint and older than what lies above
 * it; 0, where age decides, for the others.
 */
export function placeGroups(
  groups: readonly TableGroup[],
): { readonly group: TableGroup; readonly level: 0 | 1 }[] {
  const oldestFirst = [...groups].sort((a, b) => a.smallestSeq - b.smallestSeq);
  return oldestFirst.map((group, i) => {
    const isUnderlying = oldestFirst.slice(0, i).some((older) => sharesKeys(older, group));
    return { group, level: isUnderlying ? 0 : 1 };
  });
}

/** Cuts tables into as few runs as they need, each disjoint and in key order. */
export function toRuns(tables: readonly TableMeta[]): TableMeta[][] {
  const runs: TableMeta[][] = [];
  for (const table of [...tables].sort((a, b) => compareBytes(a.smallest, b.smallest))) {
    const run = runs.find((each) => compareBytes(each.at(-1)!.largest, table.smallest) < 0);
    if (run === undefined) runs.push([table]);
    else run.push(table);
  }
  return runs;
}
