import { LsmError } from '../base/errors.js';
import type { JobResult, JobSettings } from './job-settings.js';

/**
 * Runs jobs, one after the other. The database has two of them, so that a flush
 * never waits behind a long compaction.
 */
export interface CompactionExecutor {
  readonly kind: 'worker' | 'inline';
  /** Begins the job, or queues it. The settings must not change until it has settled. */
  run(settings: JobSettings): RunningJob;
  /** Takes what the first job needs anyway: the thread and its memory. @throws LsmError as `run` */
  prepare(): void;
  /** Keeps the process alive until `unref` was called as often: somebody awaits a job. */
  ref(): void;
  unref(): void;
  /** Cancels all jobs and settles when nothing of them is under way any more. No job is run afterwards. */
  close(): Promise<void>;
}

export interface RunningJob {
  /**
   * Rejects with what `runJob` throws, with `WorkerLost` when the worker died or
   * stopped getting on, with `LSM_UNSUPPORTED` when it could not start (a bundler
   * may have lost its file): use the inline executor then. Its files are removed
   * by then, unless it still holds them; those go when it ends.
   * May be left without a handler: the job is then only watched by `finishSync`.
   */
  readonly result: Promise<JobResult>;
  /**
   * Returns once the job is done, without the event loop turning; throws what
   * `result` rejects with.
   * @throws LsmError also `LSM_UNSUPPORTED` where the file system has no synchronous calls
   */
  finishSync(): JobResult;
  /** Waits up to `timeoutMs` without the event loop turning; true once `finishSync` need not wait. Inline jobs get no further that way. */
  waitSync(timeoutMs: number): boolean;
  /** Asks the job to end with `LSM_ABORTED`; it may still end otherwise. */
  cancel(): void;
}

/**
 * The thread that had the job is gone, and the answer with it: run the job again,
 * under new names. Its code is `LSM_ABORTED`.
 */
export class WorkerLost extends LsmError {
  /**
   * False when the job might take down, or stop, whatever thread it runs in: the
   * worker has run out of memory, or shows no sign of life and nobody knows why.
   */
  readonly mayRunHere: boolean;

  constructor(message: string, mayRunHere: boolean, cause?: unknown) {
    super('LSM_ABORTED', message, { cause });
    this.mayRunHere = mayRunHere;
  }
}
