import {
  joinPath,
  lostDirectoryName,
  logName,
  manifestName,
  tableName,
} from '../base/file-names.js';
import type { FileSystem } from '../fs/file-system.js';
import { classifyFiles, type LiveFiles } from '../manifest/classify-files.js';

/** A file in the directory that is no part of the database as it is. */
export interface Leftover {
  /** Path of the file. */
  readonly file: string;
  /** Its size. */
  readonly bytes: number;
  /** What it is. */
  readonly what: string;
}

/**
 * Names what lies in a directory beside the files that count. Of a database that is open,
 * tables that are being written, or that a reader still needs, are among them.
 */
export async function listLeftovers(
  fs: FileSystem,
  directory: string,
  live: LiveFiles,
): Promise<Leftover[]> {
  const files = classifyFiles(await fs.list(directory), live);
  // The manifest before the current one is kept on purpose.
  const predecessor = Math.max(...files.oldManifests.filter((n) => n < live.manifestNumber));
  const isNoPredecessor = (n: number): boolean => n !== predecessor;
  const found: [name: string, what: string][] = [
    ...files.orphanTables.map((n): [string, string] => [
      tableName(n),
      'table that no manifest names',
    ]),
    ...files.oldManifests
      .filter(isNoPredecessor)
      .map((n): [string, string] => [
        manifestName(n),
        n < live.manifestNumber ? 'older manifest' : 'manifest that never took effect',
      ]),
    ...files.oldLogs.map((n): [string, string] => [logName(n), 'log that is needed no more']),
    ...files.temporary.map((name): [string, string] => [name, 'unfinished file']),
    ...files.foreign.map((name): [string, string] => [name, 'not written by this database']),
  ];
  if ((await fs.stat(joinPath(directory, lostDirectoryName)))?.isDirectory === true) {
    for (const name of (await fs.list(joinPath(directory, lostDirectoryName))).sort()) {
      found.push([joinPath(lostDirectoryName, name), 'set aside by a recovery']);
    }
  }
  const leftovers: Leftover[] = [];
  for (const [name, what] of found) {
    const file = joinPath(directory, name);
    const bytes = (await fs.stat(file))?.size;
    // It may be removed meanwhile.
    if (bytes !== undefined) leftovers.push({ file, bytes, what });
  }
  return leftovers;
}
