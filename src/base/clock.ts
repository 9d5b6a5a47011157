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
  /** Calls `run` once the event loop has had a turn. */
  nextTurn(run: () => void): void;
  /** Returns so much later; nothing else happens in this thread meanwhile. */
  sleepSync(delayMs: number): void;
}

/** How long promises may be settled in one go before the event loop gets its turn, in milliseconds. */
export const longestTurnMs = 5;

const neverNotified = new Int32Array(new SharedArrayBuffer(4));

/** The clock of the machine: what a `Clock` of one's own can build on. */
export const systemClock: Clock = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  after(delayMs, run, keepsAlive = false) {
    const timer = setTimeout(run, delayMs);
    if (!keepsAlive) timer.unref();
    return () => clearTimeout(timer);
  },
  nextTurn(run) {
    setImmediate(run);
  },
  sleepSync(delayMs) {
    Atomics.wait(neverNotified, 0, 0, delayMs);
  },
};
