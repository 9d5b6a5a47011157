import type { TableMeta } from '../base/table-meta.js';
import { levelTargets } from '../compaction/level-targets.js';
import { pendingCompactionBytes } from '../compaction/picker-score.js';
import type { Version } from '../manifest/version.js';
import type { DatabaseStats, LevelStats } from './api-types.js';
import { compactionOptionsOf, withStoredSettings } from './compaction-options.js';
import { defaultKeyspaceId, type Core } from './core.js';
import type { DatabaseParts } from './database-parts.js';

/** One consistent picture: everything here is read in one go, without a wait. */
export function collectStats(parts: DatabaseParts): DatabaseStats {
  const { core, reader, scans, writer } = parts;
  const { version, counters, settings } = core;
  // Who only reads shows the levels as their writer sees them.
  const stored = core.versions.keyspaces.get(defaultKeyspaceId)!.settings;
  const options = compactionOptionsOf(
    settings.readOnly ? withStoredSettings(settings, stored) : settings,
  );
  const targets = levelTargets(version, options).bytes;
  const levels = version.levels.map((tables, level) =>
    describeLevel(core, tables, level, targets.at(level) ?? 0),
  );
  const compactionBytes = counters.written.reduce((sum, bytes) => sum + bytes, 0);
  const { userBytes, flushBytes } = counters;
  const [active, ...immutables] = core.tree.view.memtables;
  const tables = core.tables.stats;
  const { blockCache } = core.components;
  return {
    seq: core.readSeq,
    levels,
    memtables: {
      activeBytes: active.usedBytes,
      activeEntries: active.entries,
      immutable: immutables.length,
      immutableBytes: immutables.reduce((sum, memtable) => sum + memtable.usedBytes, 0),
    },
    log: {
      files: writer?.logs.fileCount ?? 0,
      bytes: writer?.logs.bytes ?? 0,
      writes: writer?.logs.writeCalls ?? 0,
      records: writer?.logs.records ?? 0,
      syncs: writer?.logs.syncCalls ?? 0,
    },
    written: { userBytes, walBytes: core.walBytes, flushBytes, compactionBytes },
    writeAmplification: flushBytes === 0 ? undefined : (flushBytes + compactionBytes) / userBytes,
    readAmplification: reader.readAmplification,
    spaceAmplificationEstimate: estimateSpace(version),
    background: {
      flushes: writer?.background.flusher.flushes ?? 0,
      compactions: writer?.background.compactor.compactions ?? 0,
      trivialMoves: writer?.background.compactor.trivialMoves ?? 0,
      pendingCompactionBytes: pendingCompactionBytes(version, options),
      running: writer?.background.running ?? [],
      executor: writer?.background.executorKind ?? core.components.executor,
    },
    stalls: {
      delayedWrites: writer?.writes.delayedWrites ?? 0,
      delayedMs: writer?.writes.delayedMs ?? 0,
      waiting: writer?.writes.waiting ?? 0,
    },
    blockCache: {
      usedBytes: blockCache.usedBytes,
      capacityBytes: blockCache.capacityBytes,
      hits: blockCache.hits,
      misses: blockCache.misses,
    },
    filter: {
      checks: tables.filterChecks,
      negatives: tables.filterNegatives,
      falsePositives: tables.filterFalsePositives,
    },
    tables: {
      open: tables.openTables,
      obsolete: core.versions.removedTableCount + core.remover.pending,
      lost: parts.lost,
    },
    memoryBytes: core.pool.usedBytes + core.pool.pooledBytes + blockCache.usedBytes,
    snapshots: core.snapshots.describe(),
    iterators: scans.size,
    failure: core.failure?.message,
  };
}

function describeLevel(
  core: Core,
  tables: readonly TableMeta[],
  level: number,
  target: number,
): LevelStats {
  const sum = (field: 'size' | 'rawBytes' | 'entries' | 'tombstones'): number =>
    tables.reduce((total, table) => total + table[field], 0);
  const { read, written, flushBytes } = core.counters;
  return {
    level,
    tables: tables.length,
    bytes: sum('size'),
    rawBytes: sum('rawBytes'),
    entries: sum('entries'),
    tombstones: sum('tombstones'),
    targetBytes: Number.isFinite(target) ? Math.round(target) : 0,
    compactionReadBytes: read.at(level) ?? 0,
    writtenBytes: level === 0 ? flushBytes : (written.at(level) ?? 0),
  };
}

/**
 * All file bytes against those of the deepest level, which is about what a full
 * compaction would leave when keys are overwritten evenly.
 */
function estimateSpace(version: Version): number | undefined {
  const deepest = version.levelBytes(version.deepestLevel);
  if (version.tableCount === 0 || deepest === 0) return undefined;
  let bytes = 0;
  for (let level = 0; level < version.levels.length; level++) bytes += version.levelBytes(level);
  return bytes / deepest;
}
