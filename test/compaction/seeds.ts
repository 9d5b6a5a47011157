import { Prng } from '../../src/base/prng.js';

/**
 * Runs `check` once for each of `count` seeds, or only for the one in NORI_SEED.
 * A failure names its seed.
 */
export function forEachSeed(count: number, check: (random: Prng, seed: number) => void): void {
  const only = process.env['NORI_SEED'];
  const seeds =
    only === undefined ? Array.from({ length: count }, (_, i) => i + 1) : [Number(only)];
  for (const seed of seeds) {
    try {
      check(new Prng(seed), seed);
    } catch (error) {
      const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
      throw new Error(`seed ${seed} (repeat with NORI_SEED=${seed}): ${reason}`, { cause: error });
    }
  }
}
