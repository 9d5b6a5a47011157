import { Emitter } from '../base/events.js';
import type { DirectoryLock } from '../fs/file-system.js';
import type { VersionSet } from '../manifest/version-set.js';
import { ArenaPool } from '../memtable/arena-pool.js';
import { TableCache } from '../sstable/table-cache.js';
import { Tree } from '../tree/tree.js';
import type { DatabaseEvents, RecoveryEvent } from './api-types.js';
import type { Background } from './background.js';
import { Core, defaultKeyspaceId } from './core.js';
import { FileRemover } from './file-remover.js';
import type { Jobs } from './jobs.js';
import type { LogSet } from './log-set.js';
import type { ResolvedOptions } from './options.js';
import { PointReader } from './reads.js';
import { ScanList } from './scan-list.js';
import { SnapshotList } from './snapshot.js';
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
  readonly reader: PointReader;
  readonly scans: ScanList;
  readonly recovery: RecoveryEvent;
  /** Tables in lost/. */
  readonly lost: { readonly files: number; readonly bytes: number };
  /** Undefined when read-only. */
  readonly writer: WriterParts | undefined;
  readonly lock: DirectoryLock | undefined;
}

/** Arenas are no larger than this, and small for small memtables, of which tests open thousands. */
const largestArenaBytes = 16 * 1024 * 1024;
const smallestArenaBytes = 64 * 1024;

export function readParts(core: Core): Pick<DatabaseParts, 'core' | 'reader' | 'scans'> {
  return { core, reader: new PointReader(core), scans: new ScanList() };
}

export function makeCore(path: string, resolved: ResolvedOptions, versions: VersionSet): Core {
  const { settings, components } = resolved;
  const { fs, blockCache } = components;
  const events = new Emitter<DatabaseEvents>();
  const tables = new TableCache({
    fs,
    directory: path,
    databaseId: versions.databaseId,
    blockCache,
    maxOpenTables: settings.readOnly ? Number.MAX_SAFE_INTEGER : settings.maxOpenTables,
  });
  const remover = new FileRemover(fs, path, tables, (error) =>
    core.report({ during: 'delete', error: error as Error, fatal: false }),
  );
  const pool = new ArenaPool({ arenaBytes: arenaBytesFor(settings.memtableBytes) });
  const snapshots = new SnapshotList(components.clock);
  const core: Core = new Core({
    path,
    settings,
    components,
    versions,
    tables,
    pool,
    snapshots,
    remover,
    events,
  });
  core.tree = new Tree({
    keyspaceId: defaultKeyspaceId,
    pool,
    version: core.version,
    onPin: (version) => versions.acquire(version),
    onUnpin: (version) => {
      versions.release(version);
      core.removeObsoleteTables();
    },
  });
  return core;
}

/** A power of two of about half the memtable: a memtable is a whole number of arenas. */
function arenaBytesFor(memtableBytes: number): number {
  const half = 2 ** Math.floor(Math.log2(memtableBytes / 2));
  return Math.min(largestArenaBytes, Math.max(smallestArenaBytes, half));
}
