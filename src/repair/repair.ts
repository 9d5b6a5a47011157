import { invalidArgument, LsmError, systemErrorCode, toLsmError } from '../base/errors.js';
import { currentName, parseFileName } from '../base/file-names.js';
import type { RandomSource } from '../base/prng.js';
import type { FileSystem } from '../fs/file-system.js';
import { nodeFileSystem } from '../fs/node-file-system.js';
import { isForeign } from '../manifest/classify-files.js';
import { loadCodecs } from '../sstable/codecs.js';
import { RepairRun } from './repair-run.js';
import type { RepairReport } from './repair-report.js';

/** How `repair` works. */
export interface RepairOptions {
  /** Where the database is. Default: the local disk. */
  readonly fs?: FileSystem | undefined;
  /** Only tells what would be done, and writes nothing but the lock. Default false. */
  readonly dryRun?: boolean | undefined;
  /** Of which database the files are, where they are of several: 16 hex digits, as `inspectDirectory` shows them. */
  readonly databaseId?: string | undefined;
  /** How long to wait for another owner to close the database, in milliseconds. Default 0. */
  readonly lockTimeoutMs?: number | undefined;
  /** Takes the lock from an owner that cannot be proved dead (another host or pid namespace). Default false. */
  readonly overrideForeignOwner?: boolean | undefined;
  /** Random numbers, for the ids of files. Default the system's. */
  readonly random?: RandomSource | undefined;
  /** Called for each table that is checked or saved: `files` of `of`. */
  readonly onProgress?:
    ((done: { readonly files: number; readonly of: number }) => void) | undefined;
}

/**
 * Makes a damaged database open again, with everything in it that can be read:
 * each table block by block, each log record that checks out. A sound database is
 * left as it is.
 *
 * New files are written under new numbers, and no original is touched before the
 * new state is durable; then damaged ones move to `lost/`. So a crash leaves the
 * one state or the other, and the same call goes on from there.
 *
 * Take a copy first where that is possible. What could not be saved is named in
 * the report; read docs/repair.md on what that means.
 *
 * @throws LsmError `LSM_NOT_FOUND` where there is no database, `LSM_NOT_A_DATABASE`
 * where the files are not ours, `LSM_LOCKED` when somebody has it open,
 * `LSM_UNSUPPORTED_FORMAT` when a newer version wrote it (nothing is changed),
 * `LSM_CORRUPTION` when it cannot be told which database the files are of, and
 * `LSM_INVALID_ARGUMENT`, `LSM_IO`, `LSM_NO_SPACE`, `LSM_TOO_MANY_FILES`
 */
export async function repair(path: string, options: RepairOptions = {}): Promise<RepairReport> {
  checkArguments('repair', path, options);
  return await withLockedDirectory('repairing', path, options, (fs) =>
    new RepairRun(fs, path, options).run(),
  );
}

export function checkArguments(name: string, path: string, options: RepairOptions): void {
  if (typeof path !== 'string' || path === '') {
    throw invalidArgument(`${name} takes the path of a directory as a non-empty string`);
  }
  const { lockTimeoutMs = 0, databaseId } = options;
  if (typeof lockTimeoutMs !== 'number' || !(lockTimeoutMs >= 0)) {
    throw invalidArgument('lockTimeoutMs must be a number from 0');
  }
  if (databaseId !== undefined && !/^[\da-f]{16}$/.test(databaseId)) {
    throw invalidArgument('databaseId must be 16 hex digits');
  }
}

/** Holds the lock of an existing database while `use` runs. */
export async function withLockedDirectory<T>(
  doing: string,
  path: string,
  options: RepairOptions,
  use: (fs: FileSystem) => Promise<T>,
): Promise<T> {
  const { fs = nodeFileSystem, lockTimeoutMs = 0, overrideForeignOwner = false } = options;
  try {
    await loadCodecs();
    await checkPlace(fs, path);
    const lock = await fs.lockDirectory(path, { timeoutMs: lockTimeoutMs, overrideForeignOwner });
    try {
      return await use(fs);
    } finally {
      await lock.release();
    }
  } catch (error) {
    throw toLsmError(error, `${doing} ${path} failed`, path);
  }
}

async function checkPlace(fs: FileSystem, path: string): Promise<void> {
  let names: string[];
  try {
    names = await fs.list(path);
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === 'ENOENT') throw notFound(path);
    if (code !== 'ENOTDIR') throw error;
    throw new LsmError('LSM_NOT_A_DATABASE', `${path} is no nori-lsm database but a file`, {
      file: path,
    });
  }
  if (names.some((name) => name === currentName || parseFileName(name) !== undefined)) return;
  if (!names.some(isForeign)) throw notFound(path);
  throw new LsmError('LSM_NOT_A_DATABASE', `${path} is no nori-lsm database`, { file: path });
}

function notFound(path: string): LsmError {
  return new LsmError('LSM_NOT_FOUND', `there is no database in ${path}`, { file: path });
}
