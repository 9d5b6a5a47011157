/** Random numbers that are the same in every run: xorshift32. */
export class Draws {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0 || 1;
  }

  /** 0 to 2^32 - 1. */
  next(): number {
    let state = this.#state;
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    this.#state = state >>> 0;
    return this.#state;
  }

  /** 0 to `limit - 1`. */
  below(limit: number): number {
    return Math.floor((this.next() / 2 ** 32) * limit);
  }
}

/** 0 to `count - 1` in random order. */
export function shuffled(count: number, draws: Draws): Uint32Array {
  const order = Uint32Array.from({ length: count }, (_, i) => i);
  for (let i = count - 1; i > 0; i--) {
    const j = draws.below(i + 1);
    const swapped = order[i];
    order[i] = order[j];
    order[j] = swapped;
  }
  return order;
}

/**
 * YCSB's zipfian ranks with constant 0.99: 0 is drawn most often. After Gray et
 * al., "Quickly generating billion-record synthetic databases", SIGMOD 1994.
 */
export class Zipfian {
  readonly #count: number;
  readonly #draws: Draws;
  readonly #zetaN: number;
  readonly #eta: number;

  constructor(count: number, draws: Draws) {
    this.#count = count;
    this.#draws = draws;
    let zeta = 0;
    for (let i = 1; i <= count; i++) zeta += 1 / i ** theta;
    this.#zetaN = zeta;
    this.#eta = (1 - (2 / count) ** (1 - theta)) / (1 - (1 + 0.5 ** theta) / zeta);
  }

  /** 0 to `count - 1`. */
  nextRank(): number {
    const u = this.#draws.next() / 2 ** 32;
    const uz = u * this.#zetaN;
    if (uz < 1 || this.#count === 1) return 0;
    if (uz < 1 + 0.5 ** theta) return 1;
    const rank = Math.floor(this.#count * (this.#eta * u - this.#eta + 1) ** (1 / (1 - theta)));
    return Math.min(rank, this.#count - 1);
  }

  /** As `nextRank`, with the popular ones spread over all. */
  nextScattered(): number {
    return (Math.imul(this.nextRank() + 1, 0x9e3779b1) >>> 0) % this.#count;
  }
}

const theta = 0.99;
