import {
  WorkerLost,
  type CompactionExecutor,
  type RunningJob,
} from '../../src/compaction/executor.js';
import { InlineExecutor } from '../../src/compaction/inline-executor.js';
import { systemClock } from '../../src/base/clock.js';
import { LsmError } from '../../src/base/errors.js';
import type { JobResult, JobSettings } from '../../src/compaction/job-settings.js';
import { nodeFileSystem } from '../../src/fs/node-file-system.js';

/** What becomes of a job: it is done, its worker dies, runs out of memory, or does not start. */
export type Fate = 'done' | 'dies' | 'out of memory' | 'no start';

/** What a test says about the workers of the database that it opens, and learns about their jobs. */
export const script = {
  /** By kind of job: of the next ones, in order. Those after them share the last fate. */
  flush: [] as Fate[],
  compaction: [] as Fate[],
  /** File numbers that each job was given. */
  names: [] as number[][],
};

function fateOf(kind: 'flush' | 'compaction'): Fate {
  const fates = script[kind];
  return (fates.length > 1 ? fates.shift() : fates.at(0)) ?? 'done';
}

/** Stands in for `WorkerExecutor`: jobs run in this thread and meet the fates of the script. */
export class ScriptedExecutor implements CompactionExecutor {
  readonly kind = 'worker';
  readonly #inner = new InlineExecutor({ fs: nodeFileSystem, clock: systemClock }, (error) => {
    throw error;
  });

  run(settings: JobSettings): RunningJob {
    script.names.push(settings.outputs.map(({ fileNumber }) => fileNumber));
    const fate = fateOf(settings.kind);
    if (fate === 'done') return this.#inner.run(settings);
    const error = errorOf(fate);
    const result = Promise.reject<JobResult>(error);
    result.catch(() => undefined);
    return {
      result,
      finishSync: () => {
        throw error;
      },
      waitSync: () => true,
      cancel: () => undefined,
    };
  }

  prepare(): void {
    // Nothing to start.
  }

  ref(): void {
    // No thread.
  }

  unref(): void {
    // No thread.
  }

  close(): Promise<void> {
    return this.#inner.close();
  }
}

function errorOf(fate: Exclude<Fate, 'done'>): Error {
  if (fate === 'no start') return new LsmError('LSM_UNSUPPORTED', 'the worker could not start');
  if (fate === 'dies') return new WorkerLost('the worker ended with code 1', true);
  const cause = Object.assign(new Error('the heap is full'), {
    code: 'ERR_WORKER_OUT_OF_MEMORY',
  });
  return new WorkerLost('the worker ran out of memory: the heap is full', false, cause);
}
