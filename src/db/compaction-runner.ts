import type { Steps } from '../base/task.js';
import {
  compactionSettings,
  countOutputs,
  type JobCounters,
  type JobResult,
} from '../compaction/job-settings.js';
import type { CompactionPlan } from '../compaction/plan.js';
import { tableSettingsAt } from './compaction-options.js';
import type { Core } from './core.js';
import type { Jobs } from './jobs.js';
import type { KeyspaceCore } from './keyspace-core.js';
import { nothingToTell, type Announcement } from './lane.js';
import type { Pacing } from './pacing.js';

interface Rewritten {
  readonly counters: JobCounters;
  readonly announce: Announcement;
}

/** Carries out plans: has the job run, and makes its result count with one edit. */
export class CompactionRunner {
  readonly #core: Core;
  readonly #jobs: Jobs;
  readonly #pacing: Pacing;
  compactions = 0;
  trivialMoves = 0;

  constructor(core: Core, jobs: Jobs, pacing: Pacing) {
    this.#core = core;
    this.#jobs = jobs;
    this.#pacing = pacing;
  }

  run(keyspace: KeyspaceCore, plan: CompactionPlan): Steps<Announcement> {
    return plan.isTrivialMove ? this.#move(keyspace, plan) : this.#timedRewrite(keyspace, plan);
  }

  /** The table changes its level without being read. */
  *#move(keyspace: KeyspaceCore, plan: CompactionPlan): Steps<Announcement> {
    const { clock } = this.#core.components;
    const startMs = clock.monotonicMs();
    const [table] = plan.inputs;
    const isApplied = yield* this.#core.applyEdit(() =>
      keyspace.isDropped
        ? undefined
        : {
            removedTables: [{ keyspaceId: keyspace.id, fileNumber: table.fileNumber }],
            addedTables: [{ ...table, level: plan.outputLevel }],
            cursors: cursorsOf(keyspace, plan),
          },
    );
    if (!isApplied) return nothingToTell;
    const priority = keyspace.priorityOf({ level: plan.outputLevel });
    this.#core.tables.setCachePriority(table.fileNumber, priority);
    this.trivialMoves++;
    const durationMs = clock.monotonicMs() - startMs;
    return () => this.#emit(keyspace, plan, undefined, durationMs);
  }

  *#timedRewrite(keyspace: KeyspaceCore, plan: CompactionPlan): Steps<Announcement> {
    this.#pacing.compactionBegan(keyspace, plan);
    let done: Rewritten;
    try {
      done = yield* this.#rewrite(keyspace, plan);
    } catch (error) {
      this.#pacing.compactionFailed(keyspace, plan);
      throw error;
    }
    this.#pacing.compactionEnded(keyspace, plan, done.counters);
    return done.announce;
  }

  *#rewrite(keyspace: KeyspaceCore, plan: CompactionPlan): Steps<Rewritten> {
    const core = this.#core;
    const { settings, counters, id } = keyspace;
    const outputCount = countOutputs(plan, settings.tableBytes);
    yield* core.ensureFileNumbers(outputCount);
    const base = {
      ...this.#jobs.base(keyspace, outputCount),
      table: tableSettingsAt(settings, keyspace.version, plan.outputLevel),
      flushedSeq: core.versions.keyspaces.get(id)!.flushedSeq,
    };
    const result = yield* this.#jobs.run(compactionSettings(base, plan, settings.tableBytes), plan);
    const isApplied = yield* core.applyEdit(() => {
      if (keyspace.isDropped) return undefined;
      addAt(counters.read, plan.outputLevel, result.counters.rawBytesRead);
      addAt(counters.written, plan.outputLevel, result.counters.rawBytesWritten);
      return {
        removedTables: [...plan.inputs, ...plan.overlapping].map(({ fileNumber }) => ({
          keyspaceId: id,
          fileNumber,
        })),
        addedTables: result.tables,
        cursors: cursorsOf(keyspace, plan),
        counters: [core.countersOf(keyspace)],
      };
    });
    if (!isApplied) {
      for (const { fileNumber } of result.tables) core.remover.removeTable(fileNumber);
      return { counters: result.counters, announce: nothingToTell };
    }
    this.compactions++;
    const announce = (): void => this.#emit(keyspace, plan, result, result.counters.elapsedMs);
    return { counters: result.counters, announce };
  }

  #emit(
    keyspace: KeyspaceCore,
    plan: CompactionPlan,
    result: JobResult | undefined,
    durationMs: number,
  ): void {
    this.#core.events.emit('compaction', () => ({
      keyspace: keyspace.name,
      level: plan.level,
      outputLevel: plan.outputLevel,
      reason: plan.reason,
      trivialMove: result === undefined,
      inputTables: plan.inputs.length + plan.overlapping.length,
      outputTables: result === undefined ? 1 : result.tables.length,
      readBytes: result?.counters.rawBytesRead ?? 0,
      writtenBytes: result?.counters.rawBytesWritten ?? 0,
      droppedTombstones: result?.counters.droppedTombstones ?? 0,
      droppedEntries: result?.counters.droppedSuperseded ?? 0,
      durationMs,
    }));
  }
}

function cursorsOf(
  keyspace: KeyspaceCore,
  plan: CompactionPlan,
): { keyspaceId: number; level: number; key: Uint8Array }[] {
  if (plan.nextCursor === undefined) return [];
  return [{ keyspaceId: keyspace.id, level: plan.level, key: plan.nextCursor }];
}

function addAt(sums: number[], index: number, amount: number): void {
  while (sums.length <= index) sums.push(0);
  sums[index] += amount;
}
