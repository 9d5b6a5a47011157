import { lstat, realpath, stat } from 'node:fs/promises';
import { inspectDirectory, inspectFile } from '../inspect.js';
import { printFactAsJson, printOverviewAsJson } from './dump-json.js';
import { formatFact, formatOverview } from './dump-text.js';
import { exitCodes, Failure } from './failure.js';
import { formatPlural } from './numbers.js';
import type { Output } from './output.js';

export interface DumpOptions {
  readonly json?: boolean;
  /** False leaves out the entries of tables and the operations of logs. */
  readonly entries: boolean;
}

/** Prints the overview of a directory; returns how many places are damaged. */
async function dumpDirectory(output: Output, path: string, options: DumpOptions): Promise<number> {
  const overview = await inspectDirectory(path);
  if (options.json === true) printOverviewAsJson(output, overview);
  else output.write(formatOverview(overview));
  const damages = overview.files.filter((file) => file.problem !== undefined).length;
  return damages === 0 && overview.problem !== undefined ? 1 : damages;
}

async function dumpFile(output: Output, path: string, options: DumpOptions): Promise<number> {
  let damages = 0;
  // A link that the user names is meant; those inside a database are not followed.
  const isLink = (await lstat(path)).isSymbolicLink();
  for await (const fact of inspectFile(isLink ? await realpath(path) : path)) {
    if (fact.type === 'end') ({ damages } = fact);
    if (!options.entries && (fact.type === 'entry' || fact.type === 'operation')) continue;
    const isFull =
      options.json === true ? printFactAsJson(output, fact) : output.write(formatFact(fact));
    if (isFull) await output.drain();
    if (output.isClosed) break;
  }
  return damages;
}

/**
 * Prints what is in files of a database, or what the files of a directory are
 * for; opens no database, so that it works on one that does not open.
 */
export async function dump(
  output: Output,
  paths: readonly string[],
  options: DumpOptions,
): Promise<void> {
  let damages = 0;
  for (const path of paths) {
    const status = await stat(path);
    if (paths.length > 1) {
      output.write(
        options.json === true ? `${JSON.stringify({ type: 'path', path })}\n` : `==> ${path} <==\n`,
      );
    }
    damages += await (status.isDirectory() ? dumpDirectory : dumpFile)(output, path, options);
    await output.drain();
    if (output.isClosed) return;
  }
  if (damages === 0) return;
  throw new Failure(
    exitCodes.damage,
    `${paths.join(', ')}: ${formatPlural(damages, 'damaged place')}; nothing was changed; restore the database from a backup`,
  );
}
