import { Worker } from 'node:worker_threads';
import { systemClock } from '../base/clock.js';
import { LsmError } from '../base/errors.js';
import type { CompactionExecutor, RunningJob } from './executor.js';
import type { JobSettings } from './job-settings.js';
import { WorkerThread, type WorkerThreadOptions } from './worker-thread.js';

/** A thread holds 20 to 50 MB, and starts in some 50 ms: one that has nothing to do is let go. */
const defaultIdleMs = 5000;

export interface WorkerExecutorOptions extends WorkerThreadOptions {
  /** A thread without a job ends after so many milliseconds. Default 5000. */
  readonly idleMs?: number;
}

/** False on hosts that cannot share memory with a thread; use the inline executor there. */
export function canUseWorkers(): boolean {
  return typeof SharedArrayBuffer === 'function' && typeof Worker === 'function';
}

/**
 * Runs jobs in one worker thread on Node's file system. The thread starts with
 * the first job, and again after it was lost or idle; it does not keep the process alive.
 */
export class WorkerExecutor implements CompactionExecutor {
  readonly kind = 'worker';
  readonly #options: WorkerExecutorOptions;
  #thread: WorkerThread | undefined;
  #priorityError: string | undefined;
  #refs = 0;
  #isClosed = false;
  #cancelIdle: (() => void) | undefined;
  /** Threads that take no more jobs, until they have ended. */
  readonly #ending = new Set<WorkerThread>();

  constructor(options: WorkerExecutorOptions) {
    this.#options = options;
  }

  /** Why the thread could not lower its priority; undefined when it did, or has not started. */
  get priorityError(): string | undefined {
    return this.#thread?.priorityError ?? this.#priorityError;
  }

  /** @throws LsmError `LSM_UNSUPPORTED` when the host cannot start a worker. */
  run(settings: JobSettings): RunningJob {
    if (this.#isClosed) throw new LsmError('LSM_CLOSED', 'the executor is closed');
    this.#cancelIdle?.();
    this.#thread ??= this.#start();
    return this.#thread.run(settings);
  }

  prepare(): void {
    if (this.#isClosed) return;
    this.#thread ??= this.#start();
    this.#watchIdle();
  }

  ref(): void {
    if (this.#refs++ === 0) this.#thread?.ref();
  }

  unref(): void {
    if (--this.#refs === 0) this.#thread?.unref();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancelIdle?.();
    this.ref();
    const thread = this.#thread;
    if (thread !== undefined) {
      const jobs = [...thread.jobs];
      for (const job of jobs) job.cancel();
      await Promise.allSettled(jobs.map((job) => job.result));
      void thread.end();
      this.#retire(thread);
    }
    for (const ending of this.#ending) ending.ref();
    await Promise.all([...this.#ending].map(({ ended }) => ended));
    this.unref();
  }

  #start(): WorkerThread {
    const thread: WorkerThread = new WorkerThread(this.#options, {
      onIdle: () => this.#watchIdle(),
      onLost: () => this.#retire(thread),
    });
    if (this.#refs > 0) thread.ref();
    return thread;
  }

  /** Ends the thread unless a job comes in time. */
  #watchIdle(): void {
    if (this.#isClosed || this.#thread?.isIdle !== true) return;
    this.#cancelIdle?.();
    this.#cancelIdle = systemClock.after(this.#options.idleMs ?? defaultIdleMs, () => {
      const thread = this.#thread;
      if (thread?.isIdle !== true) return;
      this.#retire(thread);
      void thread.end();
    });
  }

  /** The next job starts another. */
  #retire(thread: WorkerThread): void {
    if (this.#thread !== thread) return;
    this.#thread = undefined;
    this.#priorityError = thread.priorityError;
    this.#ending.add(thread);
    void thread.ended.then(() => this.#ending.delete(thread));
  }
}
