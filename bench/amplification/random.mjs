/** xorshift128: the same numbers in every run. */
export class Random {
  #x;
  #y = 362436069;
  #z = 521288629;
  #w = 88675123;

  constructor(seed) {
    this.#x = 123456789 ^ Math.imul(seed, 0x9e3779b1);
    for (let i = 0; i < 16; i++) this.u32();
  }

  u32() {
    const t = this.#x ^ (this.#x << 11);
    this.#x = this.#y;
    this.#y = this.#z;
    this.#z = this.#w;
    this.#w = (this.#w ^ (this.#w >>> 19) ^ (t ^ (t >>> 8))) | 0;
    return this.#w >>> 0;
  }

  /** From 0 to below 1. */
  unit() {
    return this.u32() / 2 ** 32;
  }

  /** A whole number from 0 to below `n`. */
  below(n) {
    return Math.floor(this.unit() * n);
  }
}
