import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate, setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Worker } from 'node:worker_threads';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { tableName } from '../../src/base/file-names.js';
import type { CompactionSettings } from '../../src/compaction/job-settings.js';
import type { WorkerExecutor } from '../../src/compaction/worker-executor.js';
import { loadCodecs } from '../../src/sstable/codecs.js';
import { importBuiltExecutors } from './dist.js';
import { flushOf, freeze, namesFrom } from './tables.js';
import { contentOf, entries, longSettings, shortSettings, shown } from './worker-jobs.js';

let newExecutor: (niceness: number, idleMs?: number) => WorkerExecutor;
let executor: WorkerExecutor;
let folder: string;
/** The workers that were started, newest last. */
const workers: Worker[] = [];

beforeAll(async () => {
  await loadCodecs();
  const built = await importBuiltExecutors();
  newExecutor = (niceness, idleMs) =>
    new built.WorkerExecutor({ name: 'test', niceness, ...(idleMs !== undefined && { idleMs }) });
  process.on('worker', (worker) => workers.push(worker));
});

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'nori-worker-'));
  workers.length = 0;
  // As the main thread: a busy machine would starve a nice one.
  executor = newExecutor(0);
});

afterEach(async () => {
  await executor.close();
  rmSync(folder, { recursive: true });
});

function settingsFor(first: number, change: Partial<CompactionSettings> = {}): CompactionSettings {
  return shortSettings(folder, first, change);
}

/** The thread that runs now; it is announced in the turn after its start. */
async function announcedWorker(): Promise<Worker> {
  await setImmediate();
  return workers[workers.length - 1];
}

describe('an idle thread', () => {
  it('ends, and the next job starts another', async () => {
    executor = newExecutor(0, 1);
    await executor.run(settingsFor(100)).result;
    const first = await announcedWorker();
    await once(first, 'exit');
    await executor.run(settingsFor(200)).result;
    expect(workers).toHaveLength(2);
    await once(workers[1], 'exit');
  });

  it('does not take the jobs of its successor along', async () => {
    executor = newExecutor(0, 0);
    for (let i = 1; i <= 5; i++) {
      await executor.run(settingsFor(100 * i)).result;
      // The idle thread has been told to end, and has not ended yet.
      while (workers.length < i) await setImmediate();
      await setTimeout(2);
    }
  });

  it('that was only prepared ends too', async () => {
    executor = newExecutor(0, 1);
    executor.prepare();
    await once(await announcedWorker(), 'exit');
  });
});

describe('WorkerExecutor', () => {
  it('carries out jobs in one thread, started by the first of them', async () => {
    expect(workers.length).toBe(0);
    const jobs = [
      executor.run(settingsFor(100)),
      executor.run(settingsFor(200)),
      executor.run(flushOf(freeze(entries), { directory: folder, outputs: namesFrom(300, 1) })),
    ];
    for (const { result } of jobs)
      expect(contentOf(folder, [...(await result).tables])).toEqual(shown);
    expect(workers.length).toBe(1);
  });

  it('answers a synchronous caller that stops the event loop, jobs before it included', async () => {
    const first = executor.run(settingsFor(100));
    const second = executor.run(settingsFor(200));
    const { tables } = second.finishSync();
    expect(contentOf(folder, [...tables])).toEqual(shown);
    expect(contentOf(folder, [...first.finishSync().tables])).toEqual(shown);
    expect((await second.result).tables).toEqual(tables);
    // And also when the answer has come already.
    expect(second.finishSync().tables).toEqual(tables);
  });

  it('hands errors over with code, file, offset and cause', async () => {
    const settings = settingsFor(100);
    const path = join(folder, tableName(1));
    const bytes = readFileSync(path);
    bytes[3000] ^= 1;
    writeFileSync(path, bytes);
    const job = executor.run(settings);
    await expect(job.result).rejects.toMatchObject({
      name: 'LsmError',
      code: 'LSM_CORRUPTION',
      file: path,
      offset: expect.any(Number),
    });
    rmSync(path);
    await expect(executor.run(settings).result).rejects.toMatchObject({
      code: 'LSM_CORRUPTION',
      cause: { message: expect.stringContaining('ENOENT') },
    });
    expect(() => executor.run({ ...settings, directory: `${folder}/none` }).finishSync()).toThrow();
    // The thread lives on.
    expect((await executor.run(settingsFor(400)).result).tables.length).toBeGreaterThan(0);
    expect(workers.length).toBe(1);
    expect(readdirSync(folder).filter((name) => name.startsWith('0001')).length).toBe(0);
  });

  it('cancels a job that runs and one that waits', async () => {
    const running = executor.run(longSettings(folder, 100));
    const waiting = executor.run(settingsFor(200));
    running.cancel();
    waiting.cancel();
    await expect(running.result).rejects.toMatchObject({ code: 'LSM_ABORTED' });
    await expect(waiting.result).rejects.toMatchObject({ code: 'LSM_ABORTED' });
    const after = await executor.run(settingsFor(300)).result;
    expect(contentOf(folder, [...after.tables])).toEqual(shown);
  });

  it('has removed what a cancelled job wrote when it says so', async () => {
    for (const first of [100, 200, 300]) {
      const job = executor.run(longSettings(folder, first));
      while (!existsSync(join(folder, tableName(first)))) await setTimeout(2);
      job.cancel();
      await expect(job.result).rejects.toMatchObject({ code: 'LSM_ABORTED' });
      expect(readdirSync(folder)).toEqual([tableName(2)]);
    }
  });

  it('fails the jobs of a thread that died, and starts another for the next one', async () => {
    await executor.run(settingsFor(400)).result;
    const jobs = [executor.run(longSettings(folder, 100)), executor.run(settingsFor(200))];
    await (await announcedWorker()).terminate();
    for (const { result } of jobs) {
      await expect(result).rejects.toMatchObject({ code: 'LSM_ABORTED' });
    }
    expect(() => jobs[0].finishSync()).toThrow('the worker ended');
    const { tables } = await executor.run(settingsFor(300)).result;
    expect(contentOf(folder, [...tables])).toEqual(shown);
    expect(workers.length).toBe(2);
  });

  it('says so when the thread cannot start', async () => {
    const job = executor.run(settingsFor(100));
    await (await announcedWorker()).terminate();
    await expect(job.result).rejects.toMatchObject({ code: 'LSM_UNSUPPORTED' });
  });

  it('cancels on close, ends the thread and takes no job afterwards', async () => {
    const job = executor.run(longSettings(folder, 100));
    const worker = await announcedWorker();
    const ended = once(worker, 'exit');
    await executor.close();
    await ended;
    await expect(job.result).rejects.toMatchObject({ code: 'LSM_ABORTED' });
    expect(() => executor.run(settingsFor(200))).toThrow('closed');
  });

  it('gives way to other threads on Linux, and says so when it could not', async () => {
    const nicest = newExecutor(19);
    await nicest.run(settingsFor(100)).result;
    expect(nicest.priorityError).toBe(undefined);
    if (process.platform === 'linux') {
      const nice = (thread: string): string =>
        readFileSync(`/proc/self/task/${thread}/stat`, 'utf8').replace(/.*\) /, '').split(' ')[16];
      const values = readdirSync('/proc/self/task').map(nice);
      expect(values.filter((value) => value === '19').length).toBe(1);
    }
    await nicest.close();
    const odd = newExecutor(1000);
    await odd.run(settingsFor(500)).result;
    expect(odd.priorityError).toMatch(/priority/i);
    await odd.close();
  });

  it('keeps the process alive only while somebody awaits', () => {
    const script = fileURLToPath(new URL('./worker-lifetime.mjs', import.meta.url));
    const run = (mode: string): string => {
      const settings = settingsFor(mode === 'ref' ? 600 : 700);
      return execFileSync(process.execPath, [script, mode, JSON.stringify(encode(settings))], {
        encoding: 'utf8',
        timeout: 30_000,
      });
    };
    expect(run('ref')).toBe('done\nleft over\n');
    expect(run('no-ref')).toBe('left over\n');
  });
});

/** Settings as JSON can hold them; the script turns the arrays back into bytes. */
function encode(settings: CompactionSettings): unknown {
  return JSON.parse(
    JSON.stringify(settings, (_, value: unknown) =>
      value instanceof Uint8Array ? { bytes: [...value] } : value,
    ),
  );
}
