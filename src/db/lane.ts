import { AssertionFailure } from '../base/assert.js';
import type { LsmError } from '../base/errors.js';
import { Task, type Steps } from '../base/task.js';
import type { Core } from './core.js';

/** What the scheduler hears of background work, once who does it has drawn its own conclusions. */
export interface LaneEvents {
  /** What has failed may be tried again. */
  readonly onDue: () => void;
  /** More may be due. */
  readonly onEnded: () => void;
  /** It will be tried again, or is never going to succeed. */
  readonly onFailed: (error: LsmError) => void;
}

/**
 * Tells listeners of a task. It is called when the task is over and everything
 * about it is settled: a listener may write, and so come to wait for the next task.
 */
export type Announcement = () => void;

export const nothingToTell: Announcement = () => undefined;

/**
 * One kind of background work, one task at a time. The end of a task is handled
 * once: when its promise settles, or by the synchronous caller who finished it.
 */
export class Lane {
  readonly #core: Core;
  readonly #onEnded: () => void;
  readonly #onFailed: (error: unknown) => void;
  #task: Task<Announcement> | undefined;

  constructor(core: Core, onEnded: () => void, onFailed: (error: unknown) => void) {
    this.#core = core;
    this.#onEnded = onEnded;
    this.#onFailed = onFailed;
  }

  get isBusy(): boolean {
    return this.#task !== undefined;
  }

  start(steps: Steps<Announcement>): void {
    const task = new Task(steps, (error) => this.#core.fail('log', error));
    this.#task = task;
    task.promise.then(
      (announce) => this.#end(task, () => this.#ended(announce)),
      (error: unknown) => this.#end(task, () => this.#onFailed(error)),
    );
  }

  /** Does the rest of the task, if there is one, before it returns. @throws what the task throws */
  finishSync(): void {
    const task = this.#task;
    if (task === undefined) return;
    let announce: Announcement;
    try {
      announce = task.finishSync();
    } catch (error) {
      this.#end(task, () => this.#onFailed(error));
      throw this.#core.failure ?? error;
    }
    this.#end(task, () => this.#ended(announce));
  }

  /**
   * As `finishSync`, for somebody who does not need it to have gone well: the lane
   * has handled a failure by then.
   */
  finishSyncQuietly(): void {
    try {
      this.finishSync();
    } catch (error) {
      if (error instanceof AssertionFailure) throw error;
    }
  }

  /** Settles when the task is over, however it ends. */
  async settle(): Promise<void> {
    await this.#task?.promise.catch(() => undefined);
  }

  #ended(announce: Announcement): void {
    this.#onEnded();
    announce();
  }

  #end(task: Task<Announcement>, handle: () => void): void {
    if (this.#task !== task) return;
    this.#task = undefined;
    handle();
  }
}
