import { assert } from '../base/assert.js';
import { LsmError } from '../base/errors.js';
import type { CompactionExecutor, RunningJob } from './executor.js';
import type { JobSettings } from './job-settings.js';

interface Member {
  readonly executor: CompactionExecutor;
  /** Jobs that it has not settled yet. */
  jobs: number;
}

/**
 * Runs several jobs at once, each on an executor of its own: a worker that dies
 * fails its own job alone. Executors are made when a job finds none idle; once
 * `size` of them are busy, a job waits behind the shortest queue.
 */
export class ExecutorPool implements CompactionExecutor {
  readonly kind: 'worker' | 'inline';
  readonly #makeExecutor: () => CompactionExecutor;
  readonly #size: number;
  /** Oldest first: the first idle one takes the job, so that few threads are started. */
  readonly #members: Member[] = [];
  #refs = 0;
  #isClosed = false;

  /** `makeExecutor` starts no thread; all executors are of one kind. `size` is at least 1. */
  constructor(makeExecutor: () => CompactionExecutor, size: number) {
    assert(Number.isSafeInteger(size) && size >= 1, 'a pool of at least one executor');
    this.#makeExecutor = makeExecutor;
    this.#size = size;
    this.kind = this.#add().executor.kind;
  }

  run(settings: JobSettings): RunningJob {
    if (this.#isClosed) throw new LsmError('LSM_CLOSED', 'the executor is closed');
    const member = this.#choose();
    const job = member.executor.run(settings);
    member.jobs++;
    const settled = (): void => {
      member.jobs--;
    };
    job.result.then(settled, settled);
    return job;
  }

  /** Takes what the first job needs; further threads start with the jobs that need them. */
  prepare(): void {
    if (!this.#isClosed) this.#members[0].executor.prepare();
  }

  ref(): void {
    if (this.#refs++ > 0) return;
    for (const { executor } of this.#members) executor.ref();
  }

  unref(): void {
    if (--this.#refs > 0) return;
    for (const { executor } of this.#members) executor.unref();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all(this.#members.map(({ executor }) => executor.close()));
  }

  #choose(): Member {
    let best = this.#members[0];
    for (const member of this.#members) if (member.jobs < best.jobs) best = member;
    return best.jobs > 0 && this.#members.length < this.#size ? this.#add() : best;
  }

  #add(): Member {
    const member: Member = { executor: this.#makeExecutor(), jobs: 0 };
    this.#members.push(member);
    if (this.#refs > 0) member.executor.ref();
    return member;
  }
}
