import { LsmError, systemErrorCode } from '../base/errors.js';
import { Task } from '../base/task.js';
import type { CompactionExecutor, RunningJob } from './executor.js';
import { runJob, type JobComponents } from './job.js';
import type { JobResult, JobSettings } from './job-settings.js';

/**
 * Runs jobs in this thread, a few milliseconds at a time: for file systems that
 * cannot cross to a worker, and hosts without workers. Jobs begin at once, beside
 * each other.
 */
export class InlineExecutor implements CompactionExecutor {
  readonly kind = 'inline';
  readonly #components: JobComponents;
  readonly #onLateError: (error: unknown) => void;
  readonly #running = new Set<InlineJob>();
  #isClosed = false;

  /**
   * `onLateError` hears of an operation that failed in the thread pool after
   * `finishSync` had repeated it with success. If it was a sync, a table that
   * counts by now may not be on disk: the database must stop writing.
   */
  constructor(components: JobComponents, onLateError: (error: unknown) => void) {
    this.#components = components;
    this.#onLateError = onLateError;
  }

  run(settings: JobSettings): RunningJob {
    if (this.#isClosed) throw new LsmError('LSM_CLOSED', 'the executor is closed');
    const job = new InlineJob(settings, this.#components, (error) => {
      // A file that the repetition had removed already says nothing about the disk.
      if (systemErrorCode(error) !== 'ENOENT') this.#onLateError(error);
    });
    this.#running.add(job);
    void job.settled.then(() => this.#running.delete(job));
    return job;
  }

  prepare(): void {
    // Nothing to start.
  }

  ref(): void {
    // Operations under way and pauses keep the process alive by themselves.
  }

  unref(): void {
    // See ref.
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const running = [...this.#running];
    for (const job of running) job.cancel();
    await Promise.all(running.map((job) => job.settled));
  }
}

class InlineJob implements RunningJob {
  /** Resolves when the job is done and nothing of it is in the thread pool. */
  readonly settled: Promise<void>;
  readonly #task: Task<JobResult>;
  readonly #hasSync: boolean;
  #isCancelled = false;

  constructor(
    settings: JobSettings,
    components: JobComponents,
    onLateError: (error: unknown) => void,
  ) {
    const steps = runJob(settings, components, { isCancelled: () => this.#isCancelled });
    this.#task = new Task(steps, onLateError);
    this.#hasSync = components.fs.hasSync;
    const quiesce = (): Promise<void> => this.#task.quiesce();
    this.settled = this.#task.promise.then(quiesce, quiesce);
  }

  get result(): Promise<JobResult> {
    return this.#task.promise;
  }

  finishSync(): JobResult {
    // Asked before the job is touched, which goes on all the same.
    if (!this.#hasSync && !this.#task.isDone) {
      throw new LsmError('LSM_UNSUPPORTED', 'this file system has no synchronous calls');
    }
    return this.#task.finishSync();
  }

  waitSync(): boolean {
    return this.#task.isDone;
  }

  cancel(): void {
    this.#isCancelled = true;
  }
}
