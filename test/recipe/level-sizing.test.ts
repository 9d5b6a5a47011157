import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Prng } from '../../src/base/prng.js';
import { levelTargets } from '../../src/compaction/level-targets.js';
import { pickCompaction } from '../../src/compaction/picker.js';
import { compactionOptionsOf } from '../../src/db/compaction-options.js';
import { resolveOptions } from '../../src/db/options.js';
import { open, type OpenOptions } from '../../src/index.js';
import { Version } from '../../src/manifest/version.js';
import { parseVersion } from '../picker/language.js';
import { Engine } from './engine.js';
import { openSmallRecipe, putRandom, smallRecipe, userKey } from './small-recipe.js';

const MB = 1_000_000;
const GB = 1000 * MB;

/** What the picker goes by under the preset, and with these options beside it. */
function recipeCompaction(beside: OpenOptions = {}): ReturnType<typeof compactionOptionsOf> {
  return compactionOptionsOf(resolveOptions({ preset: 'recipe', ...beside }).settings);
}

/** Target bytes of L1 and below, of a database of any size. */
function targetsOf(beside: OpenOptions = {}): readonly number[] {
  return levelTargets(Version.empty(), recipeCompaction(beside)).bytes;
}

/** What is picked when a level holds so many bytes in tables of 100 MB, and the others nothing. */
function picked(level: number, bytes: number): string | undefined {
  const tables: string[] = [];
  for (let i = 0; i < bytes / (100 * MB); i++) {
    const key = String(i).padStart(5, '0');
    tables.push(`${i + 1}:[${key}a-${key}z] size=${100 * MB}`);
  }
  const version = parseVersion([`L${level} ${tables.join(' ')}`]);
  const state = { cursors: new Map<number, Uint8Array>(), running: [] };
  const plan = pickCompaction(version, recipeCompaction(), state);
  return plan && `L${plan.level} to L${plan.outputLevel}`;
}

describe('"Level Sizing": Level, Max Size, Files (100MB each), Fanout', () => {
  it('"L0      400 MB      4                   N/A (special)"', () => {
    const { l0CompactionTrigger, tableTargetBytes } = recipeCompaction();
    expect(l0CompactionTrigger * tableTargetBytes).toBe(400 * MB);
    expect(targetsOf()[0]).toBe(Infinity);
    expect(picked(0, 400 * MB)).toBeUndefined();
    expect(picked(0, 500 * MB)).toBe('L0 to L1');
  });

  it('"L1      400 MB      4                   10x"', () => {
    expect(targetsOf()[1]).toBe(400 * MB);
    expect(targetsOf()[1] / recipeCompaction().tableTargetBytes).toBe(4);
    expect(picked(1, 400 * MB)).toBeUndefined();
    expect(picked(1, 500 * MB)).toBe('L1 to L2');
  });

  it('"L2      4 GB        40                  10x"', () => {
    expect(targetsOf()[2]).toBe(4 * GB);
    expect(targetsOf()[2] / recipeCompaction().tableTargetBytes).toBe(40);
    expect(picked(2, 4 * GB)).toBeUndefined();
    expect(picked(2, 4 * GB + 100 * MB)).toBe('L2 to L3');
  });

  it('"L3      40 GB       400                 10x"', () => {
    expect(targetsOf()[3]).toBe(40 * GB);
    expect(targetsOf()[3] / recipeCompaction().tableTargetBytes).toBe(400);
    expect(picked(3, 40 * GB)).toBeUndefined();
    expect(picked(3, 40 * GB + 100 * MB)).toBe('L3 to L4');
  });

  it('"L4      400 GB      4,000               10x": and all beyond, since it is the last', () => {
    expect(levelTargets(Version.empty(), recipeCompaction()).lastLevel).toBe(4);
    expect(10 * targetsOf()[3]).toBe(400 * GB);
    expect(targetsOf()[4]).toBe(Infinity);
    expect(picked(4, 400 * GB)).toBeUndefined();
    expect(picked(4, 500 * GB)).toBeUndefined();
  });

  it('a database keeps to its sizes, from L0 to L4', async () => {
    const engine = await openSmallRecipe();
    const base = smallRecipe.baseLevelBytes;
    const { levels } = engine.db.stats();
    expect(levels.map((level) => level.targetBytes)).toEqual([0, base, 2 * base, 4 * base, 0]);
    expect(levels[0].tables).toBeLessThanOrEqual(4);
    for (const { level, bytes, targetBytes } of levels.slice(1, 4)) {
      expect(bytes, `L${level}`).toBeLessThanOrEqual(targetBytes);
      expect(bytes, `L${level}`).toBeGreaterThan(0.5 * targetBytes);
    }
    expect(levels[4].bytes).toBeGreaterThan(0);
    await engine.close();
  });

  it('with dynamic sizing targets follow from the deepest level upward', async () => {
    const engine = await Engine.open({ ...smallRecipe, levelSizing: 'dynamic' });
    putRandom(engine.db, new Prng(1), 12_000);
    await engine.settle();
    const { levels } = engine.db.stats();
    const deepest = levels.at(-1)!;
    expect(levels.length).toBeGreaterThanOrEqual(4);
    expect(deepest.targetBytes).toBe(0);
    for (const { level, bytes, targetBytes } of levels.slice(1, -1)) {
      expect(targetBytes).toBe(Math.round(deepest.bytes / 2 ** (deepest.level - level)));
      expect(bytes).toBeLessThanOrEqual(targetBytes);
    }
    await engine.close();
  });
});

describe('"Increase level fanout": "20x fanout instead of 10x"', () => {
  it('"L1: 400 MB"', () => {
    expect(targetsOf({ levelSizeMultiplier: 20 })[1]).toBe(400 * MB);
  });

  it('"L2: 8 GB (instead of 4 GB)"', () => {
    expect(targetsOf({ levelSizeMultiplier: 20 })[2]).toBe(8 * GB);
    expect(targetsOf()[2]).toBe(4 * GB);
  });

  it('"L3: 160 GB (instead of 40 GB)"', () => {
    expect(targetsOf({ levelSizeMultiplier: 20 })[3]).toBe(160 * GB);
    expect(targetsOf()[3]).toBe(40 * GB);
  });

  it.each([10, 20])(
    'levelSizeMultiplier %d: L2 holds so many times what L1 does',
    async (times) => {
      const base = smallRecipe.baseLevelBytes;
      const engine = await Engine.open({
        ...smallRecipe,
        levelSizeMultiplier: times,
        maxLevels: 4,
        compression: 'none',
      });
      // Key order: all of it moves down, and what does not fit into L2 moves on.
      const value = 'x'.repeat(2000);
      const count = Math.ceil((1.3 * (times + 1) * base) / value.length);
      for (let i = 0; i < count; i++) engine.db.putSync(userKey(i), value);
      await engine.db.flush();
      await engine.settle();
      const { levels } = engine.db.stats();
      expect(levels.map((level) => level.targetBytes)).toEqual([0, base, times * base, 0]);
      expect(levels[2].bytes).toBeLessThanOrEqual(times * base);
      expect(levels[2].bytes).toBeGreaterThan((times - 1) * base);
      expect(levels[3].bytes).toBeGreaterThan(0);
      await engine.close();
    },
  );
});

describe('"Increase L0 threshold": "Compact L0→L1 when 8 files (instead of 4)"', () => {
  it.each([4, 8])(
    'l0CompactionTrigger %d: L0 is seen with so many tables, never more',
    async (trigger) => {
      const engine = await Engine.open({ ...smallRecipe, l0CompactionTrigger: trigger });
      const prng = new Prng(1);
      let most = 0;
      let compacted = 0;
      engine.db.on('compaction', ({ level, inputTables }) => {
        if (level === 0) compacted = Math.max(compacted, inputTables);
      });
      for (let i = 0; i < 3 * trigger; i++) {
        putRandom(engine.db, prng, 100);
        await engine.db.flush();
        await engine.settle();
        most = Math.max(most, engine.shape.at(0) ?? 0);
      }
      expect(most).toBe(trigger);
      expect(compacted).toBeGreaterThanOrEqual(trigger + 1);
      await engine.close();
    },
  );
});

describe('"Files (100MB each)": the sizes of the preset, on a disk', () => {
  it('a compaction of 250 MB writes two tables of 100 MB, and one of the rest', async () => {
    const path = await mkdtemp(join(tmpdir(), 'nori-recipe-'));
    const sizes: number[] = [];
    try {
      const db = await open(path, { preset: 'recipe', executor: 'inline', durability: 'none' });
      // What does not compress, so that the files are as large as the data.
      const prng = new Prng(1);
      const value = Uint8Array.from({ length: 100_000 }, () => prng.u32());
      // Every flushed table spans all keys, so that none can be moved.
      for (let i = 0; i < 2500; i++) await db.put(userKey((i * 7919) % 2500), value);
      await db.compactRange();
      expect(db.stats().levels.map((level) => level.tables)).toEqual([0, 3]);
      await db.close();
      for (const name of (await readdir(path)).sort()) {
        if (name.endsWith('.sst')) sizes.push((await stat(join(path, name))).size);
      }
    } finally {
      await rm(path, { recursive: true });
    }
    expect(sizes.length).toBe(3);
    for (const size of sizes.slice(0, 2)) {
      expect(size).toBeGreaterThan(99 * MB);
      expect(size).toBeLessThan(101 * MB);
    }
    expect(sizes[2]).toBeGreaterThan(45 * MB);
    expect(sizes[2]).toBeLessThan(55 * MB);
  });
});
