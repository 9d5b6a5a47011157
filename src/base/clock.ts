/** The one way time enters the engine, so that a test can own it. */
export interface Clock {
  /** Milliseconds since the epoch. */
  wallMs(): number;
  /** Milliseconds of a clock that never goes back, with fractions. */
  monotonicMs(): number;
  /**
   * Calls `run` once after `delayMs`. Only with `keepsAlive` (somebody awaits it)
   * does the process stay for it. Returns a cancel function.
   */
  after(delayMs: number, run: () => void, keepsAlive?: boolean): () => void;
}

export const systemClock: Clock = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  after(delayMs, run, keepsAlive = false) {
    const timer = setTimeout(run, delayMs);
    if (!keepsAlive) timer.unref();
    return () => clearTimeout(timer);
  },
};
