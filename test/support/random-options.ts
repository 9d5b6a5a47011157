import type { Prng } from '../../src/base/prng.js';
import type { DatabaseSettings, KeyspaceSettings, LevelSettings } from '../../src/index.js';

export type RandomSettings = Partial<DatabaseSettings>;
export type RandomKeyspaceSettings = Partial<KeyspaceSettings>;

const KiB = 1024;

function pick<T>(random: Prng, choices: readonly T[]): T {
  return choices[random.below(choices.length)];
}

/** Settings under which small data already flush, compact and stall. */
export function randomSettings(random: Prng): RandomSettings {
  const { form, pressure } = keyspaceParts(random);
  return {
    ...form,
    maxImmutableMemtables: pick(random, [1, 1, 2, 4]),
    blockCacheBytes: pick(random, [0, 64 * KiB, 1024 * KiB]),
    ...pressure,
    maxOpenTables: pick(random, [8, 8, 64, 512]),
    syncIntervalMs: pick(random, [0, 1000]),
    durability: pick(random, ['none', 'os', 'os', 'disk'] as const),
    ...randomLevels(random),
    maxWalBytes: pick(random, [undefined, 64 * KiB, 128 * KiB, 512 * KiB]),
    memtableBudgetBytes: pick(random, [undefined, 128 * KiB, 256 * KiB]),
    maxCompactions: pick(random, [1, 2, 2, 4]),
  };
}

/** The same for one keyspace. */
export function randomKeyspaceSettings(random: Prng): RandomKeyspaceSettings {
  const { form, pressure } = keyspaceParts(random);
  return { ...form, ...pressure, ...randomLevels(random) };
}

interface KeyspaceParts {
  readonly form: RandomKeyspaceSettings;
  readonly pressure: RandomKeyspaceSettings;
}

function keyspaceParts(random: Prng): KeyspaceParts {
  const trigger = pick(random, [1, 2, 4]);
  const slowdown = trigger + pick(random, [1, 2, 8]);
  const compression = pick(random, ['none', 'none', 'lz4', 'lz4', 'zstd', undefined] as const);
  // A call of Zstd costs 20 µs, so its blocks are not the smallest.
  const smallest = compression === 'zstd' || compression === undefined ? 1024 : 64;
  return {
    form: {
      memtableBytes: pick(random, [64, 64, 64, 96, 256]) * KiB,
      tableBytes: pick(random, [16, 16, 16, 32, 64]) * KiB,
      blockSizeBytes: pick(random, [smallest, 512, 4096, undefined]),
      compression,
      bloomBitsPerKey: pick(random, [0, 1, 10, 10]),
    },
    pressure: {
      l0CompactionTrigger: trigger,
      l0SlowdownTables: slowdown,
      l0StopTables: slowdown + pick(random, [0, 1, 4]),
      levelSizeMultiplier: pick(random, [2, 2, 4, 8]),
    },
  };
}

function randomLevels(random: Prng): RandomKeyspaceSettings {
  const levels = pick(random, [0, 0, 1, 3]);
  return {
    levelSizing: pick(random, ['dynamic', 'dynamic', 'static'] as const),
    maxLevels: pick(random, [2, 3, 5, 7]),
    baseLevelBytes: pick(random, [undefined, undefined, 64 * KiB, 256 * KiB]),
    levels: Array.from({ length: levels }, () => randomLevel(random)),
  };
}

function randomLevel(random: Prng): LevelSettings {
  return {
    compression: pick(random, [undefined, 'none', 'lz4'] as const),
    blockSizeBytes: pick(random, [undefined, 1024, 4096]),
    bloomBitsPerKey: pick(random, [undefined, 0, 12]),
    cachePriority: pick(random, [undefined, 'high', 'normal', 'none'] as const),
  };
}
