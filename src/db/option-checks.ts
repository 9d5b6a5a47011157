import type { FileSystem } from '../fs/file-system.js';
import { nodeFileSystem } from '../fs/node-file-system.js';
import { BlockCache } from '../sstable/block-cache.js';
import { eventNames } from './event-hub.js';
import type {
  DatabaseComponents,
  DatabaseSettings,
  Encodings,
  KeyspaceSettings,
  Optional,
} from './settings.js';

/** What a value must be; undefined when it is. */
export type Check = (value: unknown) => string | undefined;

const KiB = 1024;
const MiB = 1024 * KiB;
const GiB = 1024 * MiB;

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

const levelChecks: { readonly [name: string]: Check } = {
  compression: optional(oneOf('none', 'lz4', 'zstd')),
  blockSizeBytes: optional(integer(64, MiB)),
  bloomBitsPerKey: optional(integer(0, 20)),
  cachePriority: optional(oneOf('high', 'normal', 'none')),
};

/** More levels than this are never made. */
const mostLevels = 16;

const levelList: Check = (value) => {
  const wanted = `a list of at most ${mostLevels} objects with ${Object.keys(levelChecks).join(', ')}`;
  if (!Array.isArray(value) || value.length > mostLevels) return wanted;
  for (const level of value as unknown[]) {
    if (typeof level !== 'object' || level === null) return wanted;
    for (const [name, setting] of Object.entries(level) as [string, unknown][]) {
      if (!Object.hasOwn(levelChecks, name)) return `${wanted} (there is no '${name}')`;
      const problem = levelChecks[name](setting);
      if (problem !== undefined) return `${wanted} (${name} must be ${problem})`;
    }
  }
  return undefined;
};

export const keyspaceChecks: { readonly [Name in keyof KeyspaceSettings]: Check } = {
  memtableBytes: integer(64 * KiB, GiB),
  blockSizeBytes: optional(integer(64, MiB)),
  compression: oneOf('none', 'lz4', 'zstd', 'lz4-zstd'),
  bloomBitsPerKey: integer(0, 20),
  levels: levelList,
  tableBytes: integer(16 * KiB, GiB),
  l0CompactionTrigger: integer(1, 64),
  levelSizing: oneOf('dynamic', 'static'),
  baseLevelBytes: optional(integer(64 * KiB, 1024 * GiB)),
  levelSizeMultiplier: integer(2, 100),
  maxLevels: integer(2, mostLevels),
  l0SlowdownTables: integer(1, 10_000),
  l0StopTables: integer(1, 10_000),
};

export const settingChecks: { readonly [Name in keyof DatabaseSettings]: Check } = {
  ...keyspaceChecks,
  createIfMissing: flag,
  errorIfExists: flag,
  readOnly: flag,
  durability: oneOf('none', 'os', 'disk'),
  syncIntervalMs: integer(0, 86_400_000),
  maxImmutableMemtables: integer(1, 16),
  memtableBudgetBytes: optional(integer(128 * KiB, 64 * GiB)),
  maxWalBytes: optional(integer(64 * KiB, 64 * GiB)),
  maxCompactions: optional(integer(1, 8)),
  blockCacheBytes: integer(0, 64 * GiB),
  maxQueuedBytes: integer(64 * KiB, 16 * GiB),
  maxOpenTables: integer(8, 100_000),
  lockTimeoutMs: integer(0, 86_400_000),
  overrideForeignOwner: flag,
};

export const componentNames: readonly string[] = [
  'fs',
  'blockCache',
  'clock',
  'random',
  'executor',
  'listeners',
] satisfies (keyof DatabaseComponents)[];

export const encodingNames: readonly string[] = [
  'keyEncoding',
  'valueEncoding',
] satisfies (keyof Encodings)[];

/** Whether the setting of a keyspace takes this value. */
export function isValidKeyspaceSetting(name: keyof KeyspaceSettings, value: unknown): boolean {
  return keyspaceChecks[name](value) === undefined;
}

function missingMethods(value: unknown, methods: readonly string[]): boolean {
  if (typeof value !== 'object' || value === null) return true;
  return methods.some((method) => typeof (value as Record<string, unknown>)[method] !== 'function');
}

export function checkComponents(options: Optional<DatabaseComponents>): string[] {
  const problems: string[] = [];
  const fileSystemMethods = ['create', 'open', 'list', 'rename'] satisfies (keyof FileSystem)[];
  if (options.fs !== undefined && missingMethods(options.fs, fileSystemMethods))
    problems.push('fs must be a FileSystem');
  if (options.blockCache !== undefined && !(options.blockCache instanceof BlockCache))
    problems.push('blockCache must be a BlockCache');
  if (options.clock !== undefined && missingMethods(options.clock, ['wallMs', 'monotonicMs']))
    problems.push('clock must be a Clock');
  if (options.random !== undefined && missingMethods(options.random, ['u32']))
    problems.push('random must be a RandomSource');
  if (options.executor !== undefined && !['worker', 'inline'].includes(options.executor))
    problems.push("executor must be one of 'worker', 'inline'");
  if (options.listeners !== undefined && !areListeners(options.listeners))
    problems.push(
      `listeners must be an object of functions by event name (${eventNames.join(', ')})`,
    );
  const custom = options.fs !== undefined && options.fs !== nodeFileSystem;
  if (custom && options.executor === 'worker')
    problems.push("executor 'worker' needs Node's file system: a custom fs cannot cross threads");
  return problems;
}

function areListeners(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return Object.entries(value).every(
    ([name, listener]) =>
      eventNames.includes(name) && (listener === undefined || typeof listener === 'function'),
  );
}

export function checkEncodings(options: Optional<Encodings>): string[] {
  const problems: string[] = [];
  const { keyEncoding, valueEncoding } = options;
  if (!isEncoding(keyEncoding, ['view', 'utf8']))
    problems.push("keyEncoding must be one of 'view', 'utf8' or an Encoding");
  if (!isEncoding(valueEncoding, ['view', 'utf8', 'json']))
    problems.push("valueEncoding must be one of 'view', 'utf8', 'json' or an Encoding");
  return problems;
}

function isEncoding(value: unknown, names: readonly string[]): boolean {
  if (value === undefined) return true;
  if (typeof value === 'string') return names.includes(value);
  return !missingMethods(value, ['encode', 'decode']);
}

export function checkKeyspace(settings: KeyspaceSettings): string[] {
  const problems: string[] = [];
  if (settings.l0StopTables < settings.l0SlowdownTables)
    problems.push('l0StopTables must not be below l0SlowdownTables');
  if (settings.l0SlowdownTables <= settings.l0CompactionTrigger)
    problems.push('l0SlowdownTables must be above l0CompactionTrigger');
  return problems;
}

export function checkTogether(settings: DatabaseSettings): string[] {
  return settings.readOnly && settings.errorIfExists
    ? ['readOnly and errorIfExists exclude each other']
    : [];
}
