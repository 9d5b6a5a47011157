import type { CompactionOptions } from '../compaction/level-targets.js';
import type { Version } from '../manifest/version.js';
import type { TableSettings } from '../base/table-meta.js';
import type { KeyspaceSettings } from '../manifest/settings-codec.js';
import { isValidSetting, tableSettingsFor, type DatabaseSettings } from './options.js';

/** Levels, L0 included; with multiplier 8 the seventh would hold terabytes. */
const maxLevels = 7;

/** What the picker decides by. */
export function compactionOptionsOf(settings: DatabaseSettings): CompactionOptions {
  const upper = tableSettingsFor(settings, false);
  const last = tableSettingsFor(settings, true);
  return {
    l0CompactionTrigger: settings.l0CompactionTrigger,
    levelSizeMultiplier: settings.levelSizeMultiplier,
    levelSizing: 'dynamic',
    // Twice what L0 brings when it is compacted: at 64 memtables of data two levels are
    // enough then (5.1x written), while a third one costs 0.7 to 0.9x more.
    baseLevelBytes: 2 * settings.memtableBytes * settings.l0CompactionTrigger,
    tableTargetBytes: settings.tableBytes,
    maxLevels,
    levelForms: [0],
    lastLevelForm: upper.compression === last.compression ? 0 : 1,
  };
}

/** How the outputs of a compaction into `level` are written. */
export function tableSettingsAt(
  settings: DatabaseSettings,
  version: Version,
  level: number,
): TableSettings {
  return tableSettingsFor(settings, level > 0 && level >= version.deepestLevel);
}

/** The settings that decide how tables are written and levels shaped. */
const storedNames = [
  'memtableBytes',
  'compression',
  'blockSizeBytes',
  'bloomBitsPerKey',
  'tableBytes',
  'l0CompactionTrigger',
  'levelSizeMultiplier',
] as const satisfies readonly (keyof DatabaseSettings)[];

/** What the manifest keeps of the settings, so that who only reads knows the shape that is aimed at. */
export function storedSettings(settings: DatabaseSettings): KeyspaceSettings {
  return Object.fromEntries(storedNames.map((name) => [name, settings[name]]));
}

/** `settings` with those that the last writer had in their place. Values that no option takes are passed over. */
export function withStoredSettings(
  settings: DatabaseSettings,
  stored: KeyspaceSettings,
): DatabaseSettings {
  const known: Record<string, unknown> = {};
  for (const name of storedNames) {
    const value = stored[name];
    if (value !== undefined && isValidSetting(name, value)) known[name] = value;
  }
  return { ...settings, ...known };
}
