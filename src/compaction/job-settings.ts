import { copyOf } from '../base/bytes.js';
import type { FileId } from '../base/checksum.js';
import type { TableMeta, TableSettings } from '../base/table-meta.js';
import type { OlderRange } from '../iterator/older-ranges.js';
import type { FrozenMemtable } from '../memtable/frozen-memtable.js';
import type { CompactionPlan } from './plan.js';

/** A name reserved for a table: its number is durable before use and never used again. */
export interface OutputName {
  readonly fileNumber: number;
  readonly tableId: FileId;
}

/** What flush and compaction have in common. */
export interface JobBase {
  /** Of the database; tables are in it. */
  readonly directory: string;
  readonly databaseId: FileId;
  readonly keyspaceId: number;
  readonly keyspaceName: string;
  /** How the outputs are written. */
  readonly table: TableSettings;
  /** The keyspace's at this moment; for a flush: including the memtable. */
  readonly flushedSeq: number;
  /**
   * Ascending. What a reader at one of these numbers sees stays. Besides the
   * snapshots it must hold the sequence number that new readers get now, when the
   * inputs hold later ones: a snapshot taken while the job runs needs it.
   */
  readonly snapshotSeqs: readonly number[];
  /** Taken in order; one for a flush, `countOutputs` for a compaction. */
  readonly outputs: readonly OutputName[];
}

/** A table of the level below the outputs. */
export interface Grandparent {
  readonly largest: Uint8Array;
  /** Bytes of the file. */
  readonly size: number;
}

export interface FlushSettings extends JobBase {
  readonly kind: 'flush';
  readonly memtable: FrozenMemtable;
}

export interface CompactionSettings extends JobBase {
  readonly kind: 'compaction';
  readonly outputLevel: number;
  /** Newest first; the tables of one run are disjoint and in key order. */
  readonly runs: readonly (readonly TableMeta[])[];
  /** File bytes at which an output ends. */
  readonly targetTableBytes: number;
  /** In key order. */
  readonly grandparents: readonly Grandparent[];
  /** An output ends behind this key. */
  readonly cutAfter: Uint8Array | undefined;
  readonly olderOutside: readonly OlderRange[];
}

/** Everything a job needs to know, as plain data that can be sent to a worker. */
export type JobSettings = FlushSettings | CompactionSettings;

/** Measured by the job. Raw bytes are those of keys and values. */
export interface JobCounters {
  readonly rawBytesRead: number;
  readonly rawBytesWritten: number;
  /** 0 for a flush: it reads memory. */
  readonly fileBytesRead: number;
  readonly fileBytesWritten: number;
  readonly entriesIn: number;
  readonly entriesOut: number;
  readonly droppedTombstones: number;
  readonly droppedSuperseded: number;
  readonly elapsedMs: number;
}

export interface JobResult {
  /** The outputs, in key order; synced, as is the directory. */
  readonly tables: readonly TableMeta[];
  readonly counters: JobCounters;
}

export function flushSettings(base: JobBase, memtable: FrozenMemtable): FlushSettings {
  return { ...base, kind: 'flush', memtable };
}

export function compactionSettings(
  base: JobBase,
  plan: CompactionPlan,
  targetTableBytes: number,
): CompactionSettings {
  const { inputs, overlapping, level } = plan;
  const upper = level === 0 ? inputs.map((table) => [table]) : [inputs];
  const runs = overlapping.length === 0 ? upper : [...upper, overlapping];
  const hasTombstones = runs.some((run) => run.some((table) => table.tombstones > 0));
  return {
    ...base,
    kind: 'compaction',
    outputLevel: plan.outputLevel,
    runs: runs.map((run) => run.map(withOwnKeys)),
    targetTableBytes,
    grandparents: plan.grandparents.map(({ largest, size }) => ({
      largest: copyOf(largest),
      size,
    })),
    cutAfter: plan.cutAfter && copyOf(plan.cutAfter),
    // Only tombstones ask for these, and there may be thousands.
    olderOutside: hasTombstones ? plan.olderOutside.map(olderRangeOf) : [],
  };
}

/** An upper bound of the tables that carrying out `plan` can give. */
export function countOutputs(plan: CompactionPlan, targetTableBytes: number): number {
  let bytes = 0;
  // Raw, since the outputs may compress worse; and what an entry takes beside its bytes.
  for (const table of [...plan.inputs, ...plan.overlapping]) {
    bytes += table.rawBytes + 32 * table.entries;
  }
  let grandparentBytes = 0;
  for (const table of plan.grandparents) grandparentBytes += table.size;
  // The three reasons for ending a table: output-cutter.ts.
  return (
    3 +
    Math.ceil(bytes / (targetTableBytes / 2)) +
    Math.ceil(grandparentBytes / (10 * targetTableBytes))
  );
}

/** Cloning a view clones all of its buffer: keys that cross a thread own theirs. */
export function withOwnKeys(table: TableMeta): TableMeta {
  return { ...table, smallest: copyOf(table.smallest), largest: copyOf(table.largest) };
}

function olderRangeOf(table: TableMeta): OlderRange {
  const { smallest, largest, smallestSeq } = table;
  return { smallest: copyOf(smallest), largest: copyOf(largest), smallestSeq };
}
