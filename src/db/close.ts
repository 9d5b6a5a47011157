import { LsmError, toLsmError } from '../base/errors.js';
import { runAsync } from '../base/task.js';
import type { DirectoryLock } from '../fs/file-system.js';
import { closedError, toError, type Core } from './core.js';
import type { DatabaseParts, WriterParts } from './database-parts.js';

/** Memtables above this size are flushed at close; smaller ones are replayed from the log at the next open. */
export const replayedBytes: number = 4 * 1024 * 1024;

/**
 * Ends a session: no new calls; what was admitted settles; compactions are given
 * up; the log is synced, cut, and claimed by a clean-close edit; everything is
 * let go. The lock goes last, also when something before it failed.
 */
export async function closeDatabase(parts: DatabaseParts): Promise<void> {
  const { core, scans, lock, writer } = parts;
  core.state = 'closing';
  scans.closeAll(closedError(core.path));
  core.snapshots.clear();
  try {
    if (writer !== undefined) await closeWriter(core, writer);
    await core.pendingReads.drain();
  } finally {
    core.state = 'closed';
    for (const { tree } of core.keyspaces()) tree.close();
    try {
      await closeFiles(core);
    } finally {
      try {
        if (lock !== undefined) await letGo(core, lock);
      } finally {
        core.events.emit('closed', () => ({ path: core.path }));
      }
    }
  }
}

async function letGo({ path, events }: Core, lock: DirectoryLock): Promise<void> {
  try {
    await lock.release();
  } catch (error) {
    throw toLsmError(error, `letting the lock of ${path} go failed`, path);
  }
  events.emit('lock', () => ({ state: 'released', waitedMs: 0 }));
}

/** @throws LsmError when a table cannot be closed; the manifest is closed all the same. */
async function closeFiles({ path, tables, versions }: Core): Promise<void> {
  try {
    await runAsync(tables.close());
  } catch (error) {
    throw toLsmError(error, 'closing the tables failed', path);
  } finally {
    await runAsync(versions.close());
  }
}

async function closeWriter(core: Core, writer: WriterParts): Promise<void> {
  const { writes, background, jobs, logs, forgetExit } = writer;
  forgetExit();
  writes.rejectWaiters(
    new LsmError('LSM_CLOSED', `the database ${core.path} was closed before the write had room`),
  );
  try {
    await Promise.allSettled([...core.drops].map(({ promise }) => promise));
    if (core.failure === undefined) await writes.drain();
    await background.stop();
    if (core.failure === undefined) await flushLarge(core, writer);
    if (core.failure === undefined) await closeCleanly(core, writer);
  } finally {
    await jobs.close();
    await core.drainEdits();
    await core.remover.drain();
    // After a clean close there is nothing left to do; after an error, its cause is known already.
    await runAsync(logs.abandon()).catch(() => undefined);
    await core.remover.drain();
  }
}

/** Spares the next open a long replay. Where it fails, the logs still have everything. */
async function flushLarge(core: Core, { background }: WriterParts): Promise<void> {
  const trees = [...core.keyspaces()].map(({ tree }) => tree);
  const bytes = trees.reduce((sum, { active }) => sum + active.usedBytes, 0);
  if (bytes > replayedBytes) {
    for (const tree of trees) if (tree.active.entries > 0) tree.switchMemtable();
  }
  try {
    await background.flusher.flushAll();
  } catch (error) {
    if (core.failure === undefined) {
      core.report({ during: 'flush', error: toError(error), fatal: false });
    }
  }
}

async function closeCleanly(core: Core, writer: WriterParts): Promise<void> {
  const claim = await runAsync(writer.logs.close());
  await runAsync(
    core.applyEdit(() => ({
      cleanClose: claim,
      lastSeq: writer.logs.appendedSeq,
      counters: [...core.keyspaces()].map((keyspace) => core.countersOf(keyspace)),
    })),
  );
}
