import { isLsmError, LsmError } from '../base/errors.js';
import { runAsync } from '../base/task.js';
import { VersionSet } from '../manifest/version-set.js';
import type { RecoveryEvent } from './event-types.js';
import type { Core } from './core.js';
import { makeCore, makeScanList, type DatabaseParts } from './database-parts.js';
import type { ResolvedOptions } from './options.js';
import { countLost, Replay, replayLogs } from './recovery.js';

/** A writer that goes on meanwhile can pull a file away; then everything is read anew. */
const maxTries = 20;

/**
 * A frozen view of what is in a directory, beside a writer if there is one: takes
 * no lock and writes nothing. Every table is opened at once, so that none can be
 * removed under the reader; the logs are read into memory.
 */
export async function openReadOnly(
  path: string,
  resolved: ResolvedOptions,
): Promise<DatabaseParts> {
  for (let attempt = 1; ; attempt++) {
    const opened = await tryOpen(path, resolved);
    if (opened !== undefined) return opened;
    if (attempt === maxTries) {
      throw new LsmError(
        'LSM_BUSY',
        `${path} changed each of ${maxTries} times it was read; try again, or read a copy`,
        { file: path },
      );
    }
  }
}

/** Undefined when files changed in between. */
async function tryOpen(
  path: string,
  resolved: ResolvedOptions,
): Promise<DatabaseParts | undefined> {
  const { fs, random } = resolved.components;
  const found = await runAsync(VersionSet.recover(fs, path, { random }));
  if (found === undefined) {
    throw new LsmError('LSM_NOT_FOUND', `there is no database in ${path}`, { file: path });
  }
  const core = makeCore(path, resolved, found.set);
  try {
    const recovery = await load(core);
    const lost = await countLost(fs, path);
    core.events.emit('recovery', () => recovery);
    return {
      core,
      encodings: resolved.encodings,
      scans: makeScanList(core),
      recovery,
      lost,
      writer: undefined,
      lock: undefined,
    };
  } catch (error) {
    await letGo(core);
    if (!isLsmError(error) || !(await hasChanged(core, resolved))) throw error;
    return undefined;
  }
}

async function load(core: Core): Promise<RecoveryEvent> {
  for (const keyspace of core.keyspaces()) {
    for (const table of keyspace.version.tables()) {
      await runAsync(core.tables.open(table, keyspace.priorityOf(table)));
    }
  }
  const names = await core.components.fs.list(core.path);
  const replay = new Replay(core);
  const logs = await replayLogs(core, names, replay);
  core.freezeAt(replay.lastSeq);
  return {
    logsReplayed: logs.logs.length,
    batchesReplayed: replay.batches,
    bytesReplayed: replay.bytes,
    tornLog: logs.tornTail && { file: logs.tornTail.file, offset: logs.tornTail.offset },
    tornManifest: undefined,
    orphansRemoved: 0,
    lostTables: 0,
  };
}

/** Whether the manifest has gone on since `core` read it. */
async function hasChanged(core: Core, resolved: ResolvedOptions): Promise<boolean> {
  const { fs, random } = resolved.components;
  const again = await runAsync(VersionSet.recover(fs, core.path, { random }));
  if (again === undefined) return true;
  const { set } = again;
  return (
    set.manifestNumber !== core.versions.manifestNumber ||
    set.syncedLength !== core.versions.syncedLength
  );
}

async function letGo(core: Core): Promise<void> {
  for (const { tree } of core.keyspaces()) tree.close();
  await runAsync(core.tables.close());
}
