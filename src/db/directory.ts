import { resolve } from 'node:path';
import { LsmError, systemErrorCode, toLsmError } from '../base/errors.js';
import { currentName, parseFileName } from '../base/file-names.js';
import type { FileSystem } from '../fs/file-system.js';
import { nodeFileSystem } from '../fs/node-file-system.js';
import { isForeign } from '../manifest/classify-files.js';
import type { DatabaseSettings } from './settings.js';

/** What is opened stays where it is, also when the program changes its working directory. */
export function absolutePath(fs: FileSystem, path: string): string {
  return fs === nodeFileSystem ? resolve(path) : path;
}

/**
 * Looks at the place of a database before anything in it is touched, and makes
 * the directory where that is wanted. Returns true when it made one.
 * @throws LsmError `LSM_NOT_FOUND`, `LSM_EXISTS`, `LSM_NOT_A_DATABASE`, `LSM_IO`
 */
export async function prepareDirectory(
  fs: FileSystem,
  path: string,
  settings: DatabaseSettings,
): Promise<boolean> {
  try {
    const stat = await fs.stat(path);
    if (stat === undefined) {
      refuseToCreate(path, settings);
      await fs.makeDirectory(path);
      return true;
    }
    if (!stat.isDirectory) {
      throw notADatabase(path, 'it is a file; give a directory');
    }
    const names = await fs.list(path);
    const isOurs = names.some((name) => name === currentName || parseFileName(name) !== undefined);
    if (isOurs) {
      if (!settings.errorIfExists) return false;
      throw new LsmError(
        'LSM_EXISTS',
        `there is a database in ${path} already, and errorIfExists is set`,
        { file: path },
      );
    }
    const foreign = names.filter(isForeign).sort();
    if (foreign.length > 0) {
      throw notADatabase(
        path,
        `it holds other files (${foreign[0]}${foreign.length > 1 ? ', …' : ''}); give a database or an empty directory`,
      );
    }
    refuseToCreate(path, settings);
    return false;
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === 'ENOTDIR' || code === 'EEXIST') {
      throw notADatabase(path, 'part of the path is a file');
    }
    throw toLsmError(error, `opening the database ${path} failed`, path);
  }
}

function refuseToCreate(path: string, settings: DatabaseSettings): void {
  if (settings.createIfMissing && !settings.readOnly) return;
  const why = settings.readOnly ? 'a read-only open makes none' : 'createIfMissing is off';
  throw new LsmError('LSM_NOT_FOUND', `there is no database in ${path}, and ${why}`, {
    file: path,
  });
}

function notADatabase(path: string, why: string): LsmError {
  return new LsmError('LSM_NOT_A_DATABASE', `${path} is no nori-lsm database: ${why}`, {
    file: path,
  });
}
