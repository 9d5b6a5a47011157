import {
  MessageChannel,
  receiveMessageOnPort,
  Worker,
  type MessagePort,
} from 'node:worker_threads';
import { systemClock } from '../base/clock.js';
import { LsmError } from '../base/errors.js';
import type { CompactionExecutor, RunningJob } from './executor.js';
import type { JobResult, JobSettings } from './job-settings.js';
import {
  decodeError,
  isCancelledWord,
  isDoneWord,
  jobWords,
  sharedInts,
  type JobMessage,
  type WorkerData,
  type WorkerMessage,
} from './messages.js';

/** A thread holds 20 to 50 MB, and starts in some 50 ms: one that has nothing to do is let go. */
const defaultIdleMs = 5000;

/** A synchronous caller gives up on a worker that has shown no progress for this long. */
const patienceMs = 60_000;

export interface WorkerExecutorOptions {
  /** Shown by debuggers and profilers. */
  readonly name: string;
  /** Nice value of the thread, 0 to 19, on Linux. Default 19. */
  readonly niceness?: number;
  /** A thread without a job ends after so many milliseconds. Default 5000. */
  readonly idleMs?: number;
}

/** False on hosts that cannot share memory with a thread; use the inline executor there. */
export function canUseWorkers(): boolean {
  return typeof SharedArrayBuffer === 'function' && typeof Worker === 'function';
}

/**
 * Runs jobs in one worker thread on Node's file system. The thread starts with
 * the first job, and again after it died or was idle; it does not keep the process alive.
 */
export class WorkerExecutor implements CompactionExecutor {
  readonly kind = 'worker';
  readonly #options: WorkerExecutorOptions;
  readonly #jobs = new Map<number, WorkerJob>();
  #thread: Thread | undefined;
  #priorityError: string | undefined;
  #nextId = 1;
  #refs = 0;
  #isClosed = false;
  #cancelIdle: (() => void) | undefined;
  /** Threads that were idle and are ending. */
  readonly #ending = new Set<Promise<unknown>>();

  constructor(options: WorkerExecutorOptions) {
    this.#options = options;
  }

  /** Why the thread could not lower its priority; undefined when it did, or has not started. */
  get priorityError(): string | undefined {
    return this.#priorityError;
  }

  /** @throws LsmError `LSM_UNSUPPORTED` when the host cannot start a worker. */
  run(settings: JobSettings): RunningJob {
    if (this.#isClosed) throw new LsmError('LSM_CLOSED', 'the executor is closed');
    this.#cancelIdle?.();
    const thread = (this.#thread ??= this.#start());
    const id = this.#nextId++;
    const job = new WorkerJob(thread.progress, () => this.#drain(thread));
    const message: JobMessage = { id, settings, shared: job.shared };
    thread.port.postMessage(message);
    this.#jobs.set(id, job);
    return job;
  }

  prepare(): void {
    if (this.#isClosed) return;
    this.#thread ??= this.#start();
    this.#watchIdle();
  }

  ref(): void {
    if (this.#refs++ === 0) this.#thread?.worker.ref();
  }

  unref(): void {
    if (--this.#refs === 0) this.#thread?.worker.unref();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancelIdle?.();
    this.ref();
    const jobs = [...this.#jobs.values()];
    for (const job of jobs) job.cancel();
    await Promise.allSettled(jobs.map((job) => job.result));
    await this.#thread?.worker.terminate();
    await Promise.all(this.#ending);
    this.unref();
  }

  /** Ends the thread unless a job comes in time. */
  #watchIdle(): void {
    if (this.#jobs.size > 0 || this.#isClosed) return;
    this.#cancelIdle?.();
    this.#cancelIdle = systemClock.after(this.#options.idleMs ?? defaultIdleMs, () => {
      const thread = this.#thread;
      if (thread === undefined || this.#jobs.size > 0) return;
      this.#thread = undefined;
      const ending = thread.worker.terminate().finally(() => this.#ending.delete(ending));
      this.#ending.add(ending);
    });
  }

  #start(): Thread {
    const { port1: port, port2: workerPort } = new MessageChannel();
    const { name, niceness = 19 } = this.#options;
    const progress = sharedInts(1);
    const workerData: WorkerData = { port: workerPort, niceness, progress };
    let worker: Worker;
    try {
      // In one expression, the form that bundlers recognise.
      worker = new Worker(new URL('./worker-entry.js', import.meta.url), {
        name,
        workerData,
        transferList: [workerPort],
      });
    } catch (cause) {
      throw new LsmError('LSM_UNSUPPORTED', 'this host cannot start a worker thread', { cause });
    }
    const thread: Thread = { worker, port, progress, isReady: false };
    let reason: unknown;
    port.on('message', (message: WorkerMessage) => this.#receive(thread, message));
    worker.on('error', (error) => (reason = error));
    worker.on('exit', (code) => this.#bury(thread, code, reason));
    port.unref();
    if (this.#refs === 0) worker.unref();
    return thread;
  }

  #receive(thread: Thread, message: WorkerMessage): void {
    if (message.type === 'ready') {
      thread.isReady = true;
      this.#priorityError = message.priorityError;
      return;
    }
    const job = this.#jobs.get(message.id);
    this.#jobs.delete(message.id);
    if (message.type === 'done') job?.settle({ value: message.result });
    else job?.settle({ error: decodeError(message.error) });
    this.#watchIdle();
  }

  /** Takes the messages that are there without the event loop turning. */
  #drain(thread: Thread): void {
    for (;;) {
      const received: { message: WorkerMessage } | undefined = receiveMessageOnPort(thread.port);
      if (received === undefined) return;
      this.#receive(thread, received.message);
    }
  }

  /** The thread has ended: its jobs fail, and the next one starts another. */
  #bury(thread: Thread, code: number, reason: unknown): void {
    this.#drain(thread);
    thread.port.close();
    // An idle one had no jobs; those that are there belong to its successor.
    if (this.#thread !== thread) return;
    this.#thread = undefined;
    const said = reason instanceof Error ? `: ${reason.message}` : '';
    const error = thread.isReady
      ? new LsmError('LSM_ABORTED', `the worker ended with code ${code}${said}`, { cause: reason })
      : new LsmError('LSM_UNSUPPORTED', `the worker could not start${said}`, { cause: reason });
    for (const job of this.#jobs.values()) job.settle({ error });
    this.#jobs.clear();
  }
}

interface Thread {
  readonly worker: Worker;
  readonly port: MessagePort;
  readonly progress: Int32Array;
  /** It has loaded and takes jobs. */
  isReady: boolean;
}

type Outcome = { readonly value: JobResult } | { readonly error: unknown };

class WorkerJob implements RunningJob {
  readonly result: Promise<JobResult>;
  readonly shared = sharedInts(jobWords);
  readonly #progress: Int32Array;
  readonly #takeMessages: () => void;
  #outcome: Outcome | undefined;
  #resolve!: (result: JobResult) => void;
  #reject!: (error: unknown) => void;

  constructor(progress: Int32Array, takeMessages: () => void) {
    this.#progress = progress;
    this.#takeMessages = takeMessages;
    this.result = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    // A caller that finishes the job synchronously has the error from there.
    this.result.catch(() => undefined);
  }

  settle(outcome: Outcome): void {
    this.#outcome = outcome;
    if ('error' in outcome) this.#reject(outcome.error);
    else this.#resolve(outcome.value);
  }

  finishSync(): JobResult {
    let progress = Atomics.load(this.#progress, 0);
    while (this.#outcome === undefined) {
      const woken = Atomics.wait(this.shared, isDoneWord, 0, patienceMs);
      this.#takeMessages();
      if (this.#outcome !== undefined) break;
      if (woken !== 'timed-out') {
        throw new LsmError('LSM_ABORTED', 'the worker ended a job without an answer');
      }
      const before = progress;
      progress = Atomics.load(this.#progress, 0);
      if (progress === before) {
        throw new LsmError('LSM_BUSY', `the worker shows no progress for ${patienceMs / 1000} s`);
      }
    }
    const outcome: Outcome = this.#outcome;
    if ('error' in outcome) throw outcome.error;
    return outcome.value;
  }

  waitSync(timeoutMs: number): boolean {
    if (this.#outcome !== undefined) return true;
    return Atomics.wait(this.shared, isDoneWord, 0, timeoutMs) !== 'timed-out';
  }

  cancel(): void {
    Atomics.store(this.shared, isCancelledWord, 1);
  }
}
