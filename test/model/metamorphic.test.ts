import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { MemoryFileSystem, nodeFileSystem } from '../../src/fs.js';
import type { RandomSettings } from '../support/random-options.js';
import { reportCounts } from '../support/counts.js';
import { seedsOf, withSeed } from '../support/seeds.js';
import { chosenSteps, shrunkFailure } from '../support/shrink.js';
import { Mismatch } from './mismatch.js';
import { Session, type SessionSettings } from './session.js';

/*
 * One list of operations under many settings is one history: settings say how
 * data are kept, never what they are.
 */
const KiB = 1024;
const tiny: RandomSettings = {
  memtableBytes: 64 * KiB,
  tableBytes: 16 * KiB,
  blockSizeBytes: 256,
  l0CompactionTrigger: 1,
  l0SlowdownTables: 2,
  l0StopTables: 3,
  levelSizeMultiplier: 2,
};

const settingsSets: readonly SessionSettings[] = [
  {},
  tiny,
  { ...tiny, compression: 'none', bloomBitsPerKey: 0, blockCacheBytes: 0 },
  { ...tiny, compression: 'none', blockSizeBytes: 64 },
  { ...tiny, compression: 'lz4', blockSizeBytes: 64 },
  { ...tiny, compression: 'zstd', blockSizeBytes: 4 * KiB },
  { ...tiny, bloomBitsPerKey: 0 },
  { ...tiny, bloomBitsPerKey: 1 },
  { ...tiny, bloomBitsPerKey: 20 },
  { ...tiny, blockCacheBytes: 0 },
  { ...tiny, blockCacheBytes: 16 * KiB },
  { ...tiny, maxOpenTables: 8 },
  { ...tiny, maxImmutableMemtables: 1 },
  { ...tiny, maxImmutableMemtables: 16 },
  { ...tiny, durability: 'disk' },
  { ...tiny, durability: 'none', syncIntervalMs: 0 },
  { ...tiny, l0CompactionTrigger: 8, l0SlowdownTables: 20, l0StopTables: 36 },
  { ...tiny, l0SlowdownTables: 2, l0StopTables: 2 },
  { ...tiny, levelSizeMultiplier: 100 },
  { ...tiny, tableBytes: 1024 * KiB, blockSizeBytes: 1024 * KiB },
  { ...tiny, levelSizing: 'static' },
  { ...tiny, levelSizing: 'static', maxLevels: 3, baseLevelBytes: 64 * KiB },
  { ...tiny, maxLevels: 2, baseLevelBytes: 1024 * KiB },
  {
    ...tiny,
    levels: [
      { compression: 'none', bloomBitsPerKey: 12, cachePriority: 'high' },
      { compression: 'lz4', blockSizeBytes: 1024 },
      { compression: 'zstd', blockSizeBytes: 4 * KiB, bloomBitsPerKey: 0, cachePriority: 'none' },
    ],
  },
  { ...tiny, maxCompactions: 1 },
  { ...tiny, maxCompactions: 2, maxWalBytes: 64 * KiB },
  { ...tiny, maxCompactions: 3, memtableBudgetBytes: 128 * KiB },
  { ...tiny, maxCompactions: 4, maxWalBytes: 128 * KiB, memtableBudgetBytes: 192 * KiB },
  { ...tiny, memtableBytes: 1024 * KiB, memtableBudgetBytes: 128 * KiB, maxWalBytes: 64 * KiB },
  // The page, a thousand times smaller.
  {
    preset: 'recipe',
    memtableBytes: 64 * KiB,
    baseLevelBytes: 400 * KiB,
    tableBytes: 100 * KiB,
    blockCacheBytes: 192 * KiB,
  },
  { memtableBytes: 64 * KiB },
  { memtableBytes: 64 * KiB, compression: 'none' },
  { memtableBytes: 1024 * KiB, blockSizeBytes: 64 * KiB },
];

const testFile = 'test/model/metamorphic.test.ts';
const operations = 2500;

interface History {
  readonly digest: string;
  readonly results: number;
  /** How many steps were done. */
  readonly steps: number;
}

/** Where and with which settings a list of operations is done. */
interface Setting {
  readonly shown: string;
  readonly settings: (n: number) => SessionSettings;
  /** Default a disk in memory. */
  readonly path?: string;
}

async function run(
  seed: number,
  { settings, path }: Setting,
  steps: readonly number[] | undefined = chosenSteps(),
  say?: (words: string) => void,
): Promise<History> {
  const hash = createHash('sha256');
  let results = 0;
  const session = new Session({
    seed,
    operations,
    steps,
    say,
    ...(path === undefined
      ? { fs: new MemoryFileSystem() }
      : { fs: nodeFileSystem, path: join(path, `db-${runs++}`) }),
    settings,
    kills: false,
    onResult: (line) => {
      results++;
      hash.update(`${line}\n`);
    },
  });
  await session.run();
  return { digest: hash.digest('hex'), results, steps: session.steps };
}

let runs = 0;

/** The history of the list under other settings is the same; else with the fewest steps that differ. */
async function compare(seed: number, first: History, setting: Setting): Promise<void> {
  const checkSteps = async (
    expected: History,
    steps?: readonly number[],
    say?: (words: string) => void,
  ): Promise<void> => {
    const { digest } = await run(seed, setting, steps, say);
    if (digest !== expected.digest) throw new Mismatch(`another history with ${setting.shown}`);
  };
  try {
    await checkSteps(first);
  } catch (error) {
    const all = chosenSteps() ?? Array.from({ length: first.steps }, (_, i) => i);
    throw await shrunkFailure(error, all, { seed, testFile }, async (steps, say) => {
      await checkSteps(await run(seed, plain, steps), steps, say);
    });
  }
}

const plain: Setting = { shown: 'defaults', settings: () => settingsSets[0] };

test(
  'one list of operations has one history under all settings',
  { timeout: 3_600_000 },
  async () => {
    const counts = { histories: 0, settings: settingsSets.length + 2, results: 0 };
    for (const seed of seedsOf(2)) {
      await withSeed(seed, testFile, async () => {
        const first = await run(seed, plain);
        if (chosenSteps() === undefined) expect(first.results).toBeGreaterThan(operations / 4);
        counts.histories += settingsSets.length + 2;
        counts.results += first.results;
        for (const settings of settingsSets.slice(1)) {
          await compare(seed, first, { shown: JSON.stringify(settings), settings: () => settings });
        }
        // Other settings at each opening: what one session wrote the next one reads.
        const changing = (n: number): SessionSettings => settingsSets[n % settingsSets.length];
        await compare(seed, first, { shown: 'changing settings', settings: changing });
        const path = mkdtempSync(join(tmpdir(), 'nori-metamorphic-'));
        try {
          await compare(seed, first, { shown: 'a real disk', settings: () => tiny, path });
        } finally {
          rmSync(path, { recursive: true });
        }
      });
    }
    reportCounts('T2', 'one history under all settings', counts, { histories: 60, settings: 20 });
  },
);
