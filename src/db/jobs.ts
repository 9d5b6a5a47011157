import { availableParallelism } from 'node:os';
import { isLsmError, LsmError, toLsmError } from '../base/errors.js';
import { randomFileId } from '../base/prng.js';
import { waitable, type Steps } from '../base/task.js';
import { WorkerLost, type CompactionExecutor, type RunningJob } from '../compaction/executor.js';
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

/** So many threads in a row may be lost with the same job. */
const maxLost = 3;

/**
 * Prepares jobs and has them run by the executors. A job whose worker is lost is
 * run again at once, under new file numbers. After the third one in a row it is
 * done in this thread, unless it might take that down too (out of memory, or a
 * worker that shows no sign of life): then it fails, to be tried again later.
 */
export class Jobs {
  readonly #core: Core;
  readonly #makeInline: () => Executors;
  #executors: Executors;
  /** For jobs that have lost all their workers; the same as `#executors` where no worker can be started. */
  #inline: Executors | undefined;
  /** A worker has answered a job: this host can start them. */
  #hasWorked = false;
  /** Executors that are not used any more, until they are closed. */
  readonly #closing = new Set<Promise<unknown>>();
  /** Workers that were lost with a job. */
  workersLost = 0;
  /** By what they work on. An object that is gone takes its job along, also one that failed. */
  readonly #running = new WeakMap<object, RunningJob>();

  /** `makeInline` makes executors that run jobs in this thread. */
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

  /** Runs a job: who cannot wait has it finished on the spot. `subject` is what it works on, for `waitSync`. */
  *run(settings: JobSettings, subject: object): Steps<JobResult> {
    let executors = this.#executors;
    let mayRunHere = true;
    for (let lost = 0; ;) {
      try {
        return yield* this.#runOn(executors, settings, subject);
      } catch (error) {
        if (executors.flush.kind === 'inline') throw error;
        if (isLsmError(error, 'LSM_UNSUPPORTED') && !this.#hasWorked) {
          this.#giveUpWorkers();
          executors = this.#executors;
        } else if (isLoss(error)) {
          this.workersLost++;
          if (error instanceof WorkerLost) mayRunHere &&= error.mayRunHere;
          if (++lost >= maxLost) executors = this.#takeOver(settings, mayRunHere, error);
        } else throw error;
      }
      const count = settings.outputs.length;
      yield* this.#core.ensureFileNumbers(count);
      settings = { ...settings, outputs: this.#takeOutputs(count) };
    }
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
   * Starts the thread of a flush that will come, so that the first one does not
   * wait for it: it takes 100 ms. The flush itself says why it could not start.
   */
  prepareFlush(): void {
    try {
      this.#executors.flush.prepare();
    } catch (error) {
      if (!isLsmError(error, 'LSM_UNSUPPORTED')) throw error;
    }
  }

  /** What a job's error means for the database. `LSM_FAILED`: a directory could not be synced, so what is on disk is unknown. */
  classify(error: unknown, doing: string): LsmError {
    const known = toLsmError(error, doing);
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
  async closeCompactions(): Promise<void> {
    await Promise.all([this.#executors.compaction.close(), this.#inline?.compaction.close()]);
  }

  async close(): Promise<void> {
    const all = this.#inline === undefined ? [this.#executors] : [this.#executors, this.#inline];
    await Promise.all([...all.map(closeBoth), ...this.#closing]);
  }

  *#runOn(executors: Executors, settings: JobSettings, subject: object): Steps<JobResult> {
    // Who flushes will compact: so memory is taken early and then stays as it is.
    executors.compaction.prepare();
    const job = executors[settings.kind].run(settings);
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
    this.#hasWorked = true;
    return result!;
  }

  /** No worker can be started here: jobs run in this thread from now on. */
  #giveUpWorkers(): void {
    if (this.executorKind === 'inline') return;
    const closing = closeBoth(this.#executors).finally(() => this.#closing.delete(closing));
    this.#closing.add(closing);
    this.#executors = this.#makeInline();
  }

  /** Where a job goes that has lost all its workers. @throws LsmError `LSM_ABORTED` when it must not run in this thread */
  #takeOver({ kind, keyspaceName }: JobSettings, mayRunHere: boolean, cause: LsmError): Executors {
    const next = mayRunHere ? 'it is done in the main thread' : 'it is tried again later';
    const message = `a ${kind} has lost ${maxLost} workers in a row (${cause.message}); ${next}`;
    const error = new LsmError('LSM_ABORTED', message, { cause });
    if (!mayRunHere) throw error;
    this.#core.report({ during: kind, keyspace: keyspaceName, error, fatal: false });
    return (this.#inline ??= this.#makeInline());
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

/** Its worker ended, or could not be started although others could. */
function isLoss(error: unknown): error is LsmError {
  return error instanceof WorkerLost || isLsmError(error, 'LSM_UNSUPPORTED');
}

async function closeBoth({ flush, compaction }: Executors): Promise<void> {
  await Promise.all([flush.close(), compaction.close()]);
}
