import type { TableMeta } from '../base/table-meta.js';
import { levelTargets } from '../compaction/level-targets.js';
import { pendingCompactionBytes } from '../compaction/picker-score.js';
import type { Version } from '../manifest/version.js';
import type { DatabaseStats, KeyspaceStats, LevelStats, MemtableStats } from './stats-types.js';
import type { DatabaseParts } from './database-parts.js';
import type { KeyspaceCore } from './keyspace-core.js';

/** One consistent picture: everything here is read in one go, without a wait. */
export function collectStats(parts: DatabaseParts): DatabaseStats {
  const { core, scans, writer } = parts;
  const { blockCache } = core.components;
  const all = [...core.keyspaces()];
  const keyspaces = all.map(describeKeyspace);
  const userBytes = sumOf(keyspaces, ({ written }) => written.userBytes);
  const flushBytes = sumOf(keyspaces, ({ written }) => written.flushBytes);
  const compactionBytes = sumOf(keyspaces, ({ written }) => written.compactionBytes);
  const gets = sumOf(all, ({ reads }) => reads.gets);
  const tables = core.tables.stats;
  const background = writer?.background;
  return {
    seq: core.readSeq,
    levels: mergeLevels(keyspaces),
    memtables: mergeMemtables(keyspaces),
    keyspaces,
    log: {
      files: writer?.logs.fileCount ?? parts.recovery.logsReplayed,
      bytes: writer?.logs.bytes ?? parts.recovery.bytesReplayed,
      writes: writer?.logs.writeCalls ?? 0,
      records: writer?.logs.records ?? 0,
      syncs: writer?.logs.syncCalls ?? 0,
    },
    written: { userBytes, walBytes: core.walBytes, flushBytes, compactionBytes },
    writeAmplification: flushBytes === 0 ? undefined : (flushBytes + compactionBytes) / userBytes,
    readAmplification: gets === 0 ? undefined : sumOf(all, ({ reads }) => reads.probes) / gets,
    spaceAmplificationEstimate: estimateSpace(all.map(({ version }) => version)),
    background: {
      flushes: background?.flusher.flushes ?? 0,
      compactions: background?.compactor.runner.compactions ?? 0,
      trivialMoves: background?.compactor.runner.trivialMoves ?? 0,
      pendingCompactionBytes: sumOf(keyspaces, (each) => each.pendingCompactionBytes),
      running: background?.running ?? [],
      executor: background?.executorKind ?? core.components.executor,
      workersLost: background?.workersLost ?? 0,
      error: background?.error?.message,
    },
    stalls: {
      delayedWrites: writer?.writes.delayedWrites ?? 0,
      delayedMs: writer?.writes.delayedMs ?? 0,
      waiting: writer?.writes.waiting ?? 0,
      waitingBytes: writer?.writes.waitingBytes ?? 0,
      pressure: writer?.writes.pressure.share ?? 0,
      reason: writer?.writes.pressure.reason,
    },
    blockCache: {
      usedBytes: blockCache.usedBytes,
      capacityBytes: blockCache.capacityBytes,
      hits: blockCache.hits,
      misses: blockCache.misses,
    },
    scans: {
      closed: sumOf(all, (each) => each.scans.scans),
      steppedOver: sumOf(all, (each) => each.scans.steppedOver),
      jumps: sumOf(all, (each) => each.scans.jumps),
    },
    blockReads: { cached: tables.blockHits, fromDisk: tables.blockReads },
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
    memoryBytes: core.pools.bytes + blockCache.usedBytes,
    snapshots: core.snapshots.describe(),
    iterators: scans.describe(),
    failure: core.failure?.message,
  };
}

function describeKeyspace(keyspace: KeyspaceCore): KeyspaceStats {
  const { name, version, counters, compaction, reads, tree } = keyspace;
  const targets = levelTargets(version, compaction).bytes;
  const { userBytes, flushBytes } = counters;
  const compactionBytes = counters.written.reduce((sum, bytes) => sum + bytes, 0);
  const [active, ...immutables] = tree.view.memtables;
  return {
    name,
    levels: version.levels.map((tables, level) =>
      describeLevel(keyspace, tables, level, targets.at(level) ?? 0),
    ),
    memtables: {
      activeBytes: active.usedBytes,
      activeEntries: active.entries,
      immutable: immutables.length,
      immutableBytes: sumOf(immutables, ({ usedBytes }) => usedBytes),
    },
    written: { userBytes, flushBytes, compactionBytes },
    writeAmplification: flushBytes === 0 ? undefined : (flushBytes + compactionBytes) / userBytes,
    readAmplification: reads.gets === 0 ? undefined : reads.probes / reads.gets,
    spaceAmplificationEstimate: estimateSpace([version]),
    pendingCompactionBytes: pendingCompactionBytes(version, compaction),
  };
}

function describeLevel(
  { counters }: KeyspaceCore,
  tables: readonly TableMeta[],
  level: number,
  target: number,
): LevelStats {
  const { read, written, flushBytes } = counters;
  return {
    level,
    tables: tables.length,
    bytes: sumOf(tables, ({ size }) => size),
    rawBytes: sumOf(tables, ({ rawBytes }) => rawBytes),
    entries: sumOf(tables, ({ entries }) => entries),
    tombstones: sumOf(tables, ({ tombstones }) => tombstones),
    targetBytes: Number.isFinite(target) ? Math.round(target) : 0,
    compactionReadBytes: read.at(level) ?? 0,
    writtenBytes: level === 0 ? flushBytes : (written.at(level) ?? 0),
  };
}

function mergeLevels(keyspaces: readonly KeyspaceStats[]): LevelStats[] {
  const merged: LevelStats[] = [];
  for (const { levels } of keyspaces) {
    for (const level of levels) {
      const { level: number } = level;
      const before = merged.at(number);
      merged[number] = before === undefined ? level : addLevels(before, level);
    }
  }
  return merged;
}

function addLevels(a: LevelStats, b: LevelStats): LevelStats {
  return {
    level: a.level,
    tables: a.tables + b.tables,
    bytes: a.bytes + b.bytes,
    rawBytes: a.rawBytes + b.rawBytes,
    entries: a.entries + b.entries,
    tombstones: a.tombstones + b.tombstones,
    targetBytes: a.targetBytes + b.targetBytes,
    compactionReadBytes: a.compactionReadBytes + b.compactionReadBytes,
    writtenBytes: a.writtenBytes + b.writtenBytes,
  };
}

function mergeMemtables(keyspaces: readonly KeyspaceStats[]): MemtableStats {
  const sum = (field: keyof MemtableStats): number =>
    sumOf(keyspaces, ({ memtables }) => memtables[field]);
  return {
    activeBytes: sum('activeBytes'),
    activeEntries: sum('activeEntries'),
    immutable: sum('immutable'),
    immutableBytes: sum('immutableBytes'),
  };
}

/**
 * All file bytes against those of the deepest levels, which is about what a full
 * compaction would leave when keys are overwritten evenly.
 */
function estimateSpace(versions: readonly Version[]): number | undefined {
  let bytes = 0;
  let deepest = 0;
  for (const version of versions) {
    if (version.tableCount === 0) continue;
    for (let level = 0; level < version.levels.length; level++) bytes += version.levelBytes(level);
    deepest += version.levelBytes(version.deepestLevel);
  }
  return deepest === 0 ? undefined : bytes / deepest;
}

function sumOf<T>(items: readonly T[], bytesOf: (item: T) => number): number {
  return items.reduce((sum, item) => sum + bytesOf(item), 0);
}
