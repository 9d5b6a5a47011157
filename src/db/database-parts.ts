import type { DirectoryLock } from '../fs/file-system.js';
import type { VersionSet } from '../manifest/version-set.js';
import { TableCache } from '../sstable/table-cache.js';
import { Tree } from '../tree/tree.js';
import type { KeyspaceState } from '../manifest/manifest-state.js';
import type { RecoveryEvent } from './event-types.js';
import type { Background } from './background.js';
import { withStoredSettings } from './compaction-options.js';
import { Core } from './core.js';
import { EventHub } from './event-hub.js';
import { FileRemover } from './file-remover.js';
import type { Jobs } from './jobs.js';
import { defaultKeyspaceId, KeyspaceCore } from './keyspace-core.js';
import type { LogSet } from './log-set.js';
import { MemtablePools } from './memtable-pools.js';
import { defaultSettings, keyspaceSettingsOf, type ResolvedOptions } from './options.js';
import type { Encodings, KeyspaceSettings } from './settings.js';
import { ScanList } from './scan-list.js';
import { SnapshotList } from './snapshot-list.js';
import type { WritePath } from './write-path.js';

/** What only a writable database has. */
export interface WriterParts {
  readonly logs: LogSet;
  readonly jobs: Jobs;
  readonly background: Background;
  readonly writes: WritePath;
  /** Takes the exit hook back. */
  readonly forgetExit: () => void;
}

/** What an open database is made of. */
export interface DatabaseParts {
  readonly core: Core;
  /** Of the default keyspace. */
  readonly encodings: Encodings;
  readonly scans: ScanList;
  readonly recovery: RecoveryEvent;
  /** Tables in lost/. */
  readonly lost: { readonly files: number; readonly bytes: number };
  /** Undefined when read-only. */
  readonly writer: WriterParts | undefined;
  readonly lock: DirectoryLock | undefined;
}

export function makeCore(path: string, resolved: ResolvedOptions, versions: VersionSet): Core {
  const { settings, components } = resolved;
  const { fs, blockCache } = components;
  const tables = new TableCache({
    fs,
    directory: path,
    databaseId: versions.databaseId,
    blockCache,
    maxOpenTables: settings.readOnly ? Number.MAX_SAFE_INTEGER : settings.maxOpenTables,
    clock: components.clock,
  });
  const remover = new FileRemover(fs, path, tables, (error) =>
    core.report({ during: 'delete', error: error as Error, fatal: false }),
  );
  const events = new EventHub(path, components.listeners);
  const snapshots = new SnapshotList(components.clock, (ageMs) => {
    events.emit('forgotten', () => ({ kind: 'snapshot', ageMs }));
  });
  const core: Core = new Core({
    path,
    settings,
    components,
    versions,
    tables,
    pools: new MemtablePools(),
    snapshots,
    remover,
    events,
  });
  core.openKeyspaces((state) => makeKeyspace(core, state));
  return core;
}

/** The default keyspace follows the options of `open`, a named one what it was given when it was opened last. */
function settingsOf(core: Core, state: KeyspaceState): KeyspaceSettings {
  const isGiven = state.id === defaultKeyspaceId && !core.settings.readOnly;
  return isGiven
    ? keyspaceSettingsOf(core.settings)
    : withStoredSettings(keyspaceSettingsOf(defaultSettings), state.settings);
}

/** Gives a keyspace of the manifest its tree. */
function makeKeyspace(core: Core, state: KeyspaceState): KeyspaceCore {
  const { versions, pools } = core;
  const settings = settingsOf(core, state);
  const tree = new Tree({
    keyspaceId: state.id,
    pool: pools.poolFor(settings.memtableBytes, state.id === defaultKeyspaceId),
    version: state.version,
    onPin: (version) => versions.acquire(version),
    onUnpin: (version) => {
      versions.release(version);
      core.removeObsoleteTables();
    },
  });
  return new KeyspaceCore(state, settings, tree);
}

/** The open iterators of a database. */
export function makeScanList({ components, events }: Core): ScanList {
  return new ScanList(components.clock, (ageMs) => {
    events.emit('forgotten', () => ({ kind: 'iterator', ageMs }));
  });
}
