import type { DatabaseSettings, LevelSettings } from './settings.js';

const MB = 1_000_000;
const MiB = 1024 * 1024;

const recipeLevels: readonly LevelSettings[] = Object.freeze([
  { compression: 'lz4', bloomBitsPerKey: 12, blockSizeBytes: 4096, cachePriority: 'high' },
  { compression: 'lz4', bloomBitsPerKey: 10, blockSizeBytes: 4096, cachePriority: 'normal' },
  { compression: 'lz4', bloomBitsPerKey: 10, blockSizeBytes: 4096, cachePriority: 'normal' },
  { compression: 'zstd', bloomBitsPerKey: 8, blockSizeBytes: 8192, cachePriority: 'none' },
]);

/** Sets of defaults by name. */
export const presets = Object.freeze({
  /** The LSM recipe page, line by line: docs/recipe.md. */
  recipe: Object.freeze({
    memtableBytes: 64 * MB,
    levelSizing: 'static',
    maxLevels: 5,
    l0CompactionTrigger: 4,
    levelSizeMultiplier: 10,
    baseLevelBytes: 400 * MB,
    tableBytes: 100 * MB,
    blockCacheBytes: 192 * MiB,
    levels: recipeLevels,
  }),
} satisfies { readonly [name: string]: Partial<DatabaseSettings> });

/** The name of a set of defaults. */
export type PresetName = keyof typeof presets;

export const presetNames: string = Object.keys(presets)
  .map((name) => `'${name}'`)
  .join(', ');
