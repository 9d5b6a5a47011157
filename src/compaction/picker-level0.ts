import { compareBytes } from '../base/bytes.js';
import type { TableMeta } from '../base/table-meta.js';
import type { Version } from '../manifest/version.js';
import type { CompactionOptions } from './level-targets.js';
import {
  completePlan,
  conflicts,
  overlappingBelow,
  rangeOf,
  rangesOverlap,
  type KeyRange,
  type PickerState,
} from './picker-plan.js';
import type { CompactionPlan } from './plan.js';

/**
 * L0 tables that hang together: no key of theirs is in the range of a table of
 * another component. Taking whole components is what keeps a newer table from
 * sinking below an older one that holds the same key.
 */
export interface Component extends KeyRange {
  /** Newest first, as in the version. */
  readonly tables: readonly TableMeta[];
}

/** By key. */
export function findComponents(version: Version): Component[] {
  const newestFirst = version.tablesAt(0);
  const byKey = [...newestFirst].sort((a, b) => compareBytes(a.smallest, b.smallest));
  const groups: TableMeta[][] = [];
  let end: Uint8Array | undefined;
  for (const table of byKey) {
    if (end === undefined || compareBytes(table.smallest, end) > 0) {
      groups.push([table]);
      end = table.largest;
    } else {
      groups[groups.length - 1].push(table);
      if (compareBytes(table.largest, end) > 0) end = table.largest;
    }
  }
  return groups.map((group) => ({
    ...rangeOf(group),
    tables: newestFirst.filter((table) => group.includes(table)),
  }));
}

/** The plan that takes whole components down. */
export function planComponents(
  version: Version,
  options: CompactionOptions,
  components: readonly Component[],
  reason: string,
  outputCursor?: Uint8Array,
): CompactionPlan {
  const members = new Set(components.flatMap((component) => component.tables));
  return completePlan(version, options, {
    reason,
    level: 0,
    outputLevel: 1,
    inputs: version.tablesAt(0).filter((table) => members.has(table)),
    outputCursor,
  });
}

/** As `pickLevel0`, however few tables there are: because reads would rather find them in L1. */
export function pickForReads(
  version: Version,
  options: CompactionOptions,
  state: PickerState,
): CompactionPlan | undefined {
  const count = version.tablesAt(0).length;
  return pickComponent(version, options, state, `L0 holds ${count} tables that reads ask in vain`);
}

/**
 * The component with most tables; under random writes that is all of L0, the
 * batch that makes the rewrite of L1 pay.
 */
export function pickLevel0(
  version: Version,
  options: CompactionOptions,
  state: PickerState,
): CompactionPlan | undefined {
  const count = version.tablesAt(0).length;
  const reason = `L0 holds ${count} tables, the trigger is ${options.l0CompactionTrigger}`;
  return pickComponent(version, options, state, reason);
}

function pickComponent(
  version: Version,
  options: CompactionOptions,
  state: PickerState,
  reason: string,
): CompactionPlan | undefined {
  const components = findComponents(version);
  // Oldest first among equals: a component that waits gets its turn.
  const ageOf = (component: Component): number => component.tables.at(-1)!.smallestSeq;
  const candidates = [...components].sort(
    (a, b) => b.tables.length - a.tables.length || ageOf(a) - ageOf(b),
  );
  let best: CompactionPlan | undefined;
  for (const candidate of candidates) {
    // A load in key order makes lone tables that can simply be moved: free, so they go first.
    if (best !== undefined && candidate.tables.length > 1) continue;
    const grown = grow(version, candidate, components);
    const plan = planComponents(version, options, grown, reason, state.cursors.get(1));
    if (conflicts(plan, state.running)) continue;
    if (plan.isTrivialMove) return plan;
    best ??= plan;
  }
  return best;
}

/** Adds components that lie where the plan reads and writes anyway: those that bring in no further L1 table. */
function grow(version: Version, from: Component, components: readonly Component[]): Component[] {
  const taken = new Set<Component>([from]);
  const tables: TableMeta[] = [...from.tables];
  let below = overlappingBelow(version, 0, tables);
  for (let grew = true; grew;) {
    grew = false;
    const range = rangeOf([...tables, ...below]);
    for (const component of components) {
      if (taken.has(component) || !rangesOverlap(component, range)) continue;
      const wider = overlappingBelow(version, 0, [...tables, ...component.tables]);
      if (wider.length > below.length) continue;
      taken.add(component);
      tables.push(...component.tables);
      below = wider;
      grew = true;
    }
  }
  return [...taken];
}
