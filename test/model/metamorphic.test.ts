import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { MemoryFileSystem, nodeFileSystem } from '../../src/fs.js';
import type { RandomSettings } from '../support/random-options.js';
import { isWholeRun, seedsOf, withSeed } from '../support/seeds.js';
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

interface History {
  readonly digest: string;
  readonly results: number;
}

async function run(
  seed: number,
  operations: number,
  place: { fs: MemoryFileSystem | typeof nodeFileSystem; path?: string },
  settings: (n: number) => SessionSettings,
): Promise<History> {
  const hash = createHash('sha256');
  let results = 0;
  const session = new Session({
    seed,
    operations,
    ...place,
    settings,
    kills: false,
    onResult: (line) => {
      results++;
      hash.update(`${line}\n`);
    },
  });
  await session.run();
  return { digest: hash.digest('hex'), results };
}

test(
  'one list of operations has one history under all settings',
  { timeout: 3_600_000 },
  async () => {
    const operations = 2500;
    let histories = 0;
    for (const seed of seedsOf(2)) {
      await withSeed(seed, 'test/model/metamorphic.test.ts', async () => {
        const inMemory = (): { fs: MemoryFileSystem } => ({ fs: new MemoryFileSystem() });
        const first = await run(seed, operations, inMemory(), () => settingsSets[0]);
        expect(first.results).toBeGreaterThan(operations / 4);
        for (const settings of settingsSets.slice(1)) {
          histories++;
          const shown = JSON.stringify(settings);
          expect(await run(seed, operations, inMemory(), () => settings), shown).toEqual(first);
        }
        // Other settings at each opening: what one session wrote the next one reads.
        const changing = await run(
          seed,
          operations,
          inMemory(),
          (n) => settingsSets[n % settingsSets.length],
        );
        expect(changing).toEqual(first);
        const path = mkdtempSync(join(tmpdir(), 'nori-metamorphic-'));
        try {
          const onDisk = { fs: nodeFileSystem, path: join(path, 'db') };
          expect(await run(seed, operations, onDisk, () => tiny), 'on disk').toEqual(first);
        } finally {
          rmSync(path, { recursive: true });
        }
        histories += 3;
      });
    }
    console.log(`T2: ${JSON.stringify({ histories, settings: settingsSets.length + 2 })}`);
    if (isWholeRun()) expect(histories).toBeGreaterThanOrEqual(60);
  },
);
