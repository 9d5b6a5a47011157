import { compareBytes } from '../base/bytes.js';
import type { TableMeta } from '../base/table-meta.js';
import type { Version } from '../manifest/version.js';
import type { CompactionOptions } from './level-targets.js';
import { pickLevel0 } from './picker-level0.js';
import {
  completePlan,
  conflicts,
  maxPlanBytes,
  overlappingBelow,
  rangeOf,
  rangesOverlap,
  totalBytes,
  type PickerState,
} from './picker-plan.js';
import { scoreLevels } from './picker-score.js';
import type { CompactionPlan } from './plan.js';

/**
 * The most urgent compaction; undefined when no level is over its target, or
 * what is due waits for a running one. Pure. docs/compaction.md explains the
 * choices and what they measured.
 */
export function pickCompaction(
  version: Version,
  options: CompactionOptions,
  state: PickerState,
): CompactionPlan | undefined {
  for (const { level, score } of scoreLevels(version, options, state.running)) {
    if (score <= 1) break;
    const plan =
      level === 0
        ? pickLevel0(version, options, state)
        : pickLevel(version, options, state, level, score);
    if (plan !== undefined) return plan;
  }
  return undefined;
}

/**
 * Tables take turns by key. Choosing the one with the least overlap measured the
 * same (64x the memtable: 5.16 against 5.21 round-robin first, 512x: 9.75, 9.69;
 * skewed keys within 2 %), and would look at every table.
 */
function pickLevel(
  version: Version,
  options: CompactionOptions,
  state: PickerState,
  level: number,
  score: number,
): CompactionPlan | undefined {
  const count = version.tablesAt(level).length;
  const start = firstTableAfter(version, level, state.cursors.get(level));
  for (let i = 0; i < count; i++) {
    const inputs = expandInputs(version, options, level, (start + i) % count);
    const plan = completePlan(version, options, {
      reason: `L${level} is at ${Math.ceil(score * 100)} % of its target`,
      level,
      outputLevel: level + 1,
      inputs,
      nextCursor: inputs[inputs.length - 1].largest,
      outputCursor: state.cursors.get(level + 1),
    });
    if (!conflicts(plan, state.running)) return plan;
  }
  return undefined;
}

/** Index in a level ≥ 1 of the first table that holds a key above `cursor`; the table count when there is none. */
export function firstTableAfter(
  version: Version,
  level: number,
  cursor: Uint8Array | undefined,
): number {
  if (cursor === undefined) return 0;
  const index = version.findTableIndex(level, cursor);
  const tables = version.tablesAt(level);
  const endsThere = index < tables.length && compareBytes(tables[index].largest, cursor) === 0;
  return endsThere ? index + 1 : index;
}

/**
 * The table at `index` and the neighbours that need no further table of the
 * level below: what the plan rewrites anyway takes more bytes down.
 */
export function expandInputs(
  version: Version,
  options: CompactionOptions,
  level: number,
  index: number,
): readonly TableMeta[] {
  const tables = version.tablesAt(level);
  const below = overlappingBelow(version, level, [tables[index]]);
  const limit = maxPlanBytes(options) - totalBytes(below);
  let begin = index;
  let end = index + 1;
  const isFree = (from: number, to: number): boolean => {
    const wider = tables.slice(from, to);
    return (
      totalBytes(wider) <= limit && overlappingBelow(version, level, wider).length === below.length
    );
  };
  if (below.length > 0) {
    const range = rangeOf(below);
    const isNear = (at: number): boolean => at in tables && rangesOverlap(tables[at], range);
    while (isNear(end) && isFree(begin, end + 1)) end++;
    while (isNear(begin - 1) && isFree(begin - 1, end)) begin--;
  }
  return tables.slice(begin, end);
}
