import type { TableMeta } from '../base/table-meta.js';
import type { Version } from '../manifest/version.js';
import type { CompactionOptions } from './level-targets.js';
import { findComponents } from './picker-level0.js';
import { completePlan, conflicts, garbageOf, rangeOf, type PickerState } from './picker-plan.js';
import type { CompactionPlan } from './plan.js';

/** Entries read by a compaction for each one that it takes down. */
const mostReadForOne = 4;

/**
 * A compaction that gives space back, to be asked for when nothing is more
 * urgent: deleted data goes without waiting for writes. It is picked when it
 * should drop more than half of the entries that lie where it works, in its
 * tables and in all levels below them.
 *
 * Asking again comes to an end. A plan either rewrites a table in place and
 * drops what surely can go, or takes tables one level down, where each entry
 * gets only so often, and reads at most four entries for one that it takes down.
 */
export function pickGarbage(
  version: Version,
  options: CompactionOptions,
  state: PickerState,
  snapshotSeqs: readonly number[],
): CompactionPlan | undefined {
  for (let level = version.deepestLevel; level > 0; level--) {
    for (const table of version.tablesAt(level)) {
      if (!canPay([table])) continue;
      const plan =
        planInPlace(version, options, level, table, snapshotSeqs) ??
        planDown(version, options, level, [table], snapshotSeqs);
      if (plan !== undefined && !conflicts(plan, state.running)) return plan;
    }
  }
  if (!version.tablesAt(0).some((table) => garbageOf(table) > 0)) return undefined;
  for (const { tables } of findComponents(version)) {
    if (!canPay(tables)) continue;
    const plan = planDown(version, options, 0, tables, snapshotSeqs);
    if (plan !== undefined && !conflicts(plan, state.running)) return plan;
  }
  return undefined;
}

/** Cheap, and false for nearly all tables: a tombstone drops itself and one older entry at most. */
function canPay(tables: readonly TableMeta[]): boolean {
  let garbage = 0;
  let entries = 0;
  for (const table of tables) {
    garbage += 2 * table.tombstones + table.superseded;
    entries += table.entries;
  }
  return garbage * 2 > entries;
}

/** Rests on no guess: a table that would stay as it is were rewritten for ever. */
function planInPlace(
  version: Version,
  options: CompactionOptions,
  level: number,
  table: TableMeta,
  snapshotSeqs: readonly number[],
): CompactionPlan | undefined {
  const tombstones = countBetween(snapshotSeqs, 0, table.largestSeq) === 0 ? table.tombstones : 0;
  const superseded = freeVersions(table, snapshotSeqs);
  if ((tombstones + superseded) * 2 <= table.entries) return undefined;
  const plan = completePlan(version, options, {
    reason: 'more than half of the table is garbage',
    level,
    outputLevel: level,
    inputs: [table],
  });
  // Tombstones stay where something older may lie below; superseded entries go anywhere.
  const dropped = superseded + (plan.olderOutside.length === 0 ? tombstones : 0);
  return dropped * 2 > table.entries ? plan : undefined;
}

function planDown(
  version: Version,
  options: CompactionOptions,
  level: number,
  inputs: readonly TableMeta[],
  snapshotSeqs: readonly number[],
): CompactionPlan | undefined {
  if (level > 0 && level >= version.deepestLevel) return undefined;
  if (!paysToGoDown(version, level, inputs, snapshotSeqs)) return undefined;
  return completePlan(version, options, {
    reason: 'more than half of what is there is deleted',
    level,
    outputLevel: level + 1,
    inputs,
    dropsGarbage: true,
  });
}

/**
 * Whether tombstones and what they delete are most of what is there, and near
 * enough. A guess: a tombstone may delete nothing. All levels below count, since
 * what is deleted may lie in any of them and is met by going down one by one.
 */
function paysToGoDown(
  version: Version,
  level: number,
  inputs: readonly TableMeta[],
  snapshotSeqs: readonly number[],
): boolean {
  const { smallest, largest } = rangeOf(inputs);
  const place = new Place(Math.max(...inputs.map((table) => table.largestSeq)), snapshotSeqs);
  let read = 0;
  for (let below = version.deepestLevel; below > level; below--) {
    read = place.entries;
    for (const table of version.overlapping(below, smallest, largest)) place.add(table);
    read = place.entries - read;
  }
  const deeper = place.entries;
  // Oldest first.
  for (const table of [...inputs].reverse()) place.add(table);
  const down = place.entries - deeper;
  return place.garbage * 2 > place.entries && down + read <= mostReadForOne * down;
}

/** Adds up what would go, if all that lies on top of each other were merged. Tables come oldest first. */
class Place {
  entries = 0;
  garbage = 0;
  readonly #largestSeq: number;
  readonly #snapshotSeqs: readonly number[];
  /** Entries that nothing deletes as yet, and no snapshot would keep. */
  #deletable = 0;

  constructor(largestSeq: number, snapshotSeqs: readonly number[]) {
    this.#largestSeq = largestSeq;
    this.#snapshotSeqs = snapshotSeqs;
  }

  add(table: TableMeta): void {
    const { entries, tombstones, smallestSeq, largestSeq } = table;
    const deleted = Math.min(tombstones, this.#deletable);
    // A tombstone that a snapshot keeps still is worth what it deletes.
    const isPinned = countBetween(this.#snapshotSeqs, 0, largestSeq) > 0;
    const own = freeVersions(table, this.#snapshotSeqs) + (isPinned ? deleted : tombstones);
    this.entries += entries;
    this.garbage += deleted + Math.min(own, entries);
    this.#deletable -= deleted;
    if (countBetween(this.#snapshotSeqs, smallestSeq, this.#largestSeq) === 0) {
      this.#deletable += entries - tombstones;
    }
  }
}

/**
 * How many superseded entries surely can go: each snapshot between the oldest
 * and the newest entry needs at most one version more of each key.
 */
function freeVersions(table: TableMeta, snapshotSeqs: readonly number[]): number {
  if (table.superseded === 0) return 0;
  const keys = table.entries - table.superseded;
  const pins = countBetween(snapshotSeqs, table.smallestSeq, table.largestSeq);
  return Math.max(0, table.superseded - pins * keys);
}

/** How many snapshots see an entry at `from` and not yet one at `to`. */
function countBetween(snapshotSeqs: readonly number[], from: number, to: number): number {
  let count = 0;
  for (const seq of snapshotSeqs) if (seq >= from && seq < to) count++;
  return count;
}
