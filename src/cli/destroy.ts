import { lstat, readdir } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { destroy as destroyDatabase, isLsmError, type DestroyOptions } from '../index.js';
import { confirm } from './confirm.js';
import type { Settings } from './database.js';
import { exitCodes, Failure, usage } from './failure.js';
import { formatPlural, formatSize } from './numbers.js';
import { showText } from './show-bytes.js';
import { printNote } from './terminal.js';

export interface DestroyFlags {
  readonly yes?: boolean;
  readonly set?: Settings;
  readonly quiet?: boolean;
}

/** The settings that have a meaning here: those of the lock. */
function lockOptions(settings: Settings = new Map()): DestroyOptions {
  for (const name of settings.keys()) {
    if (name !== 'lockTimeoutMs' && name !== 'overrideForeignOwner') {
      throw usage(`--set ${name}: destroy takes lockTimeoutMs and overrideForeignOwner only`);
    }
  }
  return Object.fromEntries(settings);
}

async function describe(directory: string): Promise<string> {
  const names = await readdir(directory);
  let bytes = 0;
  for (const name of names) bytes += (await lstat(join(directory, name))).size;
  return `${formatPlural(names.length, 'file')}, ${formatSize(bytes)}`;
}

/** Removes a database and its directory; what is not the database's stays. */
export async function destroy(directory: string, flags: DestroyFlags): Promise<void> {
  const options = lockOptions(flags.set);
  if (flags.yes !== true) {
    const name = basename(resolve(directory)) || resolve(directory);
    await confirm(
      name,
      `destroying ${directory}`,
      async () => `This removes the database ${directory} (${await describe(directory)}) for good.`,
    );
  }
  const { files, left, directoryRemoved } = await destroyDatabase(directory, options).catch(
    (error: unknown) => {
      if (!isLsmError(error, 'LSM_NOT_FOUND')) throw error;
      throw new Failure(exitCodes.noInput, `${error.message}; nothing was removed`, error);
    },
  );
  if (flags.quiet === true) return;
  const names = left.slice(0, 3).map(showText).join(', ');
  const rest =
    left.length > 0
      ? `; the directory stays, with what is not the database's: ${names}${left.length > 3 ? ', …' : ''}`
      : directoryRemoved
        ? ''
        : '; the empty directory could not be removed';
  printNote(`destroyed ${directory}: removed ${formatPlural(files, 'file')}${rest}`);
}
