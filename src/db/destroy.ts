import {
  invalidArgument,
  isLsmError,
  LsmError,
  systemErrorCode,
  toLsmError,
} from '../base/errors.js';
import { magics, maxHeaderBytes, type FileKind } from '../base/file-header.js';
import {
  currentName,
  joinPath,
  lockName,
  lockOwnerName,
  lostDirectoryName,
  manifestName,
  parseFileName,
} from '../base/file-names.js';
import type { FileSystem } from '../fs/file-system.js';
import { nodeFileSystem } from '../fs/node-file-system.js';
import { isForeign } from '../manifest/classify-files.js';
import { decodeCurrent } from '../manifest/current-file.js';

/** What `destroy` takes besides the path. */
export interface DestroyOptions {
  /** Where the database is. Default: the local disk. */
  readonly fs?: FileSystem;
  /** How long to wait for another owner to close the database, in milliseconds. Default 0. */
  readonly lockTimeoutMs?: number;
  /** Takes the lock from an owner that cannot be proved dead (another host or pid namespace). Default false. */
  readonly overrideForeignOwner?: boolean;
}

/** What `destroy` removed. */
export interface DestroyReport {
  /** Files removed. */
  readonly files: number;
  /** What is none of the database's and stays, as paths relative to the directory. */
  readonly left: readonly string[];
  /** The directory went too: nothing else was in it. */
  readonly directoryRemoved: boolean;
}

/**
 * Removes the database in the directory `path` for good: its files and no
 * others, then the directory if nothing is left in it. Works on a damaged
 * database too.
 *
 * The manifest that CURRENT names goes first, and CURRENT last. So a crash
 * leaves the database as it was, or one that no open accepts (`LSM_CORRUPTION`:
 * the manifest is missing) and that can be destroyed again, or nothing. It never
 * leaves data that an open would take for a new or an older database.
 *
 * @throws LsmError `LSM_NOT_FOUND` where there is none, `LSM_NOT_A_DATABASE` where
 * the files are not ours, `LSM_LOCKED` when somebody has it open, here or in another
 * process, `LSM_UNSUPPORTED_FORMAT` when a newer version made it,
 * `LSM_INVALID_ARGUMENT`, `LSM_IO`
 */
export async function destroy(path: string, options: DestroyOptions = {}): Promise<DestroyReport> {
  const { fs = nodeFileSystem, lockTimeoutMs = 0, overrideForeignOwner = false } = options;
  if (typeof path !== 'string' || path === '') {
    throw invalidArgument('destroy takes the path of a directory as a non-empty string');
  }
  if (typeof lockTimeoutMs !== 'number' || !(lockTimeoutMs >= 0)) {
    throw invalidArgument('lockTimeoutMs must be a number from 0');
  }
  try {
    await listDatabase(fs, path);
    const lock = await fs.lockDirectory(path, { timeoutMs: lockTimeoutMs, overrideForeignOwner });
    const destruction = new Destruction(fs, path);
    try {
      // Its last owner may have written, or destroyed it, until the lock was ours.
      await destruction.run(await listDatabase(fs, path));
    } finally {
      await lock.release();
    }
    return await destruction.finish();
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') throw notFound(path);
    throw toLsmError(error, `destroying ${path} failed`, path);
  }
}

class Destruction {
  readonly #fs: FileSystem;
  readonly #path: string;
  #files = 0;

  constructor(fs: FileSystem, path: string) {
    this.#fs = fs;
    this.#path = path;
  }

  /** Removes what `names` lists, each phase durable before the next. */
  async run(names: readonly string[]): Promise<void> {
    const isManifest = (name: string): boolean => parseFileName(name)?.kind === 'manifest';
    const last = [currentName, lockName, lockOwnerName];
    const current = await this.#readCurrent();
    // One that cannot be read counts as missing already.
    if (current === undefined) await this.#remove(currentName);
    for (const name of orderManifests(names.filter(isManifest), current)) {
      await this.#remove(name);
      await this.#fs.syncDirectory(this.#path);
    }
    // Tables and logs go last: as long as there is one, no open starts anew beside the rest.
    const isData = (name: string): boolean =>
      ['table', 'log'].includes(parseFileName(name)?.kind ?? '');
    for (const name of names) {
      if (name === lostDirectoryName) await this.#removeLost();
      else if (!isForeign(name) && !isManifest(name) && !isData(name) && !last.includes(name)) {
        await this.#remove(name);
      }
    }
    await this.#fs.syncDirectory(this.#path);
    for (const name of names.filter(isData)) await this.#remove(name);
    await this.#fs.syncDirectory(this.#path);
    await this.#remove(currentName);
    await this.#fs.syncDirectory(this.#path);
    // Whoever waits for this file meets LOCK.owner, which names us until the lock is released.
    await this.#remove(lockName);
  }

  /** Looks at what is left, once the lock and its files are gone. */
  async finish(): Promise<DestroyReport> {
    const left: string[] = [];
    for (const name of await this.#fs.list(this.#path)) {
      if (name !== lostDirectoryName) left.push(name);
      else left.push(...(await this.#leftInLost()));
    }
    let directoryRemoved = false;
    if (left.length === 0) {
      try {
        await this.#fs.removeDirectory(this.#path);
        directoryRemoved = true;
      } catch {
        // Behind a link, in a directory that is not writable, or in use again: it may stay.
      }
    }
    return { files: this.#files, left: left.sort(), directoryRemoved };
  }

  /** The name in CURRENT; undefined when it is missing or damaged. */
  async #readCurrent(): Promise<string | undefined> {
    const path = joinPath(this.#path, currentName);
    const bytes = await readStart(this.#fs, path, maxHeaderBytes + 1);
    try {
      return bytes && manifestName(decodeCurrent(bytes, path).manifestNumber);
    } catch (error) {
      if (isLsmError(error, 'LSM_CORRUPTION')) return undefined;
      throw error;
    }
  }

  async #remove(name: string): Promise<void> {
    const path = joinPath(this.#path, name);
    try {
      await this.#fs.remove(path);
      this.#files++;
    } catch (error) {
      if (systemErrorCode(error) === 'ENOENT') return;
      // A directory of somebody else under one of our names stays.
      if ((await this.#fs.stat(path))?.isDirectory !== true) throw error;
    }
  }

  async #removeLost(): Promise<void> {
    const names = await this.#leftInLost();
    for (const name of names) {
      if (parseFileName(name.slice(lostDirectoryName.length + 1)) !== undefined) {
        await this.#remove(name);
      }
    }
    if (names.length > 0) {
      await this.#fs.syncDirectory(joinPath(this.#path, lostDirectoryName));
      await this.#leftInLost();
    }
  }

  /**
   * Removes lost/ if it is empty, or tells what is in it. Removing is tried first:
   * it does not follow a link, which would lead out of the database.
   */
  async #leftInLost(): Promise<string[]> {
    const lost = joinPath(this.#path, lostDirectoryName);
    try {
      await this.#fs.removeDirectory(lost);
      return [];
    } catch (error) {
      const code = systemErrorCode(error);
      if (code === 'ENOENT') return [];
      if (code !== 'ENOTEMPTY' && code !== 'EEXIST') return [lostDirectoryName];
    }
    return (await this.#fs.list(lost)).map((name) => joinPath(lostDirectoryName, name));
  }
}

/**
 * First the one without which no open accepts the rest. Where CURRENT does not
 * tell, an open takes the highest that is complete: then the lowest goes first,
 * so that an older state never comes up.
 */
function orderManifests(names: readonly string[], current: string | undefined): string[] {
  const numberOf = (name: string): number => parseFileName(name)!.number;
  const rank = (name: string): number => (name === current ? -1 : numberOf(name));
  return [...names].sort((a, b) => rank(a) - rank(b));
}

/**
 * The names in the directory of a database. Other stores use names like ours, so
 * one file at least must begin like ours; blank files, as a crash during the very
 * first open leaves them, count where nothing else is.
 */
async function listDatabase(fs: FileSystem, path: string): Promise<string[]> {
  const stat = await fs.stat(path);
  if (stat === undefined) throw notFound(path);
  if (!stat.isDirectory) throw notADatabase(path, 'it is a file; give a directory');
  const names = await fs.list(path);
  const foreign = names.filter(isForeign).sort();
  const named = names.filter((name) => name === currentName || parseFileName(name) !== undefined);
  if (named.length === 0 && foreign.length === 0) {
    // All but the lock went in an earlier attempt.
    if (names.includes(lockName) || names.includes(lockOwnerName)) return names;
    throw notFound(path);
  }
  let stranger = foreign.at(0);
  for (const name of named) {
    const state = await examine(fs, joinPath(path, name), parseFileName(name)?.kind ?? 'current');
    if (state === 'ours') return names;
    if (state === 'other') stranger ??= name;
  }
  if (stranger === undefined) return names;
  throw notADatabase(path, `it holds files that nori-lsm has not written (${stranger})`);
}

async function examine(
  fs: FileSystem,
  path: string,
  kind: FileKind,
): Promise<'ours' | 'blank' | 'other'> {
  const bytes = await readStart(fs, path, magics[kind].length);
  if (bytes === undefined || bytes.every((byte) => byte === 0)) return 'blank';
  return Buffer.from(bytes).toString('latin1') === magics[kind] ? 'ours' : 'other';
}

/** The first `most` bytes of a file, or undefined when it is missing or no file that may be read. */
async function readStart(
  fs: FileSystem,
  path: string,
  most: number,
): Promise<Uint8Array | undefined> {
  const bytes = new Uint8Array(most);
  try {
    const file = await fs.open(path);
    try {
      return bytes.subarray(0, await file.read(bytes, 0, most, 0));
    } finally {
      await file.close();
    }
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === 'ENOENT' || code === 'EISDIR' || code === 'ELOOP') return undefined;
    throw error;
  }
}

function notFound(path: string): LsmError {
  return new LsmError('LSM_NOT_FOUND', `there is no database in ${path}`, { file: path });
}

function notADatabase(path: string, why: string): LsmError {
  return new LsmError('LSM_NOT_A_DATABASE', `${path} is no nori-lsm database: ${why}`, {
    file: path,
  });
}
