import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';

/** What is seen of database and process, second by second. */
export class Sampler {
  samples = [];
  stalls = { slowdowns: 0, stops: 0 };
  #db;
  #path;
  #load;
  #loop = monitorEventLoopDelay({ resolution: 1 });
  #lastMs = performance.now();
  #began;
  #last;

  constructor(db, path, load) {
    this.#db = db;
    this.#path = path;
    this.#load = load;
    this.#began = this.#last = db.stats();
    this.#loop.enable();
    db.on('stall', ({ kind, state }) => {
      if (state !== 'begin') return;
      if (kind === 'stop') this.stalls.stops++;
      else this.stalls.slowdowns++;
    });
  }

  take() {
    const now = performance.now();
    const seconds = (now - this.#lastMs) / 1000;
    const stats = this.#db.stats();
    const [get, put] = [this.#load.gets.take(), this.#load.puts.take()];
    const { rss, heapUsed, external } = process.memoryUsage();
    const sample = {
      seconds,
      operations: (get.count + put.count) / seconds,
      get,
      put,
      loopP99Ms: this.#loop.percentile(99) / 1e6,
      loopMaxMs: this.#loop.max / 1e6,
      rssMB: rss / 1e6,
      heapMB: heapUsed / 1e6,
      externalMB: external / 1e6,
      directoryMB: directoryBytes(this.#path) / 1e6,
      levels: stats.levels.map(({ tables }) => tables),
      running: stats.background.running.length,
      pressure: stats.stalls.pressure,
      delayedMs: stats.stalls.delayedMs - this.#last.stalls.delayedMs,
    };
    this.samples.push(sample);
    this.#last = stats;
    this.#lastMs = now;
    this.#loop.reset();
    return sample;
  }

  stop() {
    this.#loop.disable();
  }

  get tablesPerGet() {
    const checks = this.#db.stats().filter.checks - this.#began.filter.checks;
    return checks / this.samples.reduce((sum, { get }) => sum + get.count, 0);
  }
}

function directoryBytes(path) {
  let bytes = 0;
  for (const name of readdirSync(path)) {
    const found = statSync(join(path, name), { throwIfNoEntry: false });
    if (found?.isFile() === true) bytes += found.size;
  }
  return bytes;
}
