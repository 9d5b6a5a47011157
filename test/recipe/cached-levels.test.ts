import { beforeAll, describe, expect, it } from 'vitest';
import { MemoryFileSystem } from '../../src/fs.js';
import { open } from '../../src/index.js';
import type { LevelSettings } from '../../src/db/settings.js';
import { presets } from '../../src/db/presets.js';
import { Engine, text, type TextDatabase } from './engine.js';
import { keysByLevel, openSmallRecipe } from './small-recipe.js';
import { factsOfAll } from './table-facts.js';

/** Less than the blocks of L1 and L2 take, and more than those of L0. */
const blockCacheBytes = 400 * 1024;

let keys: readonly (readonly string[])[];

beforeAll(async () => {
  const engine = await openSmallRecipe();
  keys = await keysByLevel(engine.memory);
  await engine.close();
});

/** How many blocks it reads from the disk to get all of these. */
function diskReads(db: TextDatabase, wanted: readonly string[]): number {
  const before = db.stats().blockReads.fromDisk;
  for (const key of wanted) expect(db.getSync(key)).toBeDefined();
  return db.stats().blockReads.fromDisk - before;
}

/** Reads of `wanted`, which were read twice before other levels flooded the cache. */
async function readsAfterFlood(
  wanted: readonly string[],
  levels: readonly LevelSettings[],
): Promise<number> {
  const engine = await openSmallRecipe({}, { blockCacheBytes, levels });
  const { db } = engine;
  expect(diskReads(db, wanted)).toBeGreaterThan(0);
  expect(diskReads(db, wanted)).toBe(0);
  // Reads what lies deeper, and is not in the cache.
  const flood = keys
    .slice(1)
    .flat()
    .filter((key) => !wanted.includes(key));
  expect(diskReads(db, flood)).toBeGreaterThan(200);
  const reads = diskReads(db, wanted);
  await engine.close();
  return reads;
}

describe('"Cache hot levels (L0/L1) more aggressively"', () => {
  const { levels } = presets.recipe;
  const sameForAll = levels.map((level) => ({ ...level, cachePriority: 'normal' as const }));

  it('the 128 and 64 MB of hot and warm levels are one cache', async () => {
    const db = await open('/db', { preset: 'recipe', fs: new MemoryFileSystem() });
    expect(db.stats().blockCache.capacityBytes).toBe((128 + 64) * 2 ** 20);
    await db.close();
  });

  it('level 0: "block_cache_mb: 128,  // Hot data": its blocks outlast a flood of others', async () => {
    expect(await readsAfterFlood(keys[0], levels)).toBe(0);
    expect(await readsAfterFlood(keys[0], sameForAll)).toBeGreaterThan(10);
  });

  it('levels 1..=2: "block_cache_mb: 64,  // Warm data": kept as long as there is room', async () => {
    const some = [...keys[1].slice(0, 100), ...keys[2].slice(0, 100)];
    expect(await readsAfterFlood(some, levels)).toBeGreaterThan(0);
  });

  it('levels _: "block_cache_mb: 0,  // Cold data": never kept, neither by gets nor by scans', async () => {
    const engine = await openSmallRecipe({}, { blockCacheBytes });
    const { db } = engine;
    for (const level of [3, 4]) {
      const some = keys[level].slice(0, 20);
      // Now and then a filter above is wrong, and costs a block more.
      for (let round = 0; round < 3; round++) {
        const reads = diskReads(db, some);
        expect(reads).toBeGreaterThanOrEqual(some.length);
        expect(reads).toBeLessThan(1.5 * some.length);
      }
    }
    diskReads(db, keys[0]);
    let shown = 0;
    for (let round = 0; round < 2; round++) shown += [...db.keysSync()].length;
    expect(shown).toBe(2 * keys.flat().length);
    expect(diskReads(db, keys[0])).toBe(0);
    for (const level of [3, 4]) {
      expect(diskReads(db, keys[level].slice(0, 20))).toBeGreaterThanOrEqual(20);
    }
    await engine.close();
  });

  it('a table that moves is cached as its new level asks', async () => {
    const engine = await Engine.open({
      levels: [{ cachePriority: 'high' }, { cachePriority: 'none' }],
    });
    // A block for each entry.
    const large = 'x'.repeat(3000);
    for (let i = 0; i < 4; i++) await engine.flush({ [`a${i}`]: large, [`b${i}`]: large });
    const before = ['a0', 'a1', 'a2', 'a3'];
    expect(diskReads(engine.db, before)).toBe(4);
    expect(diskReads(engine.db, before)).toBe(0);
    await engine.flush({ x: large });
    await engine.settle();
    expect(engine.shape[1]).toBeGreaterThan(0);
    expect(engine.db.stats().background.compactions).toBe(0);
    const moved = (await factsOfAll(engine.memory)).filter(({ level }) => level === 1);
    const after = moved.map(({ properties }) => text(properties.largest));
    for (let round = 0; round < 2; round++) {
      expect(diskReads(engine.db, after)).toBe(after.length);
    }
    await engine.close();
  });
});
