import { corruption } from '../base/errors.js';
import {
  joinPath,
  lostDirectoryName,
  logName,
  manifestName,
  parseFileName,
  tableName,
} from '../base/file-names.js';
import { runAsync } from '../base/task.js';
import type { FileSystem } from '../fs/file-system.js';
import { classifyFiles } from '../manifest/classify-files.js';
import type { RecoveredVersionSet } from '../manifest/version-set.js';
import { BatchReader } from '../wal/batch-reader.js';
import type { ReplayedBatch } from '../wal/log-replayer.js';
import { recoverLogs, type LogReplay } from '../wal/recover-logs.js';
import type { RecoveryEvent } from './event-types.js';
import type { Background } from './background.js';
import { replayedBytes } from './close.js';
import { storedSettings } from './compaction-options.js';
import { addOperation, type Core } from './core.js';
import { defaultKeyspaceId, type KeyspaceCore } from './keyspace-core.js';
import { LogSet, noPreviousLog, type PreviousLog, type RecoveredBatch } from './log-set.js';

/** Tables that recoveries have set aside. */
export interface LostTables {
  readonly files: number;
  readonly bytes: number;
}

export interface Recovered {
  readonly recovery: RecoveryEvent;
  readonly lost: LostTables;
}

/** Logs extend their file ahead only where memtables are large: small databases stay small. */
const preallocatingMemtableBytes = 4 * 1024 * 1024;

/**
 * Brings a database back to the state after the last write that counts, and makes
 * it ready for writes: replays the logs, makes durable what was read, begins a
 * log of its own, and only then removes what nobody needs. A crash in the middle
 * leaves a directory from which the same state is recovered again.
 */
export async function recoverForWriting(
  core: Core,
  background: Background,
  found: RecoveredVersionSet | undefined,
): Promise<Recovered> {
  const { fs } = core.components;
  const names = found === undefined ? [] : await fs.list(core.path);
  const replay = new Replay(core);
  const logs = found === undefined ? undefined : await replayLogs(core, names, replay);
  if (found !== undefined && logs !== undefined) {
    for (const log of logs.logs) await syncFile(fs, log.path);
    const { tornTail, currentProblem } = found.report;
    if (tornTail !== undefined || currentProblem !== undefined) {
      // Before a table leaves its place, what says that nobody needs it there is durable.
      await syncFile(fs, joinPath(core.path, manifestName(found.report.manifestNumber)));
      await setAsideOrphans(core, names);
    }
    await runAsync(found.set.openForWriting());
  }
  await beginLog(core, background, replay, logs);
  const orphansRemoved = found === undefined ? 0 : await sweep(core);
  const lost = await countLost(fs, core.path);
  const tail = found?.report.tornTail;
  const recovery: RecoveryEvent = {
    logsReplayed: logs?.logs.length ?? 0,
    batchesReplayed: replay.batches,
    bytesReplayed: replay.bytes,
    tornLog: logs?.tornTail && { file: logs.tornTail.file, offset: logs.tornTail.offset },
    tornManifest: tail && {
      file: joinPath(core.path, manifestName(found.report.manifestNumber)),
      offset: tail.offset,
    },
    orphansRemoved,
    lostTables: lost.files,
  };
  return { recovery, lost };
}

/** Replays the logs and holds them against the manifest; changes nothing. */
export async function replayLogs(
  core: Core,
  names: readonly string[],
  replay: Replay,
): Promise<LogReplay> {
  const { versions, components } = core;
  const result = await runAsync(
    recoverLogs({
      fs: components.fs,
      directory: core.path,
      databaseId: versions.databaseId,
      logNumbers: logNumbersIn(names),
      manifestLogNumber: versions.logNumber,
      cleanClose: versions.cleanClose,
      replay: (batch) => {
        replay.add(batch);
        return undefined;
      },
    }),
  );
  replay.see(result.highestSeq);
  const claim = result.manifestClaim;
  if (claim !== undefined) versions.checkClaim(claim.number, claim.syncedLength);
  return result;
}

/** Puts what the logs hold into memtables, and keeps the records while they are few. */
export class Replay {
  readonly #core: Core;
  readonly #reader = new BatchReader();
  /** By keyspace id: entries up to here are in tables. */
  readonly #flushedSeqs = new Map<number, number>();
  /** Nothing up to here is needed, whatever keyspace it belongs to. */
  readonly #leastFlushedSeq: number;
  #kept: RecoveredBatch[] = [];
  #lastSeq: number;
  batches = 0;
  bytes = 0;

  constructor(core: Core) {
    this.#core = core;
    for (const { id, flushedSeq } of core.versions.keyspaces.values()) {
      this.#flushedSeqs.set(id, flushedSeq);
    }
    this.#leastFlushedSeq = Math.min(...this.#flushedSeqs.values());
    this.#lastSeq = core.versions.lastSeq;
  }

  /** Sequence numbers go on behind this one. */
  get lastSeq(): number {
    return this.#lastSeq;
  }

  /** The records applied; undefined when they are too many to be copied. */
  get kept(): readonly RecoveredBatch[] | undefined {
    return this.bytes < replayedBytes ? this.#kept : undefined;
  }

  see(seq: number): void {
    this.#lastSeq = Math.max(this.#lastSeq, seq);
  }

  add(batch: ReplayedBatch): void {
    const { firstSeq, count, bytes, start, end } = batch;
    const lastSeq = firstSeq + count - 1;
    this.see(lastSeq);
    if (lastSeq <= this.#leastFlushedSeq || this.#apply(batch) === 0) return;
    this.batches++;
    this.bytes += end - start;
    if (this.bytes < replayedBytes) {
      this.#kept.push({ firstSeq, count, operations: bytes.slice(start, end) });
    } else this.#kept = [];
  }

  /** Returns how many operations of the batch were not in tables. */
  #apply(batch: ReplayedBatch): number {
    const { versions } = this.#core;
    const reader = this.#reader;
    reader.reset(batch.bytes, batch.start, batch.end, batch.count, batch.path, batch.offset);
    let keyspace: KeyspaceCore | undefined;
    let applied = 0;
    for (let seq = batch.firstSeq; reader.next(); seq++) {
      const id = reader.keyspaceId;
      if (id >= versions.nextKeyspaceId) {
        throw corruption(`write to keyspace ${id}, which never was,`, batch.path, batch.offset);
      }
      const flushedSeq = this.#flushedSeqs.get(id);
      // Below the next id and not alive: dropped since. Up to the flushed number: in a table.
      if (flushedSeq === undefined || seq <= flushedSeq) continue;
      if (keyspace?.id !== id) keyspace = this.#keyspaceWithRoom(id);
      addOperation(keyspace, reader, seq);
      applied++;
    }
    return applied;
  }

  #keyspaceWithRoom(id: number): KeyspaceCore {
    const keyspace = this.#core.keyspaceAt(id)!;
    if (keyspace.isMemtableFull && !this.#core.settings.readOnly) keyspace.tree.switchMemtable();
    return keyspace;
  }
}

/**
 * Begins the log of this session. What was replayed is copied into it when it is
 * little, or else flushed, so that no session lives on the logs of another one.
 */
async function beginLog(
  core: Core,
  background: Background,
  replay: Replay,
  replayed: LogReplay | undefined,
): Promise<void> {
  const logs = makeLogSet(core, replay, replayed);
  core.logs = logs;
  const previous: PreviousLog =
    replayed === undefined ? noPreviousLog : { ...replayed.last, synced: replayed.last.end };
  const { kept } = replay;
  if (kept !== undefined) {
    await runAsync(logs.start(previous, replay.lastSeq, kept.at(0)?.firstSeq));
    await runAsync(logs.copyIn(kept));
  } else {
    await runAsync(logs.start(previous, replay.lastSeq));
    for (const { tree } of core.keyspaces()) if (tree.active.entries > 0) tree.switchMemtable();
    await background.flusher.flushAll();
  }
  const { activeNumber } = logs;
  const { settings } = core.defaultKeyspace;
  await runAsync(
    core.applyEdit(() => ({
      logNumber: activeNumber,
      lastSeq: replay.lastSeq,
      settings: [{ keyspaceId: defaultKeyspaceId, settings: storedSettings(settings) }],
    })),
  );
  await runAsync(logs.removeBelow(activeNumber));
}

function makeLogSet(core: Core, replay: Replay, replayed: LogReplay | undefined): LogSet {
  const { versions, settings, components, remover } = core;
  const earlier = (replayed?.logs ?? []).map(({ number, path }) => ({
    number,
    path,
    newestSeq: replay.lastSeq,
  }));
  return new LogSet(
    {
      fs: components.fs,
      directory: core.path,
      databaseId: versions.databaseId,
      random: components.random,
      preallocate: settings.memtableBytes >= preallocatingMemtableBytes,
      takeFileNumber: () => core.takeFileNumber(),
      manifestClaim: () => ({
        number: versions.manifestNumber,
        syncedLength: versions.syncedLength,
      }),
      onFailure: (error) => core.fail('log', error),
      onSpareReady: () => core.onSpareReady(),
      onSpareFailed: (error) => core.onSpareFailed(error),
      removeFile: (path) => remover.remove(path),
    },
    earlier,
  );
}

/** Removes what a crash may have left and nothing needs. Returns how many tables that were. */
async function sweep(core: Core): Promise<number> {
  const { versions, remover, path } = core;
  const names = await core.components.fs.list(path);
  const files = classifyFiles(names, versions);
  const isVoid = (number: number): boolean =>
    number >= versions.logNumber && !core.logs.has(number);
  for (const number of files.orphanTables) remover.remove(joinPath(path, tableName(number)));
  for (const number of files.oldManifests) remover.remove(joinPath(path, manifestName(number)));
  const voidLogs = logNumbersIn(names).filter(isVoid);
  for (const number of [...files.oldLogs, ...voidLogs]) {
    remover.remove(joinPath(path, logName(number)));
  }
  for (const name of files.temporary) remover.remove(joinPath(path, name));
  await remover.drain();
  return files.orphanTables.length;
}

/**
 * The manifest's last edit was not whole, or CURRENT did not say which manifest
 * counts: a table that nothing names may be the only place of data, so it is set
 * aside, never deleted.
 */
async function setAsideOrphans(core: Core, names: readonly string[]): Promise<void> {
  const { fs } = core.components;
  const { orphanTables } = classifyFiles(names, core.versions);
  if (orphanTables.length === 0) return;
  const lost = joinPath(core.path, lostDirectoryName);
  await fs.makeDirectory(lost);
  for (const number of orphanTables) {
    const name = tableName(number);
    await fs.rename(joinPath(core.path, name), joinPath(lost, name));
  }
  await fs.syncDirectory(lost);
  await fs.syncDirectory(core.path);
}

export async function countLost(fs: FileSystem, path: string): Promise<LostTables> {
  const lost = joinPath(path, lostDirectoryName);
  if ((await fs.stat(lost)) === undefined) return { files: 0, bytes: 0 };
  let files = 0;
  let bytes = 0;
  for (const name of await fs.list(lost)) {
    files++;
    bytes += (await fs.stat(joinPath(lost, name)))?.size ?? 0;
  }
  return { files, bytes };
}

function logNumbersIn(names: readonly string[]): number[] {
  const numbers: number[] = [];
  for (const name of names) {
    const file = parseFileName(name);
    if (file?.kind === 'log') numbers.push(file.number);
  }
  return numbers;
}

async function syncFile(fs: FileSystem, path: string): Promise<void> {
  const file = await fs.open(path, { writable: true });
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}
