import { formatFileId, noFileId, sameFileId, type FileId } from '../base/checksum.js';
import { corruption, isLsmError } from '../base/errors.js';
import { decodeFileHeader, maxHeaderBytes } from '../base/file-header.js';
import { currentName, joinPath } from '../base/file-names.js';
import type { FileSystem } from '../fs/file-system.js';
import { decodeCurrent } from '../manifest/current-file.js';
import type { ListedFile } from './listing.js';

/**
 * The database that the files of a directory belong to: the one CURRENT names,
 * where a file of it is there; else that of most files.
 * @throws LsmError `LSM_CORRUPTION` when no header can be read, or two databases have as many
 */
export async function chooseDatabase(
  fs: FileSystem,
  directory: string,
  files: readonly ListedFile[],
  wanted: string | undefined,
): Promise<FileId> {
  const votes = new Map<string, { readonly id: FileId; count: number }>();
  for (const { kind, path } of files) {
    const bytes = await readStart(fs, path);
    try {
      const { databaseId: id } = decodeFileHeader(bytes, kind, path);
      if (sameFileId(id, noFileId)) continue;
      const vote = votes.get(formatFileId(id));
      if (vote === undefined) votes.set(formatFileId(id), { id, count: 1 });
      else vote.count++;
    } catch (error) {
      if (!isLsmError(error, 'LSM_CORRUPTION')) throw error;
    }
  }
  const current = wanted ?? (await readCurrentId(fs, joinPath(directory, currentName)));
  const named = current === undefined ? undefined : votes.get(current);
  if (named !== undefined) return named.id;
  const [first, second] = [...votes.values()].sort((a, b) => b.count - a.count);
  if (wanted !== undefined) throw corruption(`no file of database ${wanted}`, directory);
  if (first === undefined) throw corruption('no file with a readable header', directory);
  if (second !== undefined && second.count === first.count) {
    const ids = [first, second].map(({ id }) => formatFileId(id)).join(' and ');
    throw corruption(`as many files of database ${ids}: say which one is meant`, directory);
  }
  return first.id;
}

async function readCurrentId(fs: FileSystem, path: string): Promise<string | undefined> {
  try {
    return formatFileId(decodeCurrent(await readStart(fs, path), path).databaseId);
  } catch (error) {
    if (isLsmError(error, 'LSM_UNSUPPORTED_FORMAT')) throw error;
    return undefined;
  }
}

async function readStart(fs: FileSystem, path: string): Promise<Uint8Array> {
  const file = await fs.open(path);
  try {
    const bytes = new Uint8Array(maxHeaderBytes + 1);
    return bytes.subarray(0, await file.read(bytes, 0, bytes.length, 0));
  } finally {
    await file.close();
  }
}
