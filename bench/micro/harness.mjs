/*
 * What all micro-benchmarks share. A file of them exports
 *
 *     export async function define({ measure, note, scaled }) { … }
 *     await runAlone(import.meta.url, define);
 *
 * and runs by itself (`node bench/micro/memtable.mjs`) or with the others (`npm run bench:micro`).
 */
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

/** Where the built files are; another build can be measured with the same benchmarks. */
const dist = new URL(process.env.NORI_DIST ?? '../../dist/internal/', import.meta.url);

/** A built file of a private folder: `load('memtable/memtable.js')`. */
export async function load(path) {
  return await import(new URL(path, dist).href);
}

/** What a run is made with, where the command line says nothing else. */
const defaults = { samples: 11, sampleMs: 30, warmUpMs: 200, scale: 1, json: false };

const usage = `options: --samples N (default ${defaults.samples}), --scale F (of all counts, default 1),
  --only TEXT (in the name of a benchmark), --json, --quick (see that they run)`;

/** Options and the words that are none. */
export function parseCommandLine(args) {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      samples: { type: 'string' },
      scale: { type: 'string' },
      only: { type: 'string' },
      json: { type: 'boolean' },
      quick: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) {
    console.log(usage);
    process.exit(0);
  }
  const quick = values.quick ? { samples: 1, sampleMs: 0, warmUpMs: 0, scale: 0.001 } : {};
  const options = { ...defaults, ...quick, only: values.only, json: values.json ?? false };
  if (values.samples !== undefined) options.samples = Number(values.samples);
  if (values.scale !== undefined) options.scale = Number(values.scale);
  if (!(options.samples >= 1) || !(options.scale > 0)) {
    console.error(usage);
    process.exit(64);
  }
  return { options, names: positionals };
}

/** Runs the benchmarks of one file; what they found, in their order. */
export async function runSuite(suite, define, options) {
  const results = [];
  const isWanted = (name) => options.only === undefined || name.includes(options.only);
  const tell = (result) => {
    results.push({ suite, ...result });
    if (!options.json) console.log(describe(result));
  };
  if (!options.json) console.log(`\n${suite}`);
  await define({
    /** A count that the tests make tiny, never below `least`. */
    scaled: (count, least = 16) => Math.max(least, Math.round(count * options.scale)),
    /** Beside the times: bytes per entry, rates of a filter. */
    note: (name, value, unit) => {
      if (isWanted(name)) tell({ name, unit, median: value });
    },
    /**
     * Times `run`, which does `operations` of something and returns what must not be 0, so
     * that nothing of it can be left out. `prepare` comes before each run, untimed.
     */
    measure: async (name, operations, run, prepare) => {
      if (isWanted(name))
        tell({ name, ...(await sample(name, operations, run, prepare, options)) });
    },
  });
  return results;
}

async function sample(name, operations, run, prepare, { samples, sampleMs, warmUpMs }) {
  const once = async () => {
    const prepared = await prepare?.();
    const begin = process.cpuUsage();
    let consumed = run(prepared);
    // A promise costs a turn; what is synchronous is not made to wait.
    if (consumed instanceof Promise) consumed = await consumed;
    const { user, system } = process.cpuUsage(begin);
    if (!(consumed > 0)) throw new Error(`${name} did nothing`);
    return (user + system) * 1000;
  };
  let runs = 0;
  let spent = 0;
  do {
    spent += await once();
    runs++;
  } while (spent < warmUpMs * 1e6);
  const repeats = Math.max(1, Math.ceil((sampleMs * 1e6 * runs) / Math.max(spent, 1)));
  const nanos = [];
  for (let i = 0; i < samples; i++) {
    let sum = 0;
    for (let repeat = 0; repeat < repeats; repeat++) sum += await once();
    nanos.push(sum / (repeats * operations));
  }
  nanos.sort((a, b) => a - b);
  const at = (share) => nanos[Math.round((nanos.length - 1) * share)];
  return { unit: 'ns/op', median: at(0.5), lower: at(0.25), upper: at(0.75), samples };
}

function describe({ name, unit, median, lower, upper }) {
  const shown = (value) => (value >= 100 ? value.toFixed(0) : value.toFixed(1));
  const line = `  ${name.padEnd(46)} ${shown(median).padStart(8)} ${unit}`;
  return lower === undefined ? line : `${line}   ${shown(lower)} – ${shown(upper)}`;
}

/** When its file was started by itself. */
export async function runAlone(url, define) {
  if (url !== pathToFileURL(process.argv[1] ?? '').href) return;
  const { options } = parseCommandLine(process.argv.slice(2));
  const suite = url.slice(url.lastIndexOf('/') + 1).replace('.mjs', '');
  print(await runSuite(suite, define, options), options);
}

/** With `--json`, all results as one object; the lines for people are out already. */
export function print(results, { json, samples }) {
  const how = { node: process.version, arch: process.arch, samples };
  if (json) console.log(JSON.stringify({ ...how, results }, undefined, 1));
  else console.log(`\nmedian and quartiles of ${samples}, processor time; node ${process.version}`);
}

/** xorshift32: the same keys and values in every run. */
export class Random {
  #state;
  constructor(seed = 0x9e3779b9) {
    this.#state = seed;
  }

  u32() {
    let state = this.#state;
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    this.#state = state;
    return state >>> 0;
  }

  below(bound) {
    return Math.floor((this.u32() / 2 ** 32) * bound);
  }

  /** 0 … count - 1 in random order. */
  order(count) {
    const order = Array.from({ length: count }, (_, i) => i);
    for (let i = count - 1; i > 0; i--) {
      const other = this.below(i + 1);
      [order[i], order[other]] = [order[other], order[i]];
    }
    return order;
  }
}

const digits = (number, length) => String(number).padStart(length, '0');

/** 16-byte keys by number, in ascending order; `forms` are what users have, more or less. */
export const keyForms = {
  user: (i) => `user:${digits(i, 11)}`,
  number: (i) => digits(i, 16),
  families: (i) => `${['carts', 'items', 'order', 'users'][i & 3]}:${digits(i, 10)}`,
};

/** A plain array, as the engine's inner loops get them: a Buffer is another type to them. */
export function bytesOf(text) {
  return Uint8Array.from(Buffer.from(text));
}

/**
 * Keys in one array of bytes, in the order of use: reading them costs no cache
 * miss of its own. Key i is `bytes[16 i..16 i + 16)`.
 */
export function layOut(order, form = keyForms.user) {
  const bytes = new Uint8Array(order.length * 16);
  order.forEach((number, i) => bytes.set(Buffer.from(form(number)), i * 16));
  return bytes;
}

/** 100 bytes by default, of which half compresses away. */
export function makeValue(random, length = 100) {
  const value = new Uint8Array(length).fill(97);
  for (let i = 0; i < length / 2; i++) value[i] = random.u32();
  return value;
}
