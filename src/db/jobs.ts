import { availableParallelism } from 'node:os';
import { toLsmError, type LsmError } from '../base/errors.js';
import { randomFileId } from '../base/prng.js';
import { waitable, type Steps } from '../base/task.js';
import type { CompactionExecutor, RunningJob } from '../compaction/executor.js';
import type { JobBase, JobResult, JobSettings, OutputName } from '../compaction/job-settings.js';
import type { Core } from './core.js';
import type { KeyspaceCore } from './keyspace-core.js';

/** Where jobs run: two lanes, so that a flush never waits behind a long compaction. */
export interface Executors {
  readonly flush: CompactionExecutor;
  readonly compaction: CompactionExecutor;
}

/** One processor is left to the program; more than four compactions wait for the disk. */
export function compactionSlots({ settings }: Core): number {
  return settings.maxCompactions ?? Math.max(1, Math.min(4, availableParallelism() - 1));
}

/** Prepares jobs and has them run by the executors. */
export class Jobs {
  readonly #core: Core;
  /** Makes the executors that take over when the host turns out to start no worker. */
  readonly #makeInline: () => Executors;
  #executors: Executors;
  /** By what they work on. An object that is gone takes its job along, also one that failed. */
  readonly #running = new WeakMap<object, RunningJob>();

  constructor(core: Core, executors: Executors, makeInline: () => Executors) {
    this.#core = core;
    this.#executors = executors;
    this.#makeInline = makeInline;
  }

  /** Compactions that may run at once. */
  get compactionSlots(): number {
    return compactionSlots(this.#core);
  }

  get executorKind(): 'worker' | 'inline' {
    return this.#executors.flush.kind;
  }

  /** Runs a job as one step: who cannot wait has it finished on the spot. `subject` is what it works on, for `waitSync`. */
  *run(settings: JobSettings, subject: object): Steps<JobResult> {
    // Who flushes will compact: so memory is taken early and then stays as it is.
    this.#executors.compaction.prepare();
    const job = this.#executors[settings.kind].run(settings);
    let result: JobResult | undefined;
    this.#running.set(subject, job);
    yield waitable(
      async () => {
        result = await job.result;
      },
      () => {
        result = job.finishSync();
      },
    );
    this.#running.delete(subject);
    return result!;
  }

  /** Waits up to `timeoutMs` for the job that works on `subject`, without the event loop turning; true when none does, or it is done. */
  waitSync(subject: object, timeoutMs: number): boolean {
    return this.#running.get(subject)?.waitSync(timeoutMs) ?? true;
  }

  /** What every job needs; `outputCount` file numbers are free. */
  base(keyspace: KeyspaceCore, outputCount: number): Omit<JobBase, 'table' | 'flushedSeq'> {
    const { path, versions, snapshots } = this.#core;
    return {
      directory: path,
      databaseId: versions.databaseId,
      keyspaceId: keyspace.id,
      keyspaceName: keyspace.name,
      snapshotSeqs: snapshots.seqs(),
      outputs: this.#takeOutputs(outputCount),
    };
  }

  /**
   * What a job's error means for the database. `LSM_FAILED`: a directory could not
   * be synced, so what is on disk is unknown. `LSM_UNSUPPORTED`: no worker can be
   * started here, so jobs run in this thread from now on.
   */
  classify(error: unknown, doing: string): LsmError {
    const known = toLsmError(error, doing);
    if (known.code === 'LSM_UNSUPPORTED' && this.executorKind === 'worker') {
      void this.close();
      this.#executors = this.#makeInline();
    }
    return known.code === 'LSM_FAILED' ? this.#core.fail('manifest', known) : known;
  }

  /** Keeps the process alive while somebody awaits background work. */
  ref(): void {
    this.#executors.flush.ref();
    this.#executors.compaction.ref();
  }

  unref(): void {
    this.#executors.flush.unref();
    this.#executors.compaction.unref();
  }

  async whileReferenced<T>(run: () => Promise<T>): Promise<T> {
    this.ref();
    try {
      return await run();
    } finally {
      this.unref();
    }
  }

  /** Cancels compactions, and settles when none is under way. */
  closeCompactions(): Promise<void> {
    return this.#executors.compaction.close();
  }

  async close(): Promise<void> {
    await Promise.all([this.#executors.flush.close(), this.#executors.compaction.close()]);
  }

  #takeOutputs(count: number): OutputName[] {
    const { versions, components } = this.#core;
    const first = versions.takeFileNumbers(count);
    return Array.from({ length: count }, (_, i) => ({
      fileNumber: first + i,
      tableId: randomFileId(components.random),
    }));
  }
}
