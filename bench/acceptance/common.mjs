// What the acceptance measurements share: flags, data, what the process uses, and the verdict.
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { parseArgs } from 'node:util';

export const KiB = 1024;
export const MiB = 1024 * KiB;
export const MB = 1e6;

/**
 * Flags of the command line over `defaults`, each of the type of its default.
 * All have `--scale` (share of the full size), `--dir` (where to put the
 * database; default the system's temporary directory) and `--help`.
 */
export function readFlags(usage, defaults) {
  const all = { scale: 1, dir: tmpdir(), help: false, ...defaults };
  const options = Object.fromEntries(
    Object.entries(all).map(([name, value]) => [
      name,
      { type: typeof value === 'boolean' ? 'boolean' : 'string' },
    ]),
  );
  let values;
  try {
    ({ values } = parseArgs({ options, allowNegative: true }));
  } catch (error) {
    console.error(`${error.message}\n\n${usage}`);
    process.exit(64);
  }
  if (values.help) {
    console.log(`${usage}\n\nflags and defaults: ${JSON.stringify(all)}`);
    process.exit(0);
  }
  const flags = { ...all, ...values };
  for (const [name, value] of Object.entries(all)) {
    if (typeof value !== 'number') continue;
    flags[name] = Number(flags[name]);
    if (!Number.isFinite(flags[name])) {
      console.error(`--${name} must be a number\n\n${usage}`);
      process.exit(64);
    }
  }
  return flags;
}

/** Settings that shrink with the scale, so that a small run goes through the same phases. */
export function scaledSettings(scale) {
  const shrink = (bytes, least) => Math.max(least, Math.round(bytes * Math.min(1, scale)));
  return {
    memtableBytes: shrink(32 * MiB, MiB),
    maxImmutableMemtables: 2,
    blockCacheBytes: shrink(64 * MiB, 4 * MiB),
    tableBytes: shrink(16 * MiB, 512 * KiB),
    l0StopTables: 36,
    maxQueuedBytes: shrink(128 * MiB, 4 * MiB),
  };
}

/** The most memory that a process with these settings may have: block cache, memtables, 150 MB for the rest. */
export function memoryLimit(settings, moreBytes = 0) {
  const memtables = settings.memtableBytes * (1 + settings.maxImmutableMemtables);
  return settings.blockCacheBytes + memtables + 150 * MB + moreBytes;
}

export function makeDirectory(flags) {
  return mkdtempSync(join(flags.dir, 'nori-acceptance-'));
}

export function removeDirectory(directory) {
  rmSync(directory, { recursive: true, force: true });
}

/** xorshift32: the same numbers in every run. */
export function makeRandom(seed = 0x9e3779b9) {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}

/** A place among 2^32, another for each index. */
export function scatter(index) {
  return Math.imul(index, 0x9e3779b1) >>> 0;
}

/** Writes `number` into 16 bytes, as decimal digits with leading zeros. */
export function writeKey(key, number) {
  let rest = number;
  for (let at = 15; at >= 0; at--) {
    key[at] = 48 + (rest % 10);
    rest = Math.floor(rest / 10);
  }
  return key;
}

/** Values of 100 bytes that compress to about half. */
export function makeValues(count = 1000) {
  const random = makeRandom(7);
  return Array.from({ length: count }, () => {
    const value = new Uint8Array(100);
    for (let i = 0; i < 50; i++) value[i] = random();
    return value;
  });
}

/** The most memory that this process has had, in bytes. */
export function peakRssBytes() {
  try {
    const found = /VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'latin1'));
    if (found !== null) return Number(found[1]) * KiB;
  } catch {
    // Not Linux.
  }
  return process.resourceUsage().maxRSS * KiB;
}

/** The longest time for which the event loop did not turn, in milliseconds, by two measures. */
export class PauseMeter {
  #histogram = monitorEventLoopDelay({ resolution: 1 });
  #timer;
  #last = performance.now();
  longestDriftMs = 0;

  constructor() {
    this.#histogram.enable();
    this.#timer = setInterval(() => this.#tick(), 2);
    this.#timer.unref();
  }

  #tick() {
    const now = performance.now();
    this.longestDriftMs = Math.max(this.longestDriftMs, now - this.#last - 2);
    this.#last = now;
  }

  /** Ends the measurement. */
  stop() {
    this.#tick();
    clearInterval(this.#timer);
    this.#histogram.disable();
    return {
      longestMs: round(Math.max(this.longestDriftMs, this.#histogram.max / 1e6)),
      driftMs: round(this.longestDriftMs),
      histogramMs: round(this.#histogram.max / 1e6),
      p99Ms: round(this.#histogram.percentile(99) / 1e6),
    };
  }
}

/** Latencies by powers of two of a microsecond: bounded memory for any number of them. */
export class Latencies {
  #counts = new Float64Array(512);
  count = 0;
  longestMs = 0;
  #sum = 0;

  add(ms) {
    // 16 buckets for each doubling.
    const bucket = Math.max(0, Math.round(16 * Math.log2(Math.max(ms, 1e-3) / 1e-3)));
    this.#counts[Math.min(511, bucket)]++;
    this.count++;
    this.#sum += ms;
    if (ms > this.longestMs) this.longestMs = ms;
  }

  quantile(share) {
    let left = share * this.count;
    for (let bucket = 0; bucket < 512; bucket++) {
      left -= this.#counts[bucket];
      if (left < 0) return round(1e-3 * 2 ** (bucket / 16));
    }
    return round(this.longestMs);
  }

  summary() {
    return {
      count: this.count,
      meanMs: round(this.#sum / Math.max(1, this.count)),
      p50Ms: this.quantile(0.5),
      p99Ms: this.quantile(0.99),
      p999Ms: this.quantile(0.999),
      longestMs: round(this.longestMs),
    };
  }
}

/** Bytes of the files in a directory, all and tables alone. */
export function directoryBytes(directory) {
  let all = 0;
  let tables = 0;
  for (const name of readdirSync(directory)) {
    let size;
    try {
      const stat = statSync(join(directory, name));
      size = stat.isFile() ? stat.size : 0;
    } catch {
      continue; // Deleted meanwhile.
    }
    all += size;
    if (name.endsWith('.sst')) tables += size;
  }
  return { all, tables };
}

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
export const nextTurn = () => new Promise((resolve) => setImmediate(resolve));

/** Waits until nothing runs in the background and the files' sizes stand still; false when `mostMs` went by. */
export async function waitForIdle(db, directory, mostMs, calmMs = 3000) {
  const end = performance.now() + mostMs;
  let before = -1;
  let calmSince = performance.now();
  while (performance.now() < end) {
    const { all } = directoryBytes(directory);
    if (all !== before || db.stats().background.running.length > 0) {
      before = all;
      calmSince = performance.now();
    }
    if (performance.now() - calmSince >= calmMs) return true;
    await sleep(250);
  }
  return false;
}

export function round(number, digits = 2) {
  return Number(number.toFixed(digits));
}

/** What one measurement may be: `value` must be at most `limit`, or at least. */
export const atMost = (name, value, limit) => ({
  name,
  value,
  limit,
  isMet: value <= limit,
  sign: '<=',
});
export const atLeast = (name, value, limit) => ({
  name,
  value,
  limit,
  isMet: value >= limit,
  sign: '>=',
});

/** Prints one line to read for each check, one JSON line for a program; exits 1 beyond a limit. */
export function conclude(name, flags, measured, checks) {
  for (const { name: what, value, limit, sign, isMet } of checks) {
    console.log(`${isMet ? 'met    ' : 'NOT met'}  ${name}: ${what} ${value} (${sign} ${limit})`);
  }
  console.log(JSON.stringify({ bench: name, flags, measured, checks }));
  process.exitCode = checks.every(({ isMet }) => isMet) ? 0 : 1;
}

/** Shows progress on a terminal, on stderr. */
export function progress(text) {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
}

export function progressDone() {
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
}
