import { beforeAll, describe, expect, it } from 'vitest';
import type { File, FileSystem } from '../fs/file-system.js';
import { MemoryFileSystem } from '../fs/memory-file-system.js';
import { loadCodecs } from '../sstable/codecs.js';
import { manyEntries, show } from '../../test/compaction/cursors.js';
import { changed } from '../../test/compaction/jobs.js';
import {
  compactionOf,
  componentsOf,
  directory,
  namesFrom,
  readTable,
  writeTable,
} from '../../test/compaction/tables.js';
import { InlineExecutor } from './inline-executor.js';
import type { CompactionSettings } from './job-settings.js';

const entries = manyEntries(9000);

const unexpected = (error: unknown): void => {
  throw error;
};

beforeAll(() => loadCodecs());

async function prepare(): Promise<{ fs: MemoryFileSystem; settings: CompactionSettings }> {
  const fs = new MemoryFileSystem();
  await fs.makeDirectory(directory);
  const meta = writeTable(fs, 1, entries);
  return { fs, settings: compactionOf([[meta]], { targetTableBytes: 50_000 }) };
}

function turns(count: number): Promise<void> {
  return new Promise((resolve) => {
    const turn = (left: number): unknown => (left === 0 ? resolve() : setImmediate(turn, left - 1));
    turn(count);
  });
}

describe('InlineExecutor', () => {
  it('runs jobs beside each other while the event loop turns', async () => {
    const { fs, settings } = await prepare();
    const executor = new InlineExecutor(componentsOf(fs), unexpected);
    const jobs = [
      executor.run(settings),
      executor.run({ ...settings, outputs: namesFrom(5000, 50) }),
    ];
    for (const { result } of jobs) {
      const { tables } = await result;
      expect(tables.flatMap((meta) => readTable(fs, meta)).map(show)).toEqual(entries.map(show));
    }
    await executor.close();
  });

  it('lets a synchronous caller take over at any point', async () => {
    for (const begun of [0, 1, 2, 3, 5, 8]) {
      const { fs, settings } = await prepare();
      const executor = new InlineExecutor(componentsOf(fs), unexpected);
      const job = executor.run(settings);
      await turns(begun);
      const { tables } = job.finishSync();
      expect(tables.flatMap((meta) => readTable(fs, meta)).map(show)).toEqual(entries.map(show));
      expect((await job.result).tables).toEqual(tables);
      await executor.close();
      // What the thread pool still had in its hands has spoilt nothing.
      expect(tables.flatMap((meta) => readTable(fs, meta)).map(show)).toEqual(entries.map(show));
      expect(fs.snapshotFiles().size).toBe(1 + tables.length);
    }
  });

  it('ends a cancelled job with LSM_ABORTED and without a file', async () => {
    const { fs, settings } = await prepare();
    const executor = new InlineExecutor(componentsOf(fs), unexpected);
    const job = executor.run(settings);
    await turns(2);
    job.cancel();
    await expect(job.result).rejects.toMatchObject({ code: 'LSM_ABORTED' });
    expect(() => job.finishSync()).toThrow('cancelled');
    expect(fs.snapshotFiles().size).toBe(1);
  });

  it('cancels on close, and takes no job afterwards', async () => {
    const { fs, settings } = await prepare();
    const executor = new InlineExecutor(componentsOf(fs), unexpected);
    const job = executor.run(settings);
    await executor.close();
    await expect(job.result).rejects.toMatchObject({ code: 'LSM_ABORTED' });
    expect(() => executor.run(settings)).toThrow('closed');
  });

  it('goes on when a synchronous caller is refused for want of synchronous calls', async () => {
    const { fs, settings } = await prepare();
    const withoutSync = MemoryFileSystem.from(fs.snapshotFiles(), { sync: false });
    const executor = new InlineExecutor(componentsOf(withoutSync), unexpected);
    const job = executor.run(settings);
    expect(() => job.finishSync()).toThrow('no synchronous calls');
    expect((await job.result).counters.entriesOut).toBe(entries.length);
    expect(job.finishSync()).toBe(await job.result);
  });

  it('reports a sync that failed in the thread pool after a synchronous caller had repeated it', async () => {
    const { fs, settings } = await prepare();
    let failSync: ((error: Error) => void) | undefined;
    const stuck = interceptFiles(fs, (file) => {
      file.sync = () =>
        new Promise((_, reject) => {
          failSync = reject;
        });
    });
    const late: unknown[] = [];
    const executor = new InlineExecutor(componentsOf(stuck), (error) => late.push(error));
    const job = executor.run(settings);
    while (failSync === undefined) await turns(1);
    expect(job.finishSync().tables.length).toBeGreaterThan(1);
    expect(late).toEqual([]);
    failSync(Object.assign(new Error('EIO: lost pages'), { code: 'EIO' }));
    await executor.close();
    expect(late).toMatchObject([{ code: 'EIO' }]);
  });
});

/** Changes each file that is created. */
function interceptFiles(fs: MemoryFileSystem, change: (file: File) => void): FileSystem {
  return changed(fs, {
    create: async (path) => {
      const file = await fs.create(path);
      change(file);
      return file;
    },
  });
}
