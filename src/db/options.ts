import type { Compression, TableSettings } from '../base/table-meta.js';
import type { Clock } from '../base/clock.js';
import { systemClock } from '../base/clock.js';
import { invalidArgument } from '../base/errors.js';
import { systemRandom, type RandomSource } from '../base/prng.js';
import type { FileSystem } from '../fs/file-system.js';
import { nodeFileSystem } from '../fs/node-file-system.js';
import { BlockCache } from '../sstable/block-cache.js';
import type { KeyEncoding, ValueEncoding } from './encoding.js';

/**
 * When a write counts as done:
 * - `none`: it is in our buffer; this tick's log write takes it along,
 * - `os`: the operating system has it; it survives the death of the process,
 * - `disk`: fdatasync has returned; it survives power loss.
 */
export type Durability = 'none' | 'os' | 'disk';

/** Plain data: what can be said about a database in JSON. */
export interface DatabaseSettings {
  /** Make the database when it is missing. Default true. */
  readonly createIfMissing: boolean;
  /** Refuse to open one that exists. Default false. */
  readonly errorIfExists: boolean;
  /** A frozen view: no lock, nothing is written. Default false. */
  readonly readOnly: boolean;
  /** What keys come out as: `view` (bytes) or `utf8` (strings). Default `view`. */
  readonly keyEncoding: KeyEncoding;
  /** What values go in and come out as: `view`, `utf8` or `json`. Default `view`. */
  readonly valueEncoding: ValueEncoding;
  /** Default `os`. */
  readonly durability: Durability;
  /** With durability `os`, a background sync begins so long after the first unsynced write, in milliseconds. 0 turns it off. Default 1000. */
  readonly syncIntervalMs: number;
  /** A memtable is flushed above this size, in bytes. 64 KiB to 1 GiB, default 32 MiB. */
  readonly memtableBytes: number;
  /** Memtables waiting to be flushed before writes wait. 1 to 16, default 2. */
  readonly maxImmutableMemtables: number;
  /** Decoded blocks, index and filters kept in memory, in bytes. Default 64 MiB. */
  readonly blockCacheBytes: number;
  /** Raw size at which a data block is cut, in bytes. 64 to 1 MiB. Default 4 KiB, and 16 KiB in Zstd tables. */
  readonly blockSizeBytes: number | undefined;
  /** Codec of all levels. Default: `lz4`, and `zstd` at the last level. */
  readonly compression: Compression | undefined;
  /** Bits per key of the Bloom filters, 0 (none) to 20. Default 10. */
  readonly bloomBitsPerKey: number;
  /** Size at which a compaction begins its next output, in file bytes. 16 KiB to 1 GiB, default 16 MiB. */
  readonly tableBytes: number;
  /** L0 is compacted when it holds more tables than this. 1 to 64, default 8. */
  readonly l0CompactionTrigger: number;
  /** Each level is so many times larger than the one above. 2 to 100, default 8. */
  readonly levelSizeMultiplier: number;
  /** Writes are slowed from so many L0 tables on. Default 20. */
  readonly l0SlowdownTables: number;
  /** Writes wait at so many L0 tables. Default 36. */
  readonly l0StopTables: number;
  /** Bytes of writes that may wait at the limits above; beyond them writes are refused with `LSM_BUSY`. 64 KiB to 16 GiB, default 128 MiB. */
  readonly maxQueuedBytes: number;
  /** Table files kept open, at most. 8 to 100,000, default 512. */
  readonly maxOpenTables: number;
  /** How long to wait for another owner's lock, in milliseconds. Default 0. */
  readonly lockTimeoutMs: number;
  /** Take the lock from an owner on another host or in another container, which cannot be proved dead. Default false. */
  readonly overrideForeignOwner: boolean;
}

/** Objects that a caller may bring; each has a default. */
export interface DatabaseComponents {
  /** The disk. Default Node's. Another one means that flush and compaction run inline, in this thread. */
  readonly fs: FileSystem;
  /** A cache shared with other databases or tables; then `blockCacheBytes` is not used. */
  readonly blockCache: BlockCache;
  readonly clock: Clock;
  readonly random: RandomSource;
  /** Where flush and compaction run. Default `worker` on Node's file system, otherwise `inline`. */
  readonly executor: 'worker' | 'inline';
}

export type OpenOptions = {
  readonly [Name in keyof DatabaseSettings]?: DatabaseSettings[Name] | undefined;
} & Partial<DatabaseComponents>;

export interface ResolvedOptions {
  readonly settings: DatabaseSettings;
  readonly components: DatabaseComponents;
}

const KiB = 1024;
const MiB = 1024 * KiB;
const GiB = 1024 * MiB;

export const defaultSettings: DatabaseSettings = Object.freeze({
  createIfMissing: true,
  errorIfExists: false,
  readOnly: false,
  keyEncoding: 'view',
  valueEncoding: 'view',
  durability: 'os',
  syncIntervalMs: 1000,
  memtableBytes: 32 * MiB,
  maxImmutableMemtables: 2,
  blockCacheBytes: 64 * MiB,
  blockSizeBytes: undefined,
  compression: undefined,
  bloomBitsPerKey: 10,
  tableBytes: 16 * MiB,
  l0CompactionTrigger: 8,
  levelSizeMultiplier: 8,
  l0SlowdownTables: 20,
  l0StopTables: 36,
  maxQueuedBytes: 128 * MiB,
  maxOpenTables: 512,
  lockTimeoutMs: 0,
  overrideForeignOwner: false,
});

type Check = (value: unknown) => string | undefined;

const flag: Check = (value) => (typeof value === 'boolean' ? undefined : 'true or false');

function oneOf(...names: readonly string[]): Check {
  const list = names.map((name) => `'${name}'`).join(', ');
  return (value) =>
    typeof value === 'string' && names.includes(value) ? undefined : `one of ${list}`;
}

function integer(least: number, most: number): Check {
  return (value) =>
    Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most
      ? undefined
      : `an integer from ${least} to ${most}`;
}

function optional(check: Check): Check {
  return (value) => (value === undefined ? undefined : check(value));
}

const settingChecks: { readonly [Name in keyof DatabaseSettings]: Check } = {
  createIfMissing: flag,
  errorIfExists: flag,
  readOnly: flag,
  keyEncoding: oneOf('view', 'utf8'),
  valueEncoding: oneOf('view', 'utf8', 'json'),
  durability: oneOf('none', 'os', 'disk'),
  syncIntervalMs: integer(0, 86_400_000),
  memtableBytes: integer(64 * KiB, GiB),
  maxImmutableMemtables: integer(1, 16),
  blockCacheBytes: integer(0, 64 * GiB),
  blockSizeBytes: optional(integer(64, MiB)),
  compression: optional(oneOf('none', 'lz4', 'zstd')),
  bloomBitsPerKey: integer(0, 20),
  tableBytes: integer(16 * KiB, GiB),
  l0CompactionTrigger: integer(1, 64),
  levelSizeMultiplier: integer(2, 100),
  l0SlowdownTables: integer(1, 10_000),
  l0StopTables: integer(1, 10_000),
  maxQueuedBytes: integer(64 * KiB, 16 * GiB),
  maxOpenTables: integer(8, 100_000),
  lockTimeoutMs: integer(0, 86_400_000),
  overrideForeignOwner: flag,
};

/** Whether an option takes this value. */
export function isValidSetting(name: keyof DatabaseSettings, value: unknown): boolean {
  return settingChecks[name](value) === undefined;
}

const componentNames: readonly (keyof DatabaseComponents)[] = [
  'fs',
  'blockCache',
  'clock',
  'random',
  'executor',
];

function missingMethods(value: unknown, methods: readonly string[]): boolean {
  if (typeof value !== 'object' || value === null) return true;
  return methods.some((method) => typeof (value as Record<string, unknown>)[method] !== 'function');
}

function checkComponents(options: OpenOptions): string[] {
  const problems: string[] = [];
  if (options.fs !== undefined && missingMethods(options.fs, ['create', 'open', 'list', 'rename']))
    problems.push('fs must be a FileSystem');
  if (options.blockCache !== undefined && !(options.blockCache instanceof BlockCache))
    problems.push('blockCache must be a BlockCache');
  if (options.clock !== undefined && missingMethods(options.clock, ['wallMs', 'monotonicMs']))
    problems.push('clock must be a Clock');
  if (options.random !== undefined && missingMethods(options.random, ['u32']))
    problems.push('random must be a RandomSource');
  if (options.executor !== undefined && !['worker', 'inline'].includes(options.executor))
    problems.push("executor must be one of 'worker', 'inline'");
  const custom = options.fs !== undefined && options.fs !== nodeFileSystem;
  if (custom && options.executor === 'worker')
    problems.push("executor 'worker' needs Node's file system: a custom fs cannot cross threads");
  return problems;
}

/**
 * Everything present and checked.
 * @throws LsmError `LSM_INVALID_ARGUMENT` naming every problem at once.
 */
export function resolveOptions(options: OpenOptions = {}): ResolvedOptions {
  if (typeof options !== 'object' || options === null) {
    throw invalidArgument(
      `options must be an object, not ${options === null ? 'null' : typeof options}`,
    );
  }
  const problems: string[] = [];
  const settings: Record<string, unknown> = { ...defaultSettings };
  for (const [name, value] of Object.entries(options)) {
    if ((componentNames as readonly string[]).includes(name)) continue;
    if (!Object.hasOwn(settingChecks, name)) {
      problems.push(`there is no option '${name}'`);
    } else if (value !== undefined) {
      settings[name] = value;
      const wanted = settingChecks[name as keyof DatabaseSettings](value);
      if (wanted !== undefined) problems.push(`${name} must be ${wanted}, not ${show(value)}`);
    }
  }
  problems.push(...checkComponents(options));
  const resolved = settings as unknown as DatabaseSettings;
  if (problems.length === 0) problems.push(...checkTogether(resolved));
  if (problems.length > 0) throw invalidArgument(`invalid options: ${problems.join('; ')}`);
  const fs = options.fs ?? nodeFileSystem;
  return {
    settings: Object.freeze(resolved),
    components: {
      fs,
      blockCache: options.blockCache ?? new BlockCache({ capacityBytes: resolved.blockCacheBytes }),
      clock: options.clock ?? systemClock,
      random: options.random ?? systemRandom,
      executor: options.executor ?? (fs === nodeFileSystem ? 'worker' : 'inline'),
    },
  };
}

function checkTogether(settings: DatabaseSettings): string[] {
  const problems: string[] = [];
  if (settings.l0StopTables < settings.l0SlowdownTables)
    problems.push('l0StopTables must not be below l0SlowdownTables');
  if (settings.l0SlowdownTables <= settings.l0CompactionTrigger)
    problems.push('l0SlowdownTables must be above l0CompactionTrigger');
  if (settings.readOnly && settings.errorIfExists)
    problems.push('readOnly and errorIfExists exclude each other');
  return problems;
}

function show(value: unknown): string {
  return typeof value === 'string' ? `'${value}'` : String(value);
}

/** How tables of a level are written; `isLastLevel` is true when nothing lies deeper. */
export function tableSettingsFor(settings: DatabaseSettings, isLastLevel: boolean): TableSettings {
  const compression = settings.compression ?? (isLastLevel ? 'zstd' : 'lz4');
  return {
    compression,
    // Zstd costs 20 µs a call: larger blocks make it pay.
    blockSizeBytes: settings.blockSizeBytes ?? (compression === 'zstd' ? 16 * KiB : 4 * KiB),
    bloomBitsPerKey: settings.bloomBitsPerKey,
    cachePriority: 'normal',
  };
}
