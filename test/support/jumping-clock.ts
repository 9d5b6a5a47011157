import type { Clock } from '../../src/base/clock.js';

/**
 * A clock for runs that depend on nothing but their seed: it moves only when
 * somebody waits, and then at once, in the next turn of the event loop.
 */
export class JumpingClock implements Clock {
  #nowMs = 1_000_000;

  wallMs(): number {
    return this.#nowMs;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  after(delayMs: number, run: () => void): () => void {
    const pending = setImmediate(() => {
      this.#nowMs += delayMs;
      run();
    });
    return () => clearImmediate(pending);
  }

  nextTurn(run: () => void): void {
    setImmediate(run);
  }

  sleepSync(delayMs: number): void {
    this.#nowMs += delayMs;
  }
}
