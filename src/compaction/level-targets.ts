import type { Version } from '../manifest/version.js';

/** What the picker decides by: plain data, all of it present. */
export interface CompactionOptions {
  /** L0 is compacted when it holds more tables than this. */
  readonly l0CompactionTrigger: number;
  /** Each level may hold so many times the bytes of the one above. */
  readonly levelSizeMultiplier: number;
  /**
   * `dynamic`: targets follow from the size of the deepest level, upward.
   * `static`: L1 holds `baseLevelBytes`, the others follow downward.
   */
  readonly levelSizing: 'dynamic' | 'static';
  /** Most bytes of L1. With dynamic sizing a level is added at the bottom rather than exceed it. */
  readonly baseLevelBytes: number;
  /** File bytes at which a compaction begins its next output. */
  readonly tableTargetBytes: number;
  /** Number of levels, L0 included; the last one is unbounded. At least 2. */
  readonly maxLevels: number;
  /**
   * How tables are written at a level that has others below it: levels with the
   * same number write the same codec, block size and filter. The last element
   * stands for all deeper levels. A table moves unchanged only between equals.
   */
  readonly levelForms: readonly number[];
  /** As `levelForms`, for a level while it is the deepest that holds tables. */
  readonly lastLevelForm: readonly number[];
}

export interface LevelTargets {
  /** The level that may grow without bound. */
  readonly lastLevel: number;
  /** Target bytes by level; L0, which goes by count, and `lastLevel` have Infinity. */
  readonly bytes: readonly number[];
}

/** How many bytes each level should hold at most. */
export function levelTargets(version: Version, options: CompactionOptions): LevelTargets {
  return options.levelSizing === 'static'
    ? staticTargets(version, options)
    : dynamicTargets(version, options);
}

function staticTargets(version: Version, options: CompactionOptions): LevelTargets {
  // A database that was larger under other options keeps the levels it has.
  const lastLevel = Math.max(options.maxLevels - 1, version.deepestLevel);
  const bytes = [Infinity];
  for (let level = 1; level < lastLevel; level++) {
    bytes.push(options.baseLevelBytes * options.levelSizeMultiplier ** (level - 1));
  }
  bytes.push(Infinity);
  return { lastLevel, bytes };
}

function dynamicTargets(version: Version, options: CompactionOptions): LevelTargets {
  const { levelSizeMultiplier: multiplier, baseLevelBytes } = options;
  // The largest level, not the deepest: one that was just added is nearly empty.
  let largest = 0;
  for (let level = 1; level <= version.deepestLevel; level++) {
    largest = Math.max(largest, version.levelBytes(level));
  }
  let lastLevel = Math.max(1, version.deepestLevel);
  while (
    lastLevel < options.maxLevels - 1 &&
    largest > baseLevelBytes * multiplier ** (lastLevel - 1)
  ) {
    lastLevel++;
  }
  // After mass deletes the deepest level may be tiny: do not chop the others to nothing.
  const least = baseLevelBytes / multiplier;
  const bytes = [Infinity];
  for (let level = 1; level < lastLevel; level++) {
    bytes.push(Math.max(least, largest / multiplier ** (lastLevel - level)));
  }
  bytes.push(Infinity);
  return { lastLevel, bytes };
}
