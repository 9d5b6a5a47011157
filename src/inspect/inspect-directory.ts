import { formatFileId, sameFileId } from '../base/checksum.js';
import { isLsmError, LsmError, systemErrorCode, toLsmError } from '../base/errors.js';
import {
  currentName,
  joinPath,
  lostDirectoryName,
  parseFileName,
  tableName,
} from '../base/file-names.js';
import type { TableMeta } from '../base/table-meta.js';
import { runAsync } from '../base/task.js';
import type { FileSystem } from '../fs/file-system.js';
import { nodeFileSystem } from '../fs/node-file-system.js';
import { isForeign } from '../manifest/classify-files.js';
import { findManifest, type FoundManifest } from '../manifest/find-manifest.js';
import type { InspectedKind } from './facts.js';
import type { InspectOptions } from './inspect-file.js';
import { kindOfName, readBeginning } from './lenient-header.js';

/** What a file of a database directory is for. */
export type FileState =
  /** CURRENT, the manifest in force, a table that it names, a log that recovery may replay. */
  | 'in-use'
  /** Named by the manifest, but not there. */
  | 'missing'
  /** Needed no more: the engine removes it in time. */
  | 'obsolete'
  /** No manifest can be read that would tell. */
  | 'unknown'
  /** Set aside in lost/ by a recovery. */
  | 'set-aside'
  /** LOCK, LOCK.owner, an unfinished CURRENT. */
  | 'auxiliary'
  /** Not written by this database. */
  | 'foreign';

/** What the manifest says of a table in use. */
export interface TableOverview {
  /** The id of its keyspace. */
  readonly keyspaceId: number;
  /** The level it is in. */
  readonly level: number;
  /** Versions of keys in it, tombstones included. */
  readonly entries: number;
  /** First user key. */
  readonly smallest: Uint8Array;
  /** Last user key. */
  readonly largest: Uint8Array;
}

/** One file of a database directory. */
export interface FileOverview {
  /** Relative to the directory. */
  readonly name: string;
  /** What it is, by its name. */
  readonly kind: InspectedKind | 'other';
  /** What it is for. */
  readonly state: FileState;
  /** Size of the file; 0 when it is missing. */
  readonly bytes: number;
  /** What is wrong with it at first sight: header, identity, size. Its content is not read. */
  readonly problem: string | undefined;
  /** Undefined for all but tables in use. */
  readonly table: TableOverview | undefined;
}

/** A keyspace that the manifest names. */
export interface KeyspaceOverview {
  /** By which logs and tables name it. */
  readonly id: number;
  /** As the user gave it. */
  readonly name: string;
}

/** The files of a directory, and what the manifest says they are for. */
export interface DirectoryOverview {
  /** As given. */
  readonly path: string;
  /** 16 hex digits; undefined when no manifest can be read. */
  readonly databaseId: string | undefined;
  /** Name of the manifest in force; undefined when none can be read. */
  readonly manifest: string | undefined;
  /** The newest sequence number that the manifest knows of; logs may hold newer ones. */
  readonly lastSeq: number | undefined;
  /** Oldest first; undefined when no manifest can be read. */
  readonly keyspaces: readonly KeyspaceOverview[] | undefined;
  /** Why the database does not open, as far as CURRENT and the manifest tell. */
  readonly problem: string | undefined;
  /** By name; those in lost/ last. */
  readonly files: readonly FileOverview[];
}

/**
 * Tells what the files in the directory of a database are for, without opening
 * it and without reading their content: also of a database that does not open.
 * @throws LsmError `LSM_NOT_FOUND`, `LSM_NOT_A_DATABASE`, `LSM_IO`,
 * `LSM_UNSUPPORTED_FORMAT` when a newer version wrote CURRENT or the manifest
 */
export async function inspectDirectory(
  path: string,
  options: InspectOptions = {},
): Promise<DirectoryOverview> {
  const { fs = nodeFileSystem } = options;
  try {
    const names = await listPlace(fs, path);
    let found: FoundManifest | undefined;
    let problem: string | undefined;
    try {
      found = await runAsync(findManifest(fs, path));
      const { currentProblem } = found?.report ?? {};
      if (currentProblem !== undefined) {
        problem = isLsmError(currentProblem) ? currentProblem.message : `${currentName} is missing`;
      }
    } catch (error) {
      if (isLsmError(error, 'LSM_UNSUPPORTED_FORMAT')) throw error;
      problem = toLsmError(error, `reading ${path} failed`, path).message;
    }
    return {
      path,
      databaseId: found && formatFileId(found.databaseId),
      manifest: found && found.path.slice(found.path.lastIndexOf('/') + 1),
      lastSeq: found?.state.lastSeq,
      keyspaces: found && [...found.state.keyspaces.values()].map(({ id, name }) => ({ id, name })),
      problem,
      files: await new Survey(fs, path, found).run(names),
    };
  } catch (error) {
    throw toLsmError(error, `reading ${path} failed`, path);
  }
}

/** A place with none of our names is refused. */
async function listPlace(fs: FileSystem, path: string): Promise<string[]> {
  const stat = await fs.stat(path);
  const names = stat?.isDirectory === true ? await fs.list(path) : [];
  if (names.some((name) => kindOfName(name) !== undefined)) return names;
  const isSomethingElse = stat?.isDirectory === false || names.some(isForeign);
  throw new LsmError(
    isSomethingElse ? 'LSM_NOT_A_DATABASE' : 'LSM_NOT_FOUND',
    isSomethingElse ? `${path} is no nori-lsm database` : `there is no database in ${path}`,
    { file: path },
  );
}

class Survey {
  readonly #fs: FileSystem;
  readonly #path: string;
  readonly #found: FoundManifest | undefined;
  readonly #tables = new Map<string, TableMeta>();

  constructor(fs: FileSystem, path: string, found: FoundManifest | undefined) {
    this.#fs = fs;
    this.#path = path;
    this.#found = found;
    for (const { version } of found?.state.keyspaces.values() ?? []) {
      for (const table of version.tables()) this.#tables.set(tableName(table.fileNumber), table);
    }
  }

  async run(names: readonly string[]): Promise<FileOverview[]> {
    const all = new Set([...names, ...this.#tables.keys()]);
    const files: FileOverview[] = [];
    for (const name of [...all].sort()) {
      if (name !== lostDirectoryName) files.push(await this.#look(name, this.#stateOf(name)));
    }
    if (names.includes(lostDirectoryName)) files.push(...(await this.#lookAtLost()));
    return files;
  }

  #stateOf(name: string): FileState {
    if (isForeign(name)) return 'foreign';
    if (name === currentName) return 'in-use';
    const file = parseFileName(name);
    if (file === undefined) return 'auxiliary';
    if (this.#found === undefined) return 'unknown';
    const { number, state } = this.#found;
    const isNeeded =
      file.kind === 'table'
        ? this.#tables.has(name)
        : file.kind === 'log'
          ? file.number >= state.logNumber
          : file.number === number;
    return isNeeded ? 'in-use' : 'obsolete';
  }

  async #look(name: string, state: FileState): Promise<FileOverview> {
    const path = joinPath(this.#path, name);
    const table = this.#tables.get(name);
    const kind = kindOfName(name.slice(name.lastIndexOf('/') + 1)) ?? 'other';
    const overview = { name, kind, table: table && overviewOf(table) } as const;
    const stat = await this.#fs.stat(path);
    if (stat === undefined) {
      const problem = state === 'in-use' ? `${name} is missing` : undefined;
      return { ...overview, state: 'missing', bytes: 0, problem };
    }
    const bytes = stat.isDirectory ? 0 : stat.size;
    if (kind === 'other' || state === 'foreign') {
      return { ...overview, state, bytes, problem: undefined };
    }
    return { ...overview, state, bytes, problem: await this.#examine(path, kind, table) };
  }

  /** What is wrong with a file at first sight. */
  async #examine(
    path: string,
    kind: InspectedKind,
    table: TableMeta | undefined,
  ): Promise<string | undefined> {
    try {
      const file = await this.#fs.open(path);
      try {
        const beginning = await readBeginning(file, kind);
        if (beginning?.damage !== undefined) return beginning.damage.what;
        const { header, fileBytes } = beginning!;
        if (header === undefined) return undefined;
        if (header.kind !== kind) return `${path} begins like a ${header.kind} file`;
        const id = this.#found?.databaseId;
        if (id !== undefined && !sameFileId(header.databaseId, id)) {
          return `${path} belongs to another database`;
        }
        if (table === undefined) return undefined;
        if (fileBytes !== table.size) {
          return `${path} has ${fileBytes} bytes and should have ${table.size}`;
        }
        return sameFileId(header.fileId, table.tableId)
          ? undefined
          : `${path} is another table than the manifest names`;
      } finally {
        await file.close();
      }
    } catch (error) {
      if (systemErrorCode(error) === 'ENOENT') return undefined;
      return toLsmError(error, `reading ${path} failed`, path).message;
    }
  }

  async #lookAtLost(): Promise<FileOverview[]> {
    const files: FileOverview[] = [];
    const names = await this.#fs.list(joinPath(this.#path, lostDirectoryName));
    for (const name of names.sort()) {
      const isTable = parseFileName(name)?.kind === 'table';
      files.push(
        await this.#look(`${lostDirectoryName}/${name}`, isTable ? 'set-aside' : 'foreign'),
      );
    }
    return files;
  }
}

function overviewOf({ keyspaceId, level, entries, smallest, largest }: TableMeta): TableOverview {
  return { keyspaceId, level, entries, smallest, largest };
}
