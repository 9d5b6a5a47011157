import type { Version } from '../manifest/version.js';
import { levelTargets, type CompactionOptions } from './level-targets.js';
import { totalBytes, type PickerState } from './picker-plan.js';
import type { CompactionPlan } from './plan.js';

export interface LevelScore {
  readonly level: number;
  /** How full the level is; above 1 it is due. */
  readonly score: number;
}

/** The levels that can be compacted, fullest first. Tables that are already on their way down do not count. */
export function scoreLevels(
  version: Version,
  options: CompactionOptions,
  running: readonly CompactionPlan[],
): LevelScore[] {
  const { lastLevel, bytes } = levelTargets(version, options);
  const scores: LevelScore[] = [];
  for (let level = 0; level < lastLevel; level++) {
    let leavingTables = 0;
    let leavingBytes = 0;
    for (const plan of running) {
      if (plan.level !== level || plan.outputLevel === level) continue;
      leavingTables += plan.inputs.length;
      leavingBytes += totalBytes(plan.inputs);
    }
    const score =
      level === 0
        ? (version.tablesAt(0).length - leavingTables) / options.l0CompactionTrigger
        : (version.levelBytes(level) - leavingBytes) / bytes[level];
    scores.push({ level, score });
  }
  return scores.sort((a, b) => b.score - a.score || a.level - b.level);
}

/** How much a keyspace needs a compaction. */
export interface Urgency {
  /** Tables in L0 for one that the trigger allows; above 1 it is due. */
  readonly level0: number;
  /** Of the fullest level, L0 included; above 1 something is due. */
  readonly score: number;
}

/** Cheap: asked of every keyspace whenever a compaction may begin. */
export function urgencyOf(
  version: Version,
  options: CompactionOptions,
  state: PickerState,
): Urgency {
  const scores = scoreLevels(version, options, state.running);
  const level0 = scores.find(({ level }) => level === 0)?.score ?? 0;
  return { level0, score: scores.at(0)?.score ?? 0 };
}

/**
 * Orders keyspaces, the most urgent first: an L0 that is due goes before deeper
 * levels, since it is what makes writers wait; then the fullest level decides.
 */
export function compareUrgency(a: Urgency, b: Urgency): number {
  const due = (each: Urgency): number => (each.level0 > 1 ? each.level0 : 0);
  return due(b) - due(a) || b.score - a.score;
}

/**
 * About how many bytes compactions have to write until every level is within its
 * target: what spills from each level, and what it has to be merged with.
 */
export function pendingCompactionBytes(version: Version, options: CompactionOptions): number {
  const { lastLevel, bytes } = levelTargets(version, options);
  let pending = 0;
  let spilled = 0;
  if (version.tablesAt(0).length > options.l0CompactionTrigger) {
    spilled = version.levelBytes(0);
    pending = spilled + version.levelBytes(1);
  }
  for (let level = 1; level < lastLevel; level++) {
    const size = version.levelBytes(level) + spilled;
    spilled = Math.max(0, size - bytes[level]);
    if (spilled > 0) pending += spilled * (1 + version.levelBytes(level + 1) / size);
  }
  return pending;
}
