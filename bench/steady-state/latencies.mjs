/** Latencies in buckets of 4 %: bounded memory, emptied by `take`. */
export class Latencies {
  #counts = new Float64Array(512);
  #count = 0;
  #longest = 0;

  add(ms) {
    const bucket = Math.round(16 * Math.log2(Math.max(ms, 1e-4) / 1e-4));
    this.#counts[Math.min(511, bucket)]++;
    this.#count++;
    if (ms > this.#longest) this.#longest = ms;
  }

  /** Of what came since the last call, in milliseconds. */
  take() {
    const taken = {
      count: this.#count,
      p50: this.#quantile(0.5),
      p99: this.#quantile(0.99),
      p999: this.#quantile(0.999),
      longest: this.#longest,
    };
    this.#counts.fill(0);
    this.#count = 0;
    this.#longest = 0;
    return taken;
  }

  #quantile(share) {
    let left = share * this.#count;
    for (let bucket = 0; bucket < 512; bucket++) {
      left -= this.#counts[bucket];
      if (left < 0) return Math.min(this.#longest, 1e-4 * 2 ** (bucket / 16));
    }
    return this.#longest;
  }
}
