import { randomFillSync } from 'node:crypto';
import type { FileId } from './checksum.js';

/** The one way randomness enters the engine, so that a test can own it. */
export interface RandomSource {
  /** An integer in [0, 2^32). */
  u32(): number;
}

export const systemRandom: RandomSource = {
  u32: () => randomFillSync(new Uint32Array(1))[0],
};

/** Seeded generator (sfc32 by Chris Doty-Humphrey, public domain): same seed, same numbers. */
export class Prng implements RandomSource {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  constructor(seed: number) {
    this.#a = seed | 0;
    this.#b = (seed ^ 0x9e37_79b9) | 0;
    this.#c = Math.imul(seed, 0x85eb_ca6b) | 0;
    for (let i = 0; i < 12; i++) this.u32();
  }

  u32(): number {
    const result = (((this.#a + this.#b) | 0) + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + result;
    return result >>> 0;
  }

  /** An integer in [0, bound). */
  below(bound: number): number {
    return Math.floor((this.u32() / 0x1_0000_0000) * bound);
  }

  /** True with the given probability. */
  chance(probability: number): boolean {
    return this.u32() < probability * 0x1_0000_0000;
  }
}

export function randomFileId(random: RandomSource): FileId {
  return { low: random.u32(), high: random.u32() };
}
