import {
  joinPath,
  lostDirectoryName,
  parseFileName,
  type NumberedKind,
} from '../base/file-names.js';
import type { FileSystem } from '../fs/file-system.js';
import { maxFileNumber } from './outputs.js';

/** A file of ours, by its name. */
export interface ListedFile {
  readonly kind: NumberedKind;
  readonly number: number;
  readonly name: string;
  readonly path: string;
}

/** The files of a database directory, ascending by number. */
export interface Listing {
  readonly files: readonly ListedFile[];
  /** Those in lost/. */
  readonly lost: readonly ListedFile[];
  /** Unfinished ones of ours. */
  readonly temporary: readonly string[];
  /** No name has a higher number, unfinished and lost ones included; impossible ones apart. */
  readonly highestNumber: number;
}

export async function listFiles(fs: FileSystem, directory: string): Promise<Listing> {
  const names = await fs.list(directory);
  const lostDirectory = joinPath(directory, lostDirectoryName);
  const isThere = (await fs.stat(lostDirectory))?.isDirectory === true;
  const lostNames = isThere ? await fs.list(lostDirectory) : [];
  const files = await select(fs, directory, names);
  const lost = await select(fs, lostDirectory, lostNames);
  const temporary = names.filter((name) => name.endsWith('.tmp') && baseOf(name) !== undefined);
  const numbers = [...names, ...lostNames].map((name) => baseOf(name)?.number ?? 0);
  const highestNumber = numbers.reduce((a, b) => (b <= maxFileNumber ? Math.max(a, b) : a), 0);
  return { files, lost, temporary, highestNumber };
}

function baseOf(
  name: string,
): { readonly kind: NumberedKind; readonly number: number } | undefined {
  return parseFileName(name.endsWith('.tmp') ? name.slice(0, -'.tmp'.length) : name);
}

/** Directories under our names are none of ours. */
async function select(
  fs: FileSystem,
  directory: string,
  names: readonly string[],
): Promise<ListedFile[]> {
  const files: ListedFile[] = [];
  for (const name of names) {
    const parsed = parseFileName(name);
    if (parsed === undefined) continue;
    const path = joinPath(directory, name);
    const stat = await fs.stat(path);
    if (stat !== undefined && !stat.isDirectory) files.push({ ...parsed, name, path });
  }
  return files.sort((a, b) => a.number - b.number);
}
