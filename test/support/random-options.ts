import type { Prng } from '../../src/base/prng.js';
import type { DatabaseSettings } from '../../src/index.js';

export type RandomSettings = Partial<DatabaseSettings>;

function pick<T>(random: Prng, choices: readonly T[]): T {
  return choices[random.below(choices.length)];
}

/** Settings under which small data already flush, compact and stall. */
export function randomSettings(random: Prng): RandomSettings {
  const trigger = pick(random, [1, 2, 4]);
  const slowdown = trigger + pick(random, [1, 2, 8]);
  const compression = pick(random, ['none', 'none', 'lz4', 'lz4', 'zstd', undefined] as const);
  // A call of Zstd costs 20 µs, so its blocks are not the smallest.
  const smallest = compression === 'zstd' || compression === undefined ? 1024 : 64;
  return {
    memtableBytes: pick(random, [64, 64, 64, 96, 256]) * 1024,
    maxImmutableMemtables: pick(random, [1, 1, 2, 4]),
    tableBytes: pick(random, [16, 16, 16, 32, 64]) * 1024,
    blockSizeBytes: pick(random, [smallest, 512, 4096, undefined]),
    compression,
    bloomBitsPerKey: pick(random, [0, 1, 10, 10]),
    blockCacheBytes: pick(random, [0, 64 * 1024, 1024 * 1024]),
    l0CompactionTrigger: trigger,
    l0SlowdownTables: slowdown,
    l0StopTables: slowdown + pick(random, [0, 1, 4]),
    levelSizeMultiplier: pick(random, [2, 2, 4, 8]),
    maxOpenTables: pick(random, [8, 8, 64, 512]),
    syncIntervalMs: pick(random, [0, 1000]),
    durability: pick(random, ['none', 'os', 'os', 'disk'] as const),
  };
}
