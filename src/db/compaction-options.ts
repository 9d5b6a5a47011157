import type { TableSettings } from '../base/table-meta.js';
import type { CompactionOptions } from '../compaction/level-targets.js';
import type { SettingValue, StoredSettings } from '../manifest/settings-codec.js';
import type { Version } from '../manifest/version.js';
import { isValidKeyspaceSetting } from './option-checks.js';
import { keyspaceSettingNames } from './options.js';
import type { KeyspaceSettings, LevelSettings } from './settings.js';

const KiB = 1024;
const noSettings: LevelSettings = {};

/** What the picker decides by. */
export function compactionOptionsOf(settings: KeyspaceSettings): CompactionOptions {
  const { maxLevels, l0CompactionTrigger, memtableBytes } = settings;
  const forms: string[] = [];
  const formOf = (level: number, isLastLevel: boolean): number => {
    const form = describeForm(tableSettingsFor(settings, level, isLastLevel));
    if (!forms.includes(form)) forms.push(form);
    return forms.indexOf(form);
  };
  // A database that was deeper under other options keeps the levels it has.
  const levelCount = Math.max(maxLevels, settings.levels.length);
  const levels = Array.from({ length: levelCount }, (_, level) => level);
  return {
    l0CompactionTrigger,
    levelSizeMultiplier: settings.levelSizeMultiplier,
    levelSizing: settings.levelSizing,
    // Twice what L0 brings when it is compacted: at 64 memtables of data two levels are
    // enough then (5.1x written), while a third one costs 0.7 to 0.9x more.
    baseLevelBytes: settings.baseLevelBytes ?? 2 * memtableBytes * l0CompactionTrigger,
    tableTargetBytes: settings.tableBytes,
    maxLevels,
    levelForms: levels.map((level) => formOf(level, false)),
    lastLevelForm: levels.map((level) => formOf(level, true)),
  };
}

/** Tables of equal form hold the same bytes for the same entries. */
function describeForm(table: TableSettings): string {
  return `${table.compression} ${table.blockSizeBytes} ${table.bloomBitsPerKey}`;
}

/** How tables of a level are written and cached; `isLastLevel` is true when nothing lies deeper. */
export function tableSettingsFor(
  settings: KeyspaceSettings,
  level: number,
  isLastLevel: boolean,
): TableSettings {
  const { levels } = settings;
  const own = levels.length === 0 ? noSettings : levels[Math.min(level, levels.length - 1)];
  const asked = own.compression ?? settings.compression;
  const compression = asked !== 'lz4-zstd' ? asked : isLastLevel ? 'zstd' : 'lz4';
  return {
    compression,
    // With 8 KiB instead of 4 a random get of what is cached takes 1.7 µs instead of 2.0 (fewer
    // objects to visit), a scan a sixth less, one that misses the cache 6.6 µs instead of 6.1; 16 KiB
    // would give another tenth, and 8.7. Zstd costs 20 µs a call: larger blocks make it pay.
    blockSizeBytes:
      own.blockSizeBytes ??
      settings.blockSizeBytes ??
      (compression === 'zstd' ? 16 * KiB : 8 * KiB),
    bloomBitsPerKey: own.bloomBitsPerKey ?? settings.bloomBitsPerKey,
    cachePriority: own.cachePriority ?? 'normal',
  };
}

/** How the outputs of a compaction into `level` are written. */
export function tableSettingsAt(
  settings: KeyspaceSettings,
  version: Version,
  level: number,
): TableSettings {
  return tableSettingsFor(settings, level, level > 0 && level >= version.deepestLevel);
}

/** What the manifest keeps of the settings. */
export function storedSettings(settings: KeyspaceSettings): StoredSettings {
  const levels = settings.levels.map((level) => ({ ...level }));
  return { ...settings, levels } satisfies { [name: string]: SettingValue | undefined };
}

/** `settings` with those that the manifest holds in their place. Values that no option takes are passed over. */
export function withStoredSettings(
  settings: KeyspaceSettings,
  stored: StoredSettings,
): KeyspaceSettings {
  const known: Record<string, unknown> = {};
  for (const name of keyspaceSettingNames) {
    const value = stored[name];
    if (value !== undefined && isValidKeyspaceSetting(name, value)) known[name] = value;
  }
  return Object.freeze({ ...settings, ...known });
}
