/** The one way time enters the engine, so that a test can own it. */
export interface Clock {
  /** Milliseconds since the epoch. */
  wallMs(): number;
  /** Milliseconds of a clock that never goes back, with fractions. */
  monotonicMs(): number;
  /** Calls `run` once after `delayMs`; does not keep the process alive. Returns a cancel function. */
  after(delayMs: number, run: () => void): () => void;
}

export const systemClock: Clock = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  after(delayMs, run) {
    const timer = setTimeout(run, delayMs);
    timer.unref();
    return () => clearTimeout(timer);
  },
};
