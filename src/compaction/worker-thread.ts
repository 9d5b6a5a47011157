import {
  MessageChannel,
  receiveMessageOnPort,
  Worker,
  type MessagePort,
  type ResourceLimits,
} from 'node:worker_threads';
import { systemClock } from '../base/clock.js';
import { LsmError, systemErrorCode } from '../base/errors.js';
import { nodeFileSystem } from '../fs/node-file-system.js';
import { WorkerLost, type RunningJob } from './executor.js';
import { removeOutputs } from './job-outputs.js';
import type { JobResult, JobSettings } from './job-settings.js';
import {
  decodeError,
  hasEndedWord,
  isCancelledWord,
  isComputingWord,
  isDoneWord,
  jobWords,
  progressWord,
  sharedInts,
  threadWords,
  type JobMessage,
  type WorkerData,
  type WorkerMessage,
} from './messages.js';

/** How often a thread with a job is looked at. */
const defaultLookMs = 1000;

/**
 * A thread that has not got on since so many looks is given up: twenty seconds for
 * its start, ten in which it only had to compute, a minute for one call of the
 * operating system. Looks are counted, not time: that the process was stopped
 * meanwhile proves nothing.
 */
const patientLooks = { starting: 20, computing: 10, calling: 60 };

export interface WorkerThreadOptions {
  /** Shown by debuggers and profilers. */
  readonly name: string;
  /** Nice value of the thread, 0 to 19, on Linux. Default 19. */
  readonly niceness?: number;
  /** Of the thread's heap; none by default. */
  readonly resourceLimits?: ResourceLimits;
  /** See above. Default 1000. */
  readonly lookMs?: number;
}

interface ThreadEvents {
  /** It has answered its last job. */
  readonly onIdle: () => void;
  /** It takes no more jobs; it may not have ended yet. */
  readonly onLost: () => void;
}

/**
 * One thread and its jobs. When it ends before it has answered all of them, or
 * shows no sign of life, the others fail with `WorkerLost`.
 */
export class WorkerThread {
  /** Settles when the thread has ended and nothing is left of the jobs it has not answered. */
  readonly ended: Promise<void>;
  readonly #events: ThreadEvents;
  readonly #worker: Worker;
  readonly #port: MessagePort;
  readonly #words = sharedInts(threadWords);
  readonly #lookMs: number;
  readonly #jobs = new Map<number, WorkerJob>();
  #nextId = 1;
  #isReady = false;
  #onLoaded: () => void = () => undefined;
  readonly #loaded = new Promise<void>((resolve) => {
    this.#onLoaded = resolve;
  });
  #lost: LsmError | undefined;
  #seenProgress = 0;
  #silentLooks = 0;
  #cancelLook: (() => void) | undefined;
  priorityError: string | undefined;

  /** @throws LsmError `LSM_UNSUPPORTED` when the host cannot start a worker. */
  constructor(options: WorkerThreadOptions, events: ThreadEvents) {
    const { name, niceness = 19, resourceLimits, lookMs = defaultLookMs } = options;
    const { port1: port, port2: workerPort } = new MessageChannel();
    const workerData: WorkerData = { port: workerPort, niceness, words: this.#words };
    this.#events = events;
    this.#port = port;
    this.#lookMs = lookMs;
    try {
      // In one expression, the form that bundlers recognise.
      this.#worker = new Worker(new URL('./worker-entry.js', import.meta.url), {
        name,
        workerData,
        transferList: [workerPort],
        ...(resourceLimits !== undefined && { resourceLimits }),
      });
    } catch (cause) {
      port.close();
      throw new LsmError('LSM_UNSUPPORTED', 'this host cannot start a worker thread', { cause });
    }
    let reason: unknown;
    port.on('message', (message: WorkerMessage) => this.#receive(message));
    this.#worker.on('error', (error) => (reason = error));
    this.ended = new Promise((resolve) => {
      this.#worker.on('exit', (code) => void this.#bury(code, reason).then(resolve));
    });
    port.unref();
    this.#worker.unref();
  }

  get isIdle(): boolean {
    return this.#jobs.size === 0;
  }

  get jobs(): Iterable<RunningJob> {
    return this.#jobs.values();
  }

  /** Not on one that is lost. */
  run(settings: JobSettings): RunningJob {
    if (this.isIdle) this.#silentLooks = 0;
    const id = this.#nextId++;
    const job = new WorkerJob(this, settings);
    const message: JobMessage = { id, settings, shared: job.shared };
    this.#port.postMessage(message);
    this.#jobs.set(id, job);
    this.#cancelLook ??= systemClock.after(this.#lookMs, () => this.#lookAgain());
    return job;
  }

  ref(): void {
    this.#worker.ref();
  }

  unref(): void {
    this.#worker.unref();
  }

  /**
   * Settles as `ended`. Node leaves the files open that a thread was loading from
   * when it was terminated (seen with 20.20: some twenty of them): so it is let
   * load, as long as it may take to start.
   */
  async end(): Promise<void> {
    this.ref();
    if (!this.#isReady) {
      const isLate = new Promise<void>((resolve) => {
        const cancel = systemClock.after(patientLooks.starting * this.#lookMs, resolve);
        void this.ended.then(cancel);
      });
      await Promise.race([this.#loaded, this.ended, isLate]);
    }
    void this.#worker.terminate();
    await this.ended;
  }

  /** Waits until the job is answered, or a look is due; gives the thread up when it is lost. */
  waitSync(job: WorkerJob): void {
    if (this.#lost === undefined) {
      const isWoken = Atomics.wait(job.shared, isDoneWord, 0, this.#lookMs) !== 'timed-out';
      const hasEnded = Atomics.load(this.#words, hasEndedWord) === 1;
      this.#takeMessages();
      if (job.isSettled) return;
      // Its last words came before that.
      if (isWoken || hasEnded) this.#giveUp(new WorkerLost('the worker has ended', true));
      else this.#look();
    } else this.#failJobs(this.#lost);
  }

  /** Takes the messages that are there without the event loop turning. */
  #takeMessages(): void {
    for (;;) {
      const received: { message: WorkerMessage } | undefined = receiveMessageOnPort(this.#port);
      if (received === undefined) return;
      this.#receive(received.message);
    }
  }

  #receive(message: WorkerMessage): void {
    // The files of its jobs go when it ends, and they are run again elsewhere.
    if (this.#lost !== undefined) return;
    if (message.type === 'ready') {
      this.#isReady = true;
      this.#onLoaded();
      this.priorityError = message.priorityError;
      return;
    }
    const job = this.#jobs.get(message.id);
    this.#jobs.delete(message.id);
    if (message.type === 'done') job?.settle({ value: message.result });
    else job?.settle({ error: decodeError(message.error) });
    if (this.isIdle) this.#events.onIdle();
  }

  #lookAgain(): void {
    this.#cancelLook = undefined;
    if (this.isIdle || this.#lost !== undefined) return;
    this.#look();
    this.#cancelLook = systemClock.after(this.#lookMs, () => this.#lookAgain());
  }

  #look(): void {
    const progress = Atomics.load(this.#words, progressWord);
    this.#silentLooks = progress === this.#seenProgress ? this.#silentLooks + 1 : 0;
    this.#seenProgress = progress;
    const isComputing = Atomics.load(this.#words, isComputingWord) === 1;
    const doing = !this.#isReady ? 'starting' : isComputing ? 'computing' : 'calling';
    if (this.#silentLooks < patientLooks[doing]) return;
    const seconds = (patientLooks[doing] * this.#lookMs) / 1000;
    this.#giveUp(
      doing === 'starting'
        ? new LsmError('LSM_UNSUPPORTED', `the worker has not started for ${seconds} s`)
        : new WorkerLost(`the worker has shown no sign of life for ${seconds} s`, false),
    );
  }

  /** Its jobs are run elsewhere from now on, under other names: what it still does has no effect. */
  #giveUp(error: LsmError): void {
    this.#lose(error);
    this.#failJobs(error);
    void this.#worker.terminate();
    // Terminating takes a reference, and a call of the operating system may never return.
    this.#worker.unref();
  }

  /** The thread has ended: nothing touches the files of its jobs any more. */
  async #bury(code: number, reason: unknown): Promise<void> {
    this.#takeMessages();
    this.#port.close();
    this.#lose(lossOf(this.#isReady, code, reason));
    const removals = [...this.#jobs.values()].map(({ settings }) =>
      removeOutputs(nodeFileSystem, settings),
    );
    await Promise.all(removals);
    this.#failJobs(this.#lost!);
    this.#jobs.clear();
  }

  /** The first reason counts. */
  #lose(error: LsmError): void {
    if (this.#lost !== undefined) return;
    this.#lost = error;
    this.#cancelLook?.();
    this.#events.onLost();
  }

  #failJobs(error: LsmError): void {
    for (const job of this.#jobs.values()) job.settle({ error });
  }
}

function lossOf(isReady: boolean, code: number, reason: unknown): LsmError {
  const said = reason instanceof Error ? `: ${reason.message}` : '';
  if (systemErrorCode(reason) === 'ERR_WORKER_OUT_OF_MEMORY') {
    return new WorkerLost(`the worker ran out of memory${said}`, false, reason);
  }
  return isReady
    ? new WorkerLost(`the worker ended with code ${code}${said}`, true, reason)
    : new LsmError('LSM_UNSUPPORTED', `the worker could not start${said}`, { cause: reason });
}

type Outcome = { readonly value: JobResult } | { readonly error: unknown };

/** A job that a thread has been given. */
class WorkerJob implements RunningJob {
  readonly result: Promise<JobResult>;
  readonly settings: JobSettings;
  readonly shared = sharedInts(jobWords);
  readonly #thread: WorkerThread;
  #outcome: Outcome | undefined;
  #resolve!: (result: JobResult) => void;
  #reject!: (error: unknown) => void;

  constructor(thread: WorkerThread, settings: JobSettings) {
    this.#thread = thread;
    this.settings = settings;
    this.result = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    // A caller that finishes the job synchronously has the error from there.
    this.result.catch(() => undefined);
  }

  get isSettled(): boolean {
    return this.#outcome !== undefined;
  }

  /** The first outcome counts. */
  settle(outcome: Outcome): void {
    if (this.#outcome !== undefined) return;
    this.#outcome = outcome;
    if ('error' in outcome) this.#reject(outcome.error);
    else this.#resolve(outcome.value);
  }

  finishSync(): JobResult {
    while (this.#outcome === undefined) this.#thread.waitSync(this);
    const outcome: Outcome = this.#outcome;
    if ('error' in outcome) throw outcome.error;
    return outcome.value;
  }

  waitSync(timeoutMs: number): boolean {
    if (this.isSettled) return true;
    return Atomics.wait(this.shared, isDoneWord, 0, timeoutMs) !== 'timed-out';
  }

  cancel(): void {
    Atomics.store(this.shared, isCancelledWord, 1);
  }
}
