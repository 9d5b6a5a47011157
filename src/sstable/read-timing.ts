/** Above this a read came from the device, not from the OS page cache. */
const fastMicros = 200;
const probeInterval = 64;

/**
 * Decides whether a missing block is read on the spot: 1.4–2.5 µs when the OS
 * has it, against 14–26 µs through the thread pool. A moving average of the
 * time of synchronous reads says so; while it says no, every 64th read probes.
 */
export class ReadTiming {
  #averageMicros = 0;
  #untilProbe = probeInterval;

  get averageMicros(): number {
    return this.#averageMicros;
  }

  /** Asked once per read that could also wait. */
  expectFast(): boolean {
    if (this.#averageMicros < fastMicros) return true;
    if (--this.#untilProbe > 0) return false;
    this.#untilProbe = probeInterval;
    return true;
  }

  /** Takes in the duration of a synchronous read. */
  record(milliseconds: number): void {
    // Capped, so that one hiccup is made good by one fast probe.
    const micros = Math.min(milliseconds * 1000, 4 * fastMicros);
    this.#averageMicros += (micros - this.#averageMicros) / 4;
  }
}
