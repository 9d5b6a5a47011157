import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate, setTimeout } from 'node:timers/promises';
import type { Worker } from 'node:worker_threads';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { tableName } from '../../src/base/file-names.js';
import type { ExecutorPool } from '../../src/compaction/executor-pool.js';
import type { CompactionSettings } from '../../src/compaction/job-settings.js';
import { nodeFileSystem } from '../../src/fs/node-file-system.js';
import { loadCodecs } from '../../src/sstable/codecs.js';
import { importBuiltExecutors } from './dist.js';
import { compactionOf, namesFrom, writeTable } from './tables.js';
import { contentOf, entries, longSettings, shortSettings, shown } from './worker-jobs.js';

let newPool: (size: number) => ExecutorPool;
let pool: ExecutorPool;
let folder: string;
/** The workers that were started, in order. */
const workers: Worker[] = [];

beforeAll(async () => {
  await loadCodecs();
  const { ExecutorPool, WorkerExecutor } = await importBuiltExecutors();
  newPool = (size) =>
    new ExecutorPool(() => new WorkerExecutor({ name: 'test', niceness: 0 }), size);
  process.on('worker', (worker) => workers.push(worker));
});

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'nori-pool-'));
  workers.length = 0;
  pool = newPool(2);
});

afterEach(async () => {
  await pool.close();
  rmSync(folder, { recursive: true });
});

/** A thousandth of a long job. */
function tinySettings(first: number): CompactionSettings {
  const meta = writeTable(nodeFileSystem, first + 10, entries.slice(0, 60), 1, folder);
  return compactionOf([[meta]], { directory: folder, outputs: namesFrom(first, 2) });
}

/** Before any of them runs: making settings writes the input anew. */
function each(
  firsts: readonly number[],
  make: (folder: string, first: number) => CompactionSettings,
): CompactionSettings[] {
  return firsts.map((first) => make(folder, first));
}

describe('a pool of workers', () => {
  it('ends a short job while a long one runs', async () => {
    const warming = each([100, 200], shortSettings).map((settings) => pool.run(settings));
    await Promise.all(warming.map((job) => job.result));
    const [longJob, tinyJobs] = [longSettings(folder, 300), [400, 500].map(tinySettings)];
    const long = pool.run(longJob);
    let isLongDone = false;
    const settled = (): void => {
      isLongDone = true;
    };
    long.result.then(settled, settled);
    // The idle thread takes both; behind the long job they would not end.
    for (const settings of tinyJobs)
      expect((await pool.run(settings).result).tables.length).toBe(1);
    expect(isLongDone).toBe(false);
    expect(workers.length).toBe(2);
    long.cancel();
    await expect(long.result).rejects.toMatchObject({ code: 'LSM_ABORTED' });
  });

  it('starts no second thread for jobs that come one after the other', async () => {
    pool.prepare();
    for (const first of [100, 200, 300]) await pool.run(shortSettings(folder, first)).result;
    expect(workers.length).toBe(1);
  });

  it('answers a synchronous caller for any of its jobs', () => {
    const jobs = each([100, 200, 300], shortSettings).map((settings) => pool.run(settings));
    for (const job of [jobs[2], jobs[0], jobs[1]]) {
      expect(contentOf(folder, job.finishSync().tables)).toEqual(shown);
    }
  });

  it('loses with a dead worker only the job of that worker', async () => {
    const [first, second] = each([100, 200], shortSettings).map((settings) => pool.run(settings));
    await Promise.all([first.result, second.result]);
    const keptSettings = shortSettings(folder, 400);
    const lost = pool.run(longSettings(folder, 300));
    const kept = pool.run(keptSettings);
    await setImmediate();
    expect(workers.length).toBe(2);
    await workers[0].terminate();
    await expect(lost.result).rejects.toMatchObject({ code: 'LSM_ABORTED' });
    expect(contentOf(folder, (await kept.result).tables)).toEqual(shown);
    const after = await pool.run(shortSettings(folder, 500)).result;
    expect(contentOf(folder, after.tables)).toEqual(shown);
  });

  it('cancels all jobs on close, ends all threads and leaves no output', async () => {
    const jobs = each([100, 200, 300], longSettings).map((settings) => pool.run(settings));
    for (const first of [100, 200]) {
      while (!existsSync(join(folder, tableName(first)))) await setTimeout(2);
    }
    expect(workers.length).toBe(2);
    const ended = workers.map((worker) => once(worker, 'exit'));
    await pool.close();
    await Promise.all(ended);
    for (const { result } of jobs) {
      await expect(result).rejects.toMatchObject({ code: 'LSM_ABORTED' });
    }
    // The input alone.
    expect(readdirSync(folder)).toEqual(['000002.sst']);
    expect(() => pool.run(shortSettings(folder, 400))).toThrow('closed');
  });
});
