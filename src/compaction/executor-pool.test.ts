import { beforeAll, describe, expect, it } from 'vitest';
import { LsmError } from '../base/errors.js';
import { MemoryFileSystem } from '../fs/memory-file-system.js';
import { loadCodecs } from '../sstable/codecs.js';
import { manyEntries, show } from '../../test/compaction/cursors.js';
import {
  compactionOf,
  componentsOf,
  directory,
  namesFrom,
  readTable,
  writeTable,
} from '../../test/compaction/tables.js';
import type { CompactionExecutor, RunningJob } from './executor.js';
import { ExecutorPool } from './executor-pool.js';
import { InlineExecutor } from './inline-executor.js';
import type { JobResult, JobSettings } from './job-settings.js';

beforeAll(() => loadCodecs());

const settings = compactionOf([]);

/** Executors that note what is asked of them; jobs end when the test says so. */
class Manual {
  readonly log: string[] = [];
  readonly ends: ((error?: Error) => void)[] = [];
  #made = 0;

  readonly make = (): CompactionExecutor => {
    const name = `e${++this.#made}`;
    const note = (what: string): void => void this.log.push(`${name} ${what}`);
    return {
      kind: 'inline',
      run: (job: JobSettings): RunningJob => {
        note(`runs ${job.outputs[0].fileNumber}`);
        const result = new Promise<JobResult>((resolve, reject) => {
          this.ends.push((error) =>
            error === undefined ? resolve({} as JobResult) : reject(error),
          );
        });
        return {
          result,
          finishSync: () => ({}) as JobResult,
          waitSync: () => true,
          cancel: () => note('cancels'),
        };
      },
      prepare: () => note('prepares'),
      ref: () => note('ref'),
      unref: () => note('unref'),
      close: () => Promise.resolve(note('closes')),
    };
  };

  /** What was asked since the last look. */
  look(): string[] {
    return this.log.splice(0);
  }
}

function numbered(fileNumber: number): JobSettings {
  return { ...settings, outputs: namesFrom(fileNumber, 1) };
}

describe('ExecutorPool', () => {
  it('makes an executor when none is idle, up to its size, and then queues where least waits', async () => {
    const manual = new Manual();
    const pool = new ExecutorPool(manual.make, 2);
    const jobs = [1, 2, 3, 4].map((number) => pool.run(numbered(number)));
    expect(manual.look()).toEqual(['e1 runs 1', 'e2 runs 2', 'e1 runs 3', 'e2 runs 4']);
    for (const end of [1, 3]) manual.ends[end]();
    await Promise.all([jobs[1].result, jobs[3].result]);
    pool.run(numbered(5));
    expect(manual.look()).toEqual(['e2 runs 5']);
  });

  it('prefers the oldest idle one, also after a job failed', async () => {
    const manual = new Manual();
    const pool = new ExecutorPool(manual.make, 3);
    const jobs = [1, 2].map((number) => pool.run(numbered(number)));
    manual.ends[0](new LsmError('LSM_ABORTED', 'died'));
    manual.ends[1]();
    await Promise.allSettled(jobs.map((job) => job.result));
    pool.run(numbered(3));
    expect(manual.look()).toEqual(['e1 runs 1', 'e2 runs 2', 'e1 runs 3']);
  });

  it('prepares one only, and takes references of all, those made later included', () => {
    const manual = new Manual();
    const pool = new ExecutorPool(manual.make, 2);
    pool.prepare();
    pool.run(numbered(1));
    pool.ref();
    pool.ref();
    pool.run(numbered(2));
    pool.unref();
    pool.unref();
    expect(manual.look()).toEqual([
      'e1 prepares',
      'e1 runs 1',
      'e1 ref',
      'e2 ref',
      'e2 runs 2',
      'e1 unref',
      'e2 unref',
    ]);
  });

  it('closes all and takes no job afterwards', async () => {
    const manual = new Manual();
    const pool = new ExecutorPool(manual.make, 2);
    pool.run(numbered(1));
    pool.run(numbered(2));
    manual.look();
    await pool.close();
    expect(manual.look()).toEqual(['e1 closes', 'e2 closes']);
    expect(() => pool.run(numbered(3))).toThrow('closed');
    pool.prepare();
    expect(manual.look()).toEqual([]);
  });

  it('carries out jobs in this thread, whichever of them is finished synchronously', async () => {
    const fs = new MemoryFileSystem();
    await fs.makeDirectory(directory);
    const entries = manyEntries(9000);
    const meta = writeTable(fs, 1, entries);
    const pool = new ExecutorPool(
      () =>
        new InlineExecutor(componentsOf(fs), (error) => {
          throw error;
        }),
      2,
    );
    expect(pool.kind).toBe('inline');
    const jobs = [100, 200, 300].map((first) =>
      pool.run(compactionOf([[meta]], { targetTableBytes: 50_000, outputs: namesFrom(first, 50) })),
    );
    for (const job of [jobs[1], jobs[2], jobs[0]]) {
      const { tables } = job.finishSync();
      expect(tables.flatMap((table) => readTable(fs, table)).map(show)).toEqual(entries.map(show));
    }
    const left = pool.run(compactionOf([[meta]], { outputs: namesFrom(400, 50) }));
    const files = fs.snapshotFiles().size;
    await pool.close();
    await expect(left.result).rejects.toMatchObject({ code: 'LSM_ABORTED' });
    expect(fs.snapshotFiles().size).toBe(files);
  });
});
