import type { RandomSource } from '../base/prng.js';

/** True with the given probability. */
export function chance(random: RandomSource, probability: number): boolean {
  return random.u32() < probability * 0x1_0000_0000;
}

/** An integer in [0, bound). */
export function integerBelow(random: RandomSource, bound: number): number {
  return Math.floor((random.u32() / 0x1_0000_0000) * bound);
}
