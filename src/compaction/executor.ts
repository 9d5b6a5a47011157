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
   * Rejects with what `runJob` throws, with `LSM_ABORTED` when the worker died,
   * with `LSM_UNSUPPORTED` when it could not start (a bundler may have lost its
   * file): use the inline executor then. May be left without a handler: the job is then only watched by `finishSync`.
   */
  readonly result: Promise<JobResult>;
  /**
   * Returns once the job is done, without the event loop turning; throws what
   * `result` rejects with.
   * @throws LsmError also `LSM_UNSUPPORTED` where the file system has no
   * synchronous calls, `LSM_BUSY` when the worker shows no progress for a minute.
   */
  finishSync(): JobResult;
  /** Waits up to `timeoutMs` without the event loop turning; true once `finishSync` need not wait. Inline jobs get no further that way. */
  waitSync(timeoutMs: number): boolean;
  /** Asks the job to end with `LSM_ABORTED`; it may still end otherwise. */
  cancel(): void;
}
