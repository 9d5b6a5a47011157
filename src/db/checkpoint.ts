import {
  corruption,
  invalidArgument,
  LsmError,
  systemErrorCode,
  toLsmError,
} from '../base/errors.js';
import { joinPath, lockName, lockOwnerName, tableName } from '../base/file-names.js';
import { runAsync } from '../base/task.js';
import type { FileSystem } from '../fs/file-system.js';
import { writeCheckpointManifest } from '../manifest/checkpoint-manifest.js';
import type { ManifestState } from '../manifest/manifest-state.js';
import type { Version } from '../manifest/version.js';
import { closedError, type Core } from './core.js';
import type { WriterParts } from './database-parts.js';
import { destroy } from './destroy.js';
import { absolutePath } from './directory.js';

/** What `Database.checkpoint` made. */
export interface CheckpointReport {
  /** It holds every write up to this sequence number, of all keyspaces, and none above. */
  readonly seq: number;
  /** Table files in it. */
  readonly tables: number;
  /** Their bytes. */
  readonly bytes: number;
  /** Those of them that were copied, because the file system links none to there. */
  readonly copiedBytes: number;
}

/** The tables of one moment; they stay on disk until it is let go. */
interface Moment {
  readonly seq: number;
  readonly state: ManifestState;
  readonly versions: readonly Version[];
}

/**
 * Makes an openable copy of the database as it is now in another directory, while
 * writes go on: flushes, then links the tables, which never change. An open
 * takes a directory for a database once its manifest is complete, and that is
 * written last: a crash leaves the whole copy, or one that nothing opens.
 */
export async function makeCheckpoint(
  core: Core,
  writer: WriterParts,
  given: string,
): Promise<CheckpointReport> {
  if (typeof given !== 'string' || given === '') {
    throw invalidArgument('checkpoint takes the path of a directory as a non-empty string');
  }
  const { fs } = core.components;
  const path = absolutePath(fs, given);
  try {
    await makeEmptyDirectory(fs, path);
    const lock = await fs.lockDirectory(path);
    let report: CheckpointReport;
    let isBegun = false;
    try {
      await checkEmpty(fs, path);
      isBegun = true;
      report = await fill(core, path, await nextMoment(core, writer));
    } catch (error) {
      await lock.release().catch(() => undefined);
      // What stays, should this fail too, is whole, or has no complete manifest and is refused.
      if (isBegun) await destroy(path, { fs }).catch(() => undefined);
      throw error;
    }
    await lock.release();
    return report;
  } catch (error) {
    throw toLsmError(error, `making the checkpoint ${path} failed`, path);
  }
}

async function makeEmptyDirectory(fs: FileSystem, path: string): Promise<void> {
  const stat = await fs.stat(path);
  if (stat?.isDirectory === false) throw exists(path, 'it is a file');
  if (stat === undefined) await fs.makeDirectory(path);
  else await checkEmpty(fs, path);
}

async function checkEmpty(fs: FileSystem, path: string): Promise<void> {
  const names = await fs.list(path);
  const other = names.filter((name) => name !== lockName && !name.startsWith(lockOwnerName));
  if (other.length > 0) throw exists(path, `it holds ${other.sort()[0]}`);
}

function exists(path: string, why: string): LsmError {
  return new LsmError(
    'LSM_EXISTS',
    `a checkpoint needs a new or an empty directory, and ${path} is none: ${why}`,
    { file: path },
  );
}

/** Flushes, and takes the tables of the moment when that is done, before anything newer is among them. */
async function nextMoment(core: Core, { writes, background }: WriterParts): Promise<Moment> {
  for (;;) {
    core.checkWritable();
    await writes.waitForAdmission();
    let moment: Moment | undefined;
    await background.flush((seq) => {
      if (isExactly(core, seq)) moment = takeMoment(core, seq);
    });
    if (moment !== undefined) return moment;
  }
}

/**
 * Whether the tables hold what was written up to `seq` and nothing else. While a
 * keyspace is dropped, others may have gone on when the flush counts as done.
 */
function isExactly(core: Core, seq: number): boolean {
  for (const keyspace of core.keyspaces()) {
    if (keyspace.isDropped) continue;
    if (core.versions.keyspaces.get(keyspace.id)!.flushedSeq > seq) return false;
    for (const memtable of keyspace.tree.view.memtables) {
      if (memtable.entries > 0 && memtable.smallestSeq <= seq) return false;
    }
  }
  return true;
}

function takeMoment(core: Core, seq: number): Moment {
  const { state } = core.versions;
  const living = [...state.keyspaces].filter(([id]) => core.keyspaceAt(id)?.isDropped === false);
  const versions = living.map(([, { version }]) => version);
  for (const version of versions) core.versions.acquire(version);
  return { seq, state: { ...state, keyspaces: new Map(living), lastSeq: seq }, versions };
}

function letGo(core: Core, { versions }: Moment): void {
  for (const version of versions) core.versions.release(version);
  if (core.state === 'open') core.removeObsoleteTables();
}

async function fill(core: Core, path: string, moment: Moment): Promise<CheckpointReport> {
  const { components, versions } = core;
  const { fs, random } = components;
  // A database that closes waits for this, so that nobody removes a table meanwhile.
  const end = core.pendingReads.begin();
  let tables = 0;
  let bytes = 0;
  let copiedBytes = 0;
  try {
    for (const version of moment.versions) {
      for (const { fileNumber, size } of version.tables()) {
        if (core.state !== 'open') throw closedError(core.path);
        const name = tableName(fileNumber);
        const isLinked = await linkOrCopy(fs, joinPath(core.path, name), joinPath(path, name));
        tables++;
        bytes += size;
        if (!isLinked) copiedBytes += size;
      }
    }
    await fs.syncDirectory(path);
    const place = { fs, directory: path, databaseId: versions.databaseId, random };
    await runAsync(writeCheckpointManifest(place, moment.state));
  } finally {
    end();
    letGo(core, moment);
  }
  return { seq: moment.seq, tables, bytes, copiedBytes };
}

/** Another disk, a file system without links, or a file that has too many of them. */
const cannotLink: ReadonlySet<string | undefined> = new Set([
  ...['EXDEV', 'EPERM', 'EMLINK', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'],
]);

/** True: linked. A table was synced before the manifest named it, so a link needs no sync of its own. */
async function linkOrCopy(fs: FileSystem, from: string, to: string): Promise<boolean> {
  try {
    await fs.link(from, to);
    return true;
  } catch (error) {
    if (!cannotLink.has(systemErrorCode(error))) throw error;
  }
  await copyFile(fs, from, to);
  return false;
}

const pieceBytes = 1024 * 1024;

async function copyFile(fs: FileSystem, from: string, to: string): Promise<void> {
  const source = await fs.open(from);
  try {
    const target = await fs.create(to);
    try {
      const size = await source.size();
      const piece = new Uint8Array(Math.min(pieceBytes, size));
      for (let at = 0; at < size;) {
        const length = await source.read(piece, 0, piece.length, at);
        if (length === 0) throw corruption(`table of ${size} bytes that ends`, from, at);
        await target.write(piece, 0, length, at);
        at += length;
      }
      await target.sync();
    } finally {
      await target.close();
    }
  } finally {
    await source.close();
  }
}
