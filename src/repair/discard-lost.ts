import { corruption, LsmError, systemErrorCode } from '../base/errors.js';
import { joinPath, lostDirectoryName, parseFileName } from '../base/file-names.js';
import type { FileSystem } from '../fs/file-system.js';
import { diagnose, isSound } from './diagnose.js';
import { listFiles } from './listing.js';
import { checkArguments, withLockedDirectory, type RepairOptions } from './repair.js';

/** What `discardLost` removed. */
export interface DiscardReport {
  /** Files removed from `lost/`. */
  readonly files: number;
  /** Bytes of them. */
  readonly bytes: number;
  /** What is none of ours and stays, as paths relative to the directory. */
  readonly left: readonly string[];
}

/**
 * Removes for good what repairs and recoveries have set aside in `lost/`, once
 * everything else has been read and is sound. Under the lock, as `repair`.
 * @throws LsmError `LSM_CORRUPTION` when something is damaged: nothing is removed
 * then; and as `repair`
 */
export async function discardLost(
  path: string,
  options: RepairOptions = {},
): Promise<DiscardReport> {
  checkArguments('discardLost', path, options);
  return await withLockedDirectory('discarding what was lost in', path, options, (fs) =>
    discard(fs, path, options),
  );
}

async function discard(
  fs: FileSystem,
  path: string,
  { onProgress, dryRun }: RepairOptions,
): Promise<DiscardReport> {
  const { files, lost } = await listFiles(fs, path);
  const logNumbers = files.filter(({ kind }) => kind === 'log').map(({ number }) => number);
  const diagnosis = await diagnose(fs, path, logNumbers, (done, of) => {
    onProgress?.({ files: done, of });
  });
  if (!isSound(diagnosis)) {
    const { manifestProblem, tables, logProblem } = diagnosis;
    const cause = manifestProblem ?? tables.at(0)?.problem ?? logProblem;
    const reason = cause === undefined ? 'CURRENT cannot be followed' : cause.message;
    const message = `${path} is damaged, so that ${lostDirectoryName}/ may be needed: ${reason}. Nothing was removed; run nori repair first`;
    throw new LsmError('LSM_CORRUPTION', message, { file: cause?.file ?? path, cause });
  }
  const directory = joinPath(path, lostDirectoryName);
  if (lost.length > 0) await refuseLink(fs, directory);
  let bytes = 0;
  for (const file of lost) bytes += (await fs.stat(file.path))?.size ?? 0;
  if (dryRun === true) return { files: lost.length, bytes, left: [] };
  for (const file of lost) await fs.remove(file.path);
  if (lost.length > 0) await fs.syncDirectory(directory);
  return { files: lost.length, bytes, left: await removeEmpty(fs, directory) };
}

/** Nothing is removed behind a link, which may lead anywhere. */
async function refuseLink(fs: FileSystem, directory: string): Promise<void> {
  try {
    await fs.removeDirectory(directory);
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === 'ENOTEMPTY' || code === 'EEXIST') return;
    throw corruption(`no directory but something else`, directory, undefined, error);
  }
}

async function removeEmpty(fs: FileSystem, directory: string): Promise<string[]> {
  try {
    await fs.removeDirectory(directory);
    return [];
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === 'ENOENT') return [];
    if (code !== 'ENOTEMPTY' && code !== 'EEXIST') return [lostDirectoryName];
  }
  const names = await fs.list(directory);
  return names
    .filter((name) => parseFileName(name) === undefined)
    .map((name) => `${lostDirectoryName}/${name}`);
}
