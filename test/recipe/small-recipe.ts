import { Prng } from '../../src/base/prng.js';
import type { MemoryFileSystem } from '../../src/fs.js';
import type { OpenOptions } from '../../src/index.js';
import { Engine, readTable, text, type TextDatabase } from './engine.js';
import { factsOfAll } from './table-facts.js';

const KiB = 1024;

/** The preset with smaller sizes: half a megabyte fills L1, L2 and L3, the rest goes to L4. What is given goes before the preset. */
export const smallRecipe = {
  preset: 'recipe',
  // `Engine` says something else of these.
  compression: undefined,
  blockSizeBytes: undefined,
  levelSizeMultiplier: 2,
  memtableBytes: 64 * KiB,
  tableBytes: 16 * KiB,
  baseLevelBytes: 64 * KiB,
} as const satisfies OpenOptions;

export const smallRecipeKeys = 14_000;

export function userKey(index: number): string {
  return `user:${String(index).padStart(6, '0')}`;
}

/** Text of which a part is noise: LZ4 saves something, Zstd more. */
export function sessionValue(prng: Prng): string {
  const noise = prng.u32().toString(36) + prng.u32().toString(36) + prng.u32().toString(36);
  return `{"name":"somebody","session":"${noise}","state":"active","flags":"------"}`;
}

export function putRandom(db: TextDatabase, prng: Prng, count: number): void {
  for (let i = 0; i < count; i++) {
    db.putSync(userKey(prng.below(smallRecipeKeys)), sessionValue(prng));
  }
}

const images = new Map<string, MemoryFileSystem>();

/**
 * A database under the small recipe with tables at L0 (three of them), L1, L2, L3
 * and L4, and nothing in memory: filled under `options`, then opened under both.
 */
export async function openSmallRecipe(
  options: OpenOptions = {},
  optionsAfter: OpenOptions = {},
): Promise<Engine> {
  const all = { ...smallRecipe, ...options };
  const name = JSON.stringify(all);
  let image = images.get(name);
  if (image === undefined) {
    const engine = await Engine.open(all);
    const prng = new Prng(1);
    for (let round = 0; round < 8; round++) {
      putRandom(engine.db, prng, 2500);
      await engine.settle();
    }
    for (let tries = 0; engine.shape[0] !== 3; tries++) {
      if (tries === 10) throw new Error(`L0 never holds three tables: ${engine.shape.join()}`);
      putRandom(engine.db, prng, 200);
      await engine.db.flush();
      await engine.settle();
    }
    await engine.close();
    image = engine.memory;
    images.set(name, image);
  }
  const engine = await Engine.open({ ...all, ...optionsAfter }, image.clone());
  if (engine.shape.length !== 5 || engine.shape.includes(0)) {
    throw new Error(`not all five levels hold tables: ${engine.shape.join()}`);
  }
  return engine;
}

/** By level: the keys whose newest version is there. */
export async function keysByLevel(fs: MemoryFileSystem): Promise<string[][]> {
  const seen = new Set<string>();
  const keys: string[][] = [[], [], [], [], []];
  for (const { path, level } of await factsOfAll(fs)) {
    for (const { key } of await readTable(fs, path)) {
      const name = text(key);
      if (!seen.has(name)) keys[level].push(name);
      seen.add(name);
    }
  }
  return keys;
}
