import { compareBytes } from '../base/bytes.js';
import type { TableMeta } from '../base/table-meta.js';
import type { Version } from '../manifest/version.js';
import type { CompactionOptions } from './level-targets.js';
import { expandInputs, firstTableAfter } from './picker.js';
import { findComponents, planComponents } from './picker-level0.js';
import {
  completePlan,
  conflicts,
  garbageOf,
  maxPlanBytes,
  rangeOf,
  type KeyRange,
  type PickerState,
} from './picker-plan.js';
import type { CompactionPlan } from './plan.js';

/** The keys that `compactRange` was asked for; undefined is unbounded. */
export interface ManualRange {
  /** Inclusive. */
  readonly lower: Uint8Array | undefined;
  /** Exclusive. */
  readonly upper: Uint8Array | undefined;
}

/**
 * How far a run has come. It only goes forward, by level and by key within one,
 * so a run ends however much is written meanwhile.
 */
export interface ManualProgress {
  /** The level whose tables are being pushed down. */
  readonly level: number;
  /** Tables of `level` up to this key are pushed. */
  readonly pushed: Uint8Array | undefined;
  /** Tables of the deepest level up to this key hold no garbage that can go. */
  readonly cleaned: Uint8Array | undefined;
  /** The last step: what it writes may lie behind `pushed`, so the next one waits for it. */
  readonly plan: CompactionPlan | undefined;
}

export interface ManualStep {
  readonly plan: CompactionPlan;
  /** Where to go on once the plan is carried out. */
  readonly next: ManualProgress;
}

export const manualStart: ManualProgress = {
  level: 0,
  pushed: undefined,
  cleaned: undefined,
  plan: undefined,
};

/**
 * The next step of a run that brings everything in `range` down to the deepest
 * level and rewrites what garbage that level holds: afterwards each key there
 * has one entry and no tombstone, but for what snapshots and later writes need.
 * Other compactions may run beside and between the steps.
 *
 * Undefined: the range is done. `wait`: a running compaction is in the way, or
 * the last step has not ended. Ask again when one has, before another is begun,
 * and begin none of this keyspace meanwhile unless writers wait for it: under
 * load there would always be one in the way.
 */
export function pickManual(
  version: Version,
  options: CompactionOptions,
  state: PickerState,
  range: ManualRange,
  progress: ManualProgress,
): ManualStep | 'wait' | undefined {
  if (progress.plan !== undefined && state.running.includes(progress.plan)) return 'wait';
  let at = progress;
  for (;;) {
    const deepest = Math.max(1, version.deepestLevel);
    const step =
      at.level === 0
        ? stepLevel0(version, options, range)
        : stepLevel(version, options, range, at, deepest);
    if (step !== undefined) return conflicts(step.plan, state.running) ? 'wait' : step;
    // The deepest level is cleaned along with the one above it.
    if (at.level > 0 && at.level >= deepest - 1) return undefined;
    at = { ...manualStart, level: at.level + 1 };
  }
}

function stepLevel0(
  version: Version,
  options: CompactionOptions,
  range: ManualRange,
): ManualStep | undefined {
  const components = findComponents(version).filter((each) => isInside(each, range));
  if (components.length === 0) return undefined;
  const plan = planComponents(version, options, components, 'compactRange');
  return { plan, next: { ...manualStart, level: 1, plan } };
}

function stepLevel(
  version: Version,
  options: CompactionOptions,
  range: ManualRange,
  progress: ManualProgress,
  deepest: number,
): ManualStep | undefined {
  const { level, pushed, cleaned } = progress;
  const push = level < deepest ? planPush(version, options, range, level, pushed) : undefined;
  if (level < deepest - 1) {
    return push && { plan: push, next: { ...progress, pushed: lastKey(push.inputs), plan: push } };
  }
  const pushRange = push && rangeOf([...push.inputs, ...push.overlapping]);
  // The level below may have lost its last table meanwhile: then this one is the deepest.
  const isDeepest = level >= deepest;
  const from = isDeepest ? pushed : cleaned;
  const garbage = findGarbage(version, options, range, deepest, from, pushRange);
  if (garbage.length > 0) {
    const plan = completePlan(version, options, {
      reason: 'compactRange',
      level: deepest,
      outputLevel: deepest,
      inputs: garbage,
    });
    const done = lastKey(garbage);
    return { plan, next: { level, pushed: isDeepest ? done : pushed, cleaned: done, plan } };
  }
  return (
    push && {
      plan: push,
      next: { level, pushed: lastKey(push.inputs), cleaned: pushRange!.largest, plan: push },
    }
  );
}

function planPush(
  version: Version,
  options: CompactionOptions,
  range: ManualRange,
  level: number,
  after: Uint8Array | undefined,
): CompactionPlan | undefined {
  const tables = version.tablesAt(level);
  let index = firstTableAfter(version, level, after);
  while (index < tables.length && !isInside(tables[index], range)) index++;
  if (index === tables.length) return undefined;
  return completePlan(version, options, {
    reason: 'compactRange',
    level,
    outputLevel: level + 1,
    inputs: expandInputs(version, options, level, index),
    dropsGarbage: true,
  });
}

/** The next neighbours with garbage that the coming push does not rewrite anyway. */
function findGarbage(
  version: Version,
  options: CompactionOptions,
  range: ManualRange,
  level: number,
  after: Uint8Array | undefined,
  before: KeyRange | undefined,
): TableMeta[] {
  const tables = version.tablesAt(level);
  const found: TableMeta[] = [];
  let bytes = 0;
  for (let i = firstTableAfter(version, level, after); i < tables.length; i++) {
    const table = tables[i];
    if (before !== undefined && compareBytes(table.largest, before.smallest) >= 0) break;
    const isWanted = garbageOf(table) > 0 && isInside(table, range);
    if (isWanted && (found.length === 0 || bytes + table.size <= maxPlanBytes(options))) {
      found.push(table);
      bytes += table.size;
    } else if (found.length > 0) break;
  }
  return found;
}

function lastKey(tables: readonly TableMeta[]): Uint8Array {
  return tables[tables.length - 1].largest;
}

function isInside(table: KeyRange, { lower, upper }: ManualRange): boolean {
  return (
    (lower === undefined || compareBytes(table.largest, lower) >= 0) &&
    (upper === undefined || compareBytes(table.smallest, upper) < 0)
  );
}
