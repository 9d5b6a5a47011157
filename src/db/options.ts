import { systemClock } from '../base/clock.js';
import { invalidArgument } from '../base/errors.js';
import { systemRandom } from '../base/prng.js';
import { nodeFileSystem } from '../fs/node-file-system.js';
import { BlockCache } from '../sstable/block-cache.js';
import {
  checkComponents,
  checkEncodings,
  checkKeyspace,
  checkTogether,
  componentNames,
  encodingNames,
  keyspaceChecks,
  settingChecks,
  type Check,
} from './option-checks.js';
import type {
  DatabaseComponents,
  DatabaseSettings,
  Encodings,
  KeyspaceSettings,
  LevelSettings,
  Optional,
} from './settings.js';
import { show } from './option-names.js';
import { presetNames, presets, type PresetName } from './presets.js';

/** What `open` takes. */
export type OpenOptions = Optional<DatabaseSettings> &
  Optional<DatabaseComponents> &
  Optional<Encodings> & {
    /** Other defaults for several options at once: `recipe` is the page of docs/recipe.md. Options that are given go before it. */
    readonly preset?: PresetName | undefined;
  };

/** What `db.keyspace(name, options)` takes. */
export type KeyspaceOptions = Optional<KeyspaceSettings> & Optional<Encodings>;

/** Everything present and checked. */
export interface ResolvedOptions {
  readonly settings: DatabaseSettings;
  readonly components: DatabaseComponents;
  readonly encodings: Encodings;
}

const MiB = 1024 * 1024;

const defaultKeyspaceSettings: KeyspaceSettings = {
  memtableBytes: 32 * MiB,
  blockSizeBytes: undefined,
  // Zstd at the deepest level would save an eighth of half-compressible values and nearly half of
  // JSON, and cost 41 µs for a get that misses the cache against 8, and 1.7 times the compaction.
  compression: 'lz4',
  bloomBitsPerKey: 10,
  levels: Object.freeze([]),
  tableBytes: 16 * MiB,
  l0CompactionTrigger: 8,
  levelSizing: 'dynamic',
  baseLevelBytes: undefined,
  levelSizeMultiplier: 8,
  maxLevels: 7,
  l0SlowdownTables: 20,
  l0StopTables: 36,
};

/** The settings of `open` that are used where nothing else is said. */
export const defaultSettings: DatabaseSettings = Object.freeze({
  ...defaultKeyspaceSettings,
  createIfMissing: true,
  errorIfExists: false,
  readOnly: false,
  durability: 'os',
  syncIntervalMs: 1000,
  maxImmutableMemtables: 3,
  memtableBudgetBytes: undefined,
  maxWalBytes: undefined,
  maxCompactions: undefined,
  blockCacheBytes: 64 * MiB,
  maxQueuedBytes: 128 * MiB,
  maxOpenTables: 512,
  lockTimeoutMs: 0,
  overrideForeignOwner: false,
});

/** The names of a keyspace's settings. */
export const keyspaceSettingNames: readonly (keyof KeyspaceSettings)[] = Object.freeze(
  Object.keys(defaultKeyspaceSettings) as (keyof KeyspaceSettings)[],
);

/** The part of `settings` that belongs to a keyspace. */
export function keyspaceSettingsOf(settings: KeyspaceSettings): KeyspaceSettings {
  return Object.freeze(
    Object.fromEntries(keyspaceSettingNames.map((name) => [name, settings[name]])),
  ) as unknown as KeyspaceSettings;
}

/**
 * Everything present and checked.
 * @throws LsmError `LSM_INVALID_ARGUMENT` naming every problem at once.
 */
export function resolveOptions(options: OpenOptions = {}): ResolvedOptions {
  checkIsObject(options);
  const problems: string[] = [];
  const preset = options.preset;
  if (preset !== undefined && !Object.hasOwn(presets, preset)) {
    problems.push(`preset must be one of ${presetNames}, not ${show(preset)}`);
  }
  const names = [...componentNames, ...encodingNames, 'preset'];
  const given = takeGiven(options, settingChecks, names, problems);
  problems.push(...checkComponents(options), ...checkEncodings(options));
  const base = preset === undefined || problems.length > 0 ? {} : presetFor(preset, given);
  const settings = { ...defaultSettings, ...base, ...given };
  if (problems.length === 0) problems.push(...checkKeyspace(settings), ...checkTogether(settings));
  throwIfAny(problems);
  const fs = options.fs ?? nodeFileSystem;
  return {
    settings: Object.freeze(settings),
    encodings: encodingsOf(options, { keyEncoding: 'view', valueEncoding: 'view' }),
    components: {
      fs,
      blockCache: options.blockCache ?? new BlockCache({ capacityBytes: settings.blockCacheBytes }),
      clock: options.clock ?? systemClock,
      random: options.random ?? systemRandom,
      executor: options.executor ?? (fs === nodeFileSystem ? 'worker' : 'inline'),
      listeners: options.listeners ?? {},
    },
  };
}

/**
 * The settings of a keyspace: `options` over `base`.
 * @throws LsmError `LSM_INVALID_ARGUMENT` naming every problem at once.
 */
export function resolveKeyspaceOptions(
  options: KeyspaceOptions,
  base: KeyspaceSettings,
  encodings: Encodings,
): { readonly settings: KeyspaceSettings; readonly encodings: Encodings } {
  checkIsObject(options);
  const problems: string[] = [];
  const given = takeGiven(options, keyspaceChecks, encodingNames, problems);
  problems.push(...checkEncodings(options));
  const levels = withoutGiven(base.levels, given);
  const settings = Object.freeze({ ...base, levels, ...given });
  if (problems.length === 0) problems.push(...checkKeyspace(settings));
  throwIfAny(problems);
  return { settings, encodings: encodingsOf(options, encodings) };
}

function encodingsOf(options: Optional<Encodings>, base: Encodings): Encodings {
  const { keyEncoding = base.keyEncoding, valueEncoding = base.valueEncoding } = options;
  return { keyEncoding, valueEncoding };
}

/** An option that is given goes before what the preset says of it, also level by level. */
function presetFor(name: PresetName, given: object): Partial<DatabaseSettings> {
  const { levels, ...others } = presets[name];
  return { ...others, levels: withoutGiven(levels, given) };
}

/** Inherited settings of single levels, without those that `given` says for all levels. */
function withoutGiven(levels: readonly LevelSettings[], given: object): readonly LevelSettings[] {
  return levels.map((level) =>
    Object.fromEntries(Object.entries(level).filter(([setting]) => !Object.hasOwn(given, setting))),
  );
}

function takeGiven(
  options: object,
  checks: { readonly [name: string]: Check },
  others: readonly string[],
  problems: string[],
): Record<string, unknown> {
  const given: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(options) as [string, unknown][]) {
    if (others.includes(name)) continue;
    if (!Object.hasOwn(checks, name)) problems.push(unknownOption(name, checks));
    else if (value !== undefined) {
      given[name] = value;
      const wanted = checks[name](value);
      if (wanted !== undefined) problems.push(`${name} must be ${wanted}, not ${show(value)}`);
    }
  }
  return given;
}

function unknownOption(name: string, checks: object): string {
  const ofDatabase = Object.hasOwn(settingChecks, name) || componentNames.includes(name);
  return checks === keyspaceChecks && ofDatabase
    ? `${name} is an option of the database, not of a keyspace`
    : `there is no option '${name}'`;
}

function checkIsObject(options: unknown): void {
  if (typeof options !== 'object' || options === null) {
    const what = options === null ? 'null' : typeof options;
    throw invalidArgument(`options must be an object, not ${what}`);
  }
}

function throwIfAny(problems: readonly string[]): void {
  if (problems.length > 0) throw invalidArgument(`invalid options: ${problems.join('; ')}`);
}
