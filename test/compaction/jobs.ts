import type { Entry } from '../../src/base/entry.js';
import { isLsmError } from '../../src/base/errors.js';
import { runSync } from '../../src/base/task.js';
import { runJob, type JobControl } from '../../src/compaction/job.js';
import type { JobResult, JobSettings } from '../../src/compaction/job-settings.js';
import type { FileSystem } from '../../src/fs/file-system.js';
import { MemoryFileSystem } from '../../src/fs/memory-file-system.js';
import { VisibleIterator } from '../../src/iterator/visible-iterator.js';
import { ArrayCursor, compareEntries, drain, show } from './cursors.js';
import { componentsOf, directory, readTable } from './tables.js';

export const never: JobControl = { isCancelled: () => false };

export async function newDisk(): Promise<MemoryFileSystem> {
  const fs = new MemoryFileSystem();
  await fs.makeDirectory(directory);
  return fs;
}

export function run(fs: FileSystem, settings: JobSettings, control = never): JobResult {
  return runSync(runJob(settings, componentsOf(fs), control));
}

export function codeOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    return isLsmError(error) ? error.code : String(error);
  }
  return 'no error';
}

/** What the outputs hold, in order. */
export function contentOf(fs: FileSystem, result: JobResult): string[] {
  return result.tables.flatMap((meta) => readTable(fs, meta)).map(show);
}

/** What a reader at `seq` sees of these entries, which come in any order. */
export function readAt(entries: readonly Entry[], seq: number): string[] {
  const sorted = [...entries].sort(compareEntries);
  return drain(new VisibleIterator(new ArrayCursor(sorted), { seq })).map(show);
}

/** The file system with some calls replaced. */
export function changed(fs: MemoryFileSystem, calls: Partial<FileSystem>): FileSystem {
  return new Proxy(fs, {
    get(target, name) {
      if (name in calls) return calls[name as keyof FileSystem];
      const value: unknown = Reflect.get(target, name);
      return typeof value === 'function' ? (value as () => unknown).bind(target) : value;
    },
  });
}
