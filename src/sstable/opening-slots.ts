import type { Steps, Waitable } from '../base/task.js';

/** One opening that waits for a slot, or has it. */
class Claim implements Waitable {
  hasSlot = false;
  readonly #granted: Promise<void>;
  #resolve!: () => void;

  constructor() {
    this.#granted = new Promise<void>((resolve) => {
      this.#resolve = resolve;
    });
  }

  grant(): void {
    this.hasSlot = true;
    this.#resolve();
  }

  wait(): Promise<void> {
    return this.#granted;
  }

  /** Who cannot wait goes on without one. */
  waitSync(): void {}
}

/**
 * Bounds how many tables are being opened at once, first come, first served: a
 * thousand lookups in flight would otherwise hold a thousand descriptors for
 * tables that all but a few must give up again at once.
 */
export class OpeningSlots {
  readonly count: number;
  readonly #claims: Claim[] = [];
  #taken = 0;

  constructor(count: number) {
    this.count = count;
  }

  /** Openings under way. */
  get taken(): number {
    return this.#taken;
  }

  /** Runs steps in a slot. */
  *run<T>(steps: () => Steps<T>): Steps<T> {
    if (this.#taken < this.count) {
      this.#taken++;
    } else {
      const claim = new Claim();
      this.#claims.push(claim);
      yield claim;
      if (!claim.hasSlot) {
        this.#claims.splice(this.#claims.indexOf(claim), 1);
        this.#taken++;
      }
    }
    try {
      return yield* steps();
    } finally {
      this.#taken--;
      this.#grant();
    }
  }

  #grant(): void {
    while (this.#taken < this.count) {
      const claim = this.#claims.shift();
      if (claim === undefined) return;
      this.#taken++;
      claim.grant();
    }
  }
}
