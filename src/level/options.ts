import { defaultSettings, type OpenOptions as NoriOpenOptions } from '../index.js';
import { LevelError } from './errors.js';
import type { OpenOptions } from './types.js';

const KiB = 1024;
const MiB = 1024 * KiB;
const GiB = 1024 * MiB;

interface Size {
  readonly ours: keyof NoriOpenOptions;
  readonly least: number;
  readonly most: number;
}

/** Options of LevelDB that have a meaning here, and what we take for them. */
const sizes: Readonly<Record<string, Size>> = {
  cacheSize: { ours: 'blockCacheBytes', least: 0, most: 64 * GiB },
  writeBufferSize: { ours: 'memtableBytes', least: 64 * KiB, most: GiB },
  blockSize: { ours: 'blockSizeBytes', least: 64, most: MiB },
  maxOpenFiles: { ours: 'maxOpenTables', least: 8, most: 100_000 },
  maxFileSize: { ours: 'tableBytes', least: 16 * KiB, most: GiB },
};

/** Those that have their place beside `nori`. */
const levelNames = ['createIfMissing', 'errorIfExists', 'keyEncoding', 'valueEncoding'];

/**
 * The options of abstract-level and classic-level as ours. Names that nobody knows
 * are passed over, as by every abstract-level database: programs hand on what is
 * meant for another one (`prefix` and `version` of browser-level).
 * @throws TypeError for what cannot be meant so; Error `LEVEL_NOT_SUPPORTED` for `multithreading`
 */
export function translateOptions(options: OpenOptions): NoriOpenOptions {
  const given = options as Readonly<Record<string, unknown>>;
  if (options.multithreading === true) {
    const advice = 'open the database in one thread and let the others ask it';
    throw new LevelError(
      'LEVEL_NOT_SUPPORTED',
      `The option 'multithreading' is not supported: ${advice}`,
    );
  }
  const translated: Record<string, unknown> = {
    // Programs make any number of writes without awaiting them, which LevelDB lets wait.
    maxQueuedBytes: 16 * GiB,
    createIfMissing: options.createIfMissing !== false,
    errorIfExists: options.errorIfExists === true,
  };
  for (const [name, { ours, least, most }] of Object.entries(sizes)) {
    const value = given[name];
    if (value == null) continue;
    if (typeof value !== 'number' || Number.isNaN(value)) {
      throw new TypeError(`The option '${name}' must be a number`);
    }
    translated[ours] = Math.round(Math.min(most, Math.max(least, value)));
  }
  const { compression } = options;
  if (compression != null && typeof compression !== 'boolean') {
    throw new TypeError(
      "The option 'compression' must be a boolean; for a codec: nori.compression",
    );
  }
  if (compression === false) translated['compression'] = 'none';
  checkPlaces(given);
  return { ...translated, ...options.nori };
}

/** An option of ours in the wrong place would do nothing, silently. */
function checkPlaces(given: Readonly<Record<string, unknown>>): void {
  for (const name of Object.keys(given)) {
    if (
      Object.hasOwn(defaultSettings, name) &&
      !levelNames.includes(name) &&
      name !== 'compression'
    )
      throw new TypeError(`The option '${name}' belongs into { nori: { ${name} } }`);
  }
  const nori = given['nori'];
  if (nori === undefined) return;
  if (typeof nori !== 'object' || nori === null) {
    throw new TypeError("The option 'nori' must be an object");
  }
  for (const name of levelNames) {
    if (name in nori) throw new TypeError(`The option '${name}' has its place beside 'nori'`);
  }
}
