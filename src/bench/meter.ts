/** How long one timed part may last. */
export interface Limits {
  /** At most so many operations. */
  readonly operations: number;
  /** Ends at the next look at the clock behind this. */
  readonly milliseconds: number;
}

/** What one timed part has cost. */
export interface Timed {
  /** Operations really done. */
  readonly operations: number;
  /** How long it lasted. */
  readonly milliseconds: number;
  /** Of all threads of the process, user and system. */
  readonly cpuMicroseconds: number;
  /** Of single calls, sampled; undefined where there are fewer than 20. */
  readonly latencyMs: Percentiles | undefined;
}

/** How long calls took, in milliseconds. */
export interface Percentiles {
  /** The median. */
  readonly p50: number;
  /** Of a hundred, one took longer. */
  readonly p99: number;
  /** Of a thousand, one took longer. */
  readonly p999: number;
  /** The longest one seen. */
  readonly max: number;
}

const mostSamples = 200_000;

/**
 * The clock of one timed part. Calls are timed by samples: reading the clock
 * twice costs some 100 ns, a tenth of the fastest calls that are measured.
 */
export class Meter {
  /** Ahead of time: none is made while the clock runs. */
  readonly #samples = new Float64Array(mostSamples);
  #sampleCount = 0;
  #begunMs = 0;
  #cpu = process.cpuUsage();
  /** When the time is over, by the monotonic clock. */
  deadlineMs = Infinity;

  /** Begins a timed part. */
  start(milliseconds: number): void {
    this.#sampleCount = 0;
    this.#cpu = process.cpuUsage();
    this.#begunMs = performance.now();
    this.deadlineMs = this.#begunMs + milliseconds;
  }

  /** Keeps what a call took; returns whether the time is over. */
  sample(beganMs: number, endedMs: number): boolean {
    if (this.#sampleCount < mostSamples) this.#samples[this.#sampleCount++] = endedMs - beganMs;
    return endedMs >= this.deadlineMs;
  }

  /** Ends it: what so many operations have cost. */
  stop(operations: number): Timed {
    const milliseconds = performance.now() - this.#begunMs;
    const { user, system } = process.cpuUsage(this.#cpu);
    return {
      operations,
      milliseconds,
      cpuMicroseconds: user + system,
      latencyMs: percentilesOf(this.#samples.subarray(0, this.#sampleCount)),
    };
  }
}

/** Sorts `samples` in place. */
export function percentilesOf(samples: Float64Array): Percentiles | undefined {
  if (samples.length < 20) return undefined;
  samples.sort();
  const at = (share: number): number =>
    samples[Math.min(samples.length - 1, Math.floor(samples.length * share))];
  return { p50: at(0.5), p99: at(0.99), p999: at(0.999), max: samples[samples.length - 1] };
}
