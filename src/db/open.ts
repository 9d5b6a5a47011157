import { invalidArgument, LsmError, toLsmError } from '../base/errors.js';
import { randomFileId } from '../base/prng.js';
import { runAsync } from '../base/task.js';
import { ExecutorPool } from '../compaction/executor-pool.js';
import { InlineExecutor } from '../compaction/inline-executor.js';
import { canUseWorkers, WorkerExecutor } from '../compaction/worker-executor.js';
import type { DirectoryLock } from '../fs/file-system.js';
import { VersionSet } from '../manifest/version-set.js';
import { loadCodecs } from '../sstable/codecs.js';
import { Background } from './background.js';
import type { Core } from './core.js';
import { makeCore, makeScanList, type DatabaseParts } from './database-parts.js';
import { absolutePath, prepareDirectory } from './directory.js';
import { onProcessExit } from './exit-hook.js';
import { compactionSlots, Jobs, type Executors } from './jobs.js';
import { openReadOnly } from './open-read-only.js';
import { resolveOptions, type OpenOptions, type ResolvedOptions } from './options.js';
import { recoverForWriting } from './recovery.js';
import { WritePath } from './write-path.js';

/**
 * Opens or makes the database in a directory and brings back what the last
 * session had acknowledged. On any error everything is let go again.
 */
export async function openParts(given: string, options: OpenOptions): Promise<DatabaseParts> {
  if (typeof given !== 'string' || given === '') {
    throw invalidArgument('open takes the path of a directory as a non-empty string');
  }
  const resolved = resolveOptions(options);
  const { settings, components } = resolved;
  const { fs } = components;
  const path = absolutePath(fs, given);
  try {
    await loadCodecs();
  } catch (error) {
    throw toLsmError(error, 'loading the codecs failed', path);
  }
  const isNewDirectory = await prepareDirectory(fs, path, settings);
  if (settings.readOnly) return openReadOnly(path, resolved);
  let lock: DirectoryLock | undefined;
  const sinceMs = components.clock.monotonicMs();
  try {
    lock = await fs.lockDirectory(path, {
      timeoutMs: settings.lockTimeoutMs,
      overrideForeignOwner: settings.overrideForeignOwner,
    });
    const waitedMs = components.clock.monotonicMs() - sinceMs;
    return await openLocked(path, resolved, lock, waitedMs);
  } catch (error) {
    // What led here is the error to report; the lock of a process that ends is free.
    await lock?.release().catch(() => undefined);
    if (isNewDirectory) await fs.removeDirectory(path).catch(() => undefined);
    throw toLsmError(error, `opening the database ${path} failed`, path);
  }
}

async function openLocked(
  path: string,
  resolved: ResolvedOptions,
  lock: DirectoryLock,
  waitedMs: number,
): Promise<DatabaseParts> {
  const { settings, components } = resolved;
  const { fs, random } = components;
  const found = await runAsync(VersionSet.recover(fs, path, { random }));
  const isNew = found === undefined;
  if (isNew && !settings.createIfMissing) {
    throw new LsmError('LSM_NOT_FOUND', `there is no database in ${path}`, { file: path });
  }
  const versions = isNew
    ? await runAsync(VersionSet.create(fs, path, { random, databaseId: randomFileId(random) }))
    : found.set;
  const core = makeCore(path, resolved, versions);
  core.events.emit('lock', () => ({ state: 'acquired', waitedMs }));
  const jobs = new Jobs(core, makeExecutors(core), () => makeInline(core));
  const background = new Background(core, jobs);
  try {
    const { recovery, lost } = await recoverForWriting(core, background, found);
    const writes = new WritePath(core, background);
    background.listen(
      () => writes.admitWaiters(),
      (error) => writes.rejectWaiters(error),
    );
    core.onSpareReady = () => writes.admitWaiters();
    core.onSpareFailed = (error) => background.spareFailed(error);
    core.onFailure = (error) => {
      writes.rejectAll(error);
      background.rejectAll(error);
    };
    const forgetExit = onProcessExit(() => writes.writeAtExit());
    background.schedule();
    const writer = { logs: core.logs, jobs, background, writes, forgetExit };
    core.events.emit('recovery', () => recovery);
    return {
      core,
      encodings: resolved.encodings,
      scans: makeScanList(core),
      recovery,
      lost,
      writer,
      lock,
    };
  } catch (error) {
    await jobs.close();
    await core.drainEdits();
    if (core.hasLogs) await runAsync(core.logs.abandon()).catch(() => undefined);
    await runAsync(core.tables.close());
    await runAsync(versions.close());
    throw error;
  }
}

function makeExecutors(core: Core): Executors {
  if (core.components.executor === 'inline' || !canUseWorkers()) return makeInline(core);
  return {
    // Below the program, above compactions: beside three of those and a busy main thread
    // a flush took 136 ms this way, and 2,287 ms at their priority.
    flush: new WorkerExecutor({ name: 'nori-lsm flush', niceness: 10 }),
    compaction: new ExecutorPool(
      () => new WorkerExecutor({ name: 'nori-lsm compaction' }),
      compactionSlots(core),
    ),
  };
}

function makeInline(core: Core): Executors {
  const { fs, clock } = core.components;
  const make = (): InlineExecutor =>
    new InlineExecutor({ fs, clock }, (error) => core.fail('log', error));
  return { flush: make(), compaction: new ExecutorPool(make, compactionSlots(core)) };
}
