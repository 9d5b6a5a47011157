import type { TableMeta } from '../base/table-meta.js';
import type { Version } from '../manifest/version.js';
import type { CompactionOptions } from './level-targets.js';
import { completePlan, conflicts, garbageOf, type PickerState } from './picker-plan.js';
import type { CompactionPlan } from './plan.js';

const reason = 'more than half of the table is garbage';

/**
 * A compaction for a table that is mostly tombstones and superseded entries, to
 * be asked for when nothing is more urgent: deleted space comes back without
 * waiting for writes.
 *
 * Every entry up to `oldestSnapshotSeq` is seen by all readers; a table with
 * newer ones may still be pinned and is left alone. Without snapshots pass
 * `maxSeq`. Each plan either drops the garbage or brings it one level down, so
 * asking again comes to an end.
 */
export function pickGarbage(
  version: Version,
  options: CompactionOptions,
  state: PickerState,
  oldestSnapshotSeq: number,
): CompactionPlan | undefined {
  for (let level = version.deepestLevel; level > 0; level--) {
    for (const table of version.tablesAt(level)) {
      if (garbageOf(table) * 2 <= table.entries || table.largestSeq > oldestSnapshotSeq) continue;
      const plan = planFor(version, options, level, table);
      if (plan !== undefined && !conflicts(plan, state.running)) return plan;
    }
  }
  return undefined;
}

function planFor(
  version: Version,
  options: CompactionOptions,
  level: number,
  table: TableMeta,
): CompactionPlan | undefined {
  const choice = { reason, level, inputs: [table] };
  const inPlace = completePlan(version, options, { ...choice, outputLevel: level });
  // Tombstones stay where something older may lie below; superseded entries go anywhere.
  const dropped = table.superseded + (inPlace.olderOutside.length === 0 ? table.tombstones : 0);
  if (dropped * 2 > table.entries) return inPlace;
  if (level === version.deepestLevel) return undefined;
  return completePlan(version, options, { ...choice, outputLevel: level + 1 });
}
