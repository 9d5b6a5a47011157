import { beforeAll, describe, expect, it } from 'vitest';
import { Prng } from '../../src/base/prng.js';
import type { OpenOptions } from '../../src/index.js';
import { seedsOf, withSeed } from '../support/seeds.js';
import { Engine, type TextDatabase } from './engine.js';
import { openSmallRecipe, putRandom, sessionValue, smallRecipe, userKey } from './small-recipe.js';
import { factsOfAll, problemOf, type TableFacts, type TableForm } from './table-facts.js';

/** What a table of each level is like under the preset; the last stands for all deeper ones. */
const recipeForms: readonly TableForm[] = [
  { codec: 'lz4', blockSizeBytes: 4096, bloomBitsPerKey: 12 },
  { codec: 'lz4', blockSizeBytes: 4096, bloomBitsPerKey: 10 },
  { codec: 'lz4', blockSizeBytes: 4096, bloomBitsPerKey: 10 },
  { codec: 'zstd', blockSizeBytes: 8192, bloomBitsPerKey: 8 },
];

function problemsOf(tables: readonly TableFacts[], forms: readonly TableForm[]): string[] {
  return tables.flatMap((table) => {
    const form = forms[Math.min(table.level, forms.length - 1)];
    return problemOf(table, form) ?? [];
  });
}

let tables: readonly TableFacts[];

/** Tables of these levels, some of each. */
function tablesAt(...levels: number[]): TableFacts[] {
  const found = tables.filter(({ level }) => levels.includes(level));
  expect([...new Set(found.map(({ level }) => level))]).toEqual(levels);
  return found;
}

function expectCodec(found: readonly TableFacts[], codec: string): void {
  let blocks = 0;
  for (const table of found) {
    expect(table.codec, table.path).toBe(codec);
    blocks += table.blocks.filter((block) => block.codec === codec).length;
  }
  expect(blocks).toBeGreaterThan(found.length);
}

function expectFilterBits(found: readonly TableFacts[], bitsPerKey: number): void {
  let bits = 0;
  let keys = 0;
  for (const table of found) {
    bits += table.filterBits;
    keys += table.entries;
  }
  expect(bits / keys).toBeGreaterThanOrEqual(bitsPerKey);
  // Whole words, in small tables.
  expect(bits / keys).toBeLessThan(bitsPerKey + 0.2);
}

function expectBlocks(found: readonly TableFacts[], blockSizeBytes: number): void {
  for (const { path, blocks } of found) {
    for (const { rawBytes } of blocks) expect(rawBytes, path).toBeLessThanOrEqual(blockSizeBytes);
    for (const { rawBytes } of blocks.slice(0, -1)) {
      expect(rawBytes, path).toBeGreaterThan(0.85 * blockSizeBytes);
    }
  }
}

describe('"Per-level configuration (compression, cache, bloom)": what the files of each level hold', () => {
  beforeAll(async () => {
    const engine = await openSmallRecipe();
    tables = await factsOfAll(engine.memory);
    await engine.close();
  });

  it('level 0: "compression: Compression::Lz4"', () => {
    expectCodec(tablesAt(0), 'lz4');
  });

  it('level 0: "bloom_bits_per_key: 12"', () => {
    expectFilterBits(tablesAt(0), 12);
  });

  it('levels 1..=2: "compression: Compression::Lz4"', () => {
    expectCodec(tablesAt(1, 2), 'lz4');
  });

  it('levels 1..=2: "bloom_bits_per_key: 10"', () => {
    expectFilterBits(tablesAt(1, 2), 10);
  });

  it('levels _: "compression: Compression::Zstd"', () => {
    expectCodec(tablesAt(3, 4), 'zstd');
  });

  it('levels _: "bloom_bits_per_key: 8"', () => {
    expectFilterBits(tablesAt(3, 4), 8);
  });

  it('levels _: "block_size: 8192,  // Larger blocks"', () => {
    expectBlocks(tablesAt(3, 4), 8192);
    expectBlocks(tablesAt(0, 1, 2), 4096);
  });

  it('"Use Zstd compression for deep levels (save disk space)"', () => {
    const storedShare = (found: readonly TableFacts[]): number => {
      let stored = 0;
      let raw = 0;
      for (const { properties } of found) {
        stored += properties.storedBytes;
        raw += properties.rawBytes;
      }
      return stored / raw;
    };
    const [shallow, deep] = [storedShare(tablesAt(0, 1, 2)), storedShare(tablesAt(3, 4))];
    expect(shallow).toBeLessThan(0.7);
    expect(deep).toBeLessThan(0.75 * shallow);
  });

  it('"Flexible compression → optimize per level": every file is as its level asks', () => {
    expect(problemsOf(tables, recipeForms)).toEqual([]);
    expect(problemsOf(tables, recipeForms.slice(1)).length).toBeGreaterThan(0);
  });
});

describe('what is given goes before what is inherited', () => {
  it('an option beside the preset holds at all levels', async () => {
    const engine = await Engine.open({ ...smallRecipe, compression: 'none', bloomBitsPerKey: 0 });
    putRandom(engine.db, new Prng(1), 6000);
    await engine.db.flush();
    await engine.settle();
    const found = await factsOfAll(engine.memory);
    expect(Math.max(...found.map(({ level }) => level))).toBeGreaterThanOrEqual(3);
    // What was not given stays as the preset has it.
    const forms = recipeForms.map((form) => ({ ...form, codec: 'none', bloomBitsPerKey: 0 }));
    expect(problemsOf(found, forms)).toEqual([]);
    await engine.close();
  });

  it('an option of a keyspace goes before the preset of its database', async () => {
    const engine = await Engine.open(smallRecipe);
    const plain = await engine.db.keyspace('plain', { compression: 'none' });
    const like = await engine.db.keyspace('like');
    for (let i = 0; i < 300; i++) {
      for (const each of [plain, like]) each.putSync(userKey(i), sessionValue(new Prng(i)));
    }
    await engine.db.flush();
    const found = await factsOfAll(engine.memory);
    const formOf = (name: string): TableForm =>
      name === 'plain' ? { ...recipeForms[0], codec: 'none' } : recipeForms[0];
    expect(found.map(({ properties }) => properties.keyspaceName).sort()).toEqual([
      'like',
      'plain',
    ]);
    for (const table of found) {
      expect(problemOf(table, formOf(table.properties.keyspaceName))).toBeUndefined();
    }
    await engine.close();
  });

  it('settings of levels outlive the session that gave them', async () => {
    const engine = await Engine.open();
    const levels = levelsOf(fourForms);
    await engine.db.keyspace('kept', { levels, levelSizing: 'static', maxLevels: 4 });
    await engine.reopen();
    const kept = await engine.db.keyspace('kept');
    // One more table in L0 than the trigger.
    for (let i = 0; i < 5; i++) {
      for (let j = 0; j < 50; j++) kept.putSync(userKey(j), sessionValue(new Prng(50 * i + j)));
      await engine.db.flush();
    }
    await engine.settle();
    const found = await factsOfAll(engine.memory);
    expect(found.map(({ level }) => level)).toEqual([1]);
    expect(problemsOf(found, fourForms)).toEqual([]);
    await engine.close();
  });
});

/** Four levels, no two alike. */
const fourForms: readonly TableForm[] = [
  { codec: 'none', blockSizeBytes: 512, bloomBitsPerKey: 4 },
  { codec: 'lz4', blockSizeBytes: 1024, bloomBitsPerKey: 0 },
  { codec: 'zstd', blockSizeBytes: 2048, bloomBitsPerKey: 14 },
  { codec: 'lz4', blockSizeBytes: 1024, bloomBitsPerKey: 6 },
];

function levelsOf(forms: readonly TableForm[]): OpenOptions['levels'] {
  return forms.map(({ codec, blockSizeBytes, bloomBitsPerKey }) => ({
    compression: codec as 'none' | 'lz4' | 'zstd',
    blockSizeBytes,
    bloomBitsPerKey,
  }));
}

/** Loads in key order, whose tables are moved, and among it random writes, whose tables are merged. */
function load(db: TextDatabase, prng: Prng, from: number, count: number): void {
  for (let i = 0; i < count; i++) db.putSync(userKey(100_000 + from + i), sessionValue(prng));
  if (prng.chance(0.3)) putRandom(db, prng, prng.below(800));
  if (prng.chance(0.2)) {
    for (let i = 0; i < 50; i++) db.deleteSync(userKey(prng.below(14_000)));
  }
}

describe('no table ends at a level with the settings of another', () => {
  const cases: Readonly<Record<string, [OpenOptions, readonly TableForm[]]>> = {
    'the preset': [smallRecipe, recipeForms],
    'the preset, sized dynamically': [{ ...smallRecipe, levelSizing: 'dynamic' }, recipeForms],
    'four levels, no two alike': [{ ...smallRecipe, levels: levelsOf(fourForms) }, fourForms],
    'two levels alike above one that is not': [
      { ...smallRecipe, levels: levelsOf([fourForms[1], fourForms[1], fourForms[2]]) },
      [fourForms[1], fourForms[1], fourForms[2]],
    ],
  };

  it.each(Object.keys(cases))('%s: after random loads, flushes, moves and merges', async (name) => {
    const [options, forms] = cases[name];
    for (const seed of seedsOf(2)) {
      await withSeed(seed, 'test/recipe/per-level.test.ts', async () => {
        const prng = new Prng(seed);
        const engine = await Engine.open(options);
        let moves = 0;
        engine.db.on('compaction', (event) => (moves += event.trivialMove ? 1 : 0));
        for (let round = 0; round < 12; round++) {
          load(engine.db, prng, 1000 * round, 1000);
          if (prng.chance(0.5)) await engine.db.flush();
          await engine.settle();
          expect(problemsOf(await factsOfAll(engine.memory), forms)).toEqual([]);
        }
        expect(engine.shape.length).toBeGreaterThanOrEqual(4);
        expect(moves).toBeGreaterThan(0);
        await engine.db.compactRange();
        await engine.settle();
        expect(problemsOf(await factsOfAll(engine.memory), forms)).toEqual([]);
        await engine.close();
      });
    }
  });
});
