import type { Version } from '../manifest/version.js';
import { levelTargets, type CompactionOptions } from './level-targets.js';
import { totalBytes } from './picker-plan.js';
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
