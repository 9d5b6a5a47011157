import { isLsmError, LsmError, toLsmError } from '../base/errors.js';
import {
  currentName,
  joinPath,
  manifestName,
  parseFileName,
  tableName,
} from '../base/file-names.js';
import { systemRandom } from '../base/prng.js';
import type { TableMeta } from '../base/table-meta.js';
import { runAsync } from '../base/task.js';
import type { FileSystem } from '../fs/file-system.js';
import { nodeFileSystem } from '../fs/node-file-system.js';
import { isForeign } from '../manifest/classify-files.js';
import { VersionSet } from '../manifest/version-set.js';
import { loadCodecs } from '../sstable/codecs.js';
import { DamageList, type Damage } from './damage.js';
import { listLeftovers, type Leftover } from './leftovers.js';
import { verifyLogs } from './verify-logs.js';
import { verifyManifestFile } from './verify-manifest.js';
import { verifyTableFile } from './verify-table.js';

export type { Damage } from './damage.js';
export type { Leftover } from './leftovers.js';

/** What a walk over all files found. */
export interface VerifyReport {
  /** Manifest, tables and logs that were read. */
  readonly filesChecked: number;
  /** Bytes that were read in them. */
  readonly bytesChecked: number;
  /** Entries of tables and operations of logs. */
  readonly entriesChecked: number;
  /** Table files that the manifest names. */
  readonly tables: number;
  /** Log files that a recovery would replay. */
  readonly logs: number;
  /** Empty when everything is as it was written. */
  readonly damages: readonly Damage[];
  /** Files that are no part of the database; none of them is damage. */
  readonly leftovers: readonly Leftover[];
}

/** How `verifyDatabase` walks. */
export interface VerifyOptions {
  /** Default Node's file system. */
  readonly fs?: FileSystem;
  /** Called after the manifest, each table, and the logs: `files` are checked `of` those known so far. */
  readonly onProgress?: (done: { readonly files: number; readonly of: number }) => void;
}

/**
 * Walks the files of a database that is not open: manifest, every table that it
 * names, the logs that a recovery would replay. Every checksum, order and count
 * is checked; nothing is changed. Damage is reported, not thrown, and passed over, so
 * that one walk names all of it. Without a readable manifest all tables and logs
 * in the directory are checked.
 * @throws LsmError `LSM_NOT_FOUND`, `LSM_NOT_A_DATABASE`, `LSM_UNSUPPORTED_FORMAT`, `LSM_IO`
 */
export async function verifyDatabase(
  path: string,
  options: VerifyOptions = {},
): Promise<VerifyReport> {
  await loadCodecs();
  return new Verification(path, options).run();
}

class Verification {
  readonly #path: string;
  readonly #fs: FileSystem;
  readonly #onProgress: VerifyOptions['onProgress'];
  readonly #found = new DamageList();
  #files = 0;
  #bytes = 0;
  #entries = 0;
  #of = 0;

  constructor(path: string, options: VerifyOptions) {
    this.#path = path;
    this.#fs = options.fs ?? nodeFileSystem;
    this.#onProgress = options.onProgress;
  }

  async run(): Promise<VerifyReport> {
    try {
      return await this.#walk();
    } catch (error) {
      throw toLsmError(error, `verifying ${this.#path} failed`, this.#path);
    }
  }

  async #walk(): Promise<VerifyReport> {
    await this.#checkPlace();
    const set = await this.#readManifest();
    const names = (await this.#fs.list(this.#path)).sort();
    const logNumbers = numbersOf(names, 'log').filter((each) => each >= (set?.logNumber ?? 0));
    const strays = set === undefined ? numbersOf(names, 'table') : [];
    const keyspaces = [...(set?.keyspaces.values() ?? [])];
    const tables = keyspaces.reduce((sum, { version }) => sum + [...version.tables()].length, 0);
    this.#of = this.#files + tables + strays.length + logNumbers.length;
    this.#progress();
    for (const { version, name } of keyspaces) {
      for (const table of version.tables()) await this.#verifyTable(set!, name, table);
    }
    for (const number of strays) await this.#verifyStray(number);
    const logs = await this.#verifyLogs(set, logNumbers);
    const leftovers = set === undefined ? [] : await listLeftovers(this.#fs, this.#path, set);
    return {
      filesChecked: this.#files,
      bytesChecked: this.#bytes,
      entriesChecked: this.#entries,
      tables,
      logs,
      damages: this.#found.damages,
      leftovers,
    };
  }

  /** A place without a database is no sound database. */
  async #checkPlace(): Promise<void> {
    const path = this.#path;
    const stat = await this.#fs.stat(path);
    const names = stat?.isDirectory === true ? await this.#fs.list(path) : [];
    if (names.some((name) => name === currentName || parseFileName(name) !== undefined)) return;
    const isSomethingElse = stat?.isDirectory === false || names.some(isForeign);
    throw new LsmError(
      isSomethingElse ? 'LSM_NOT_A_DATABASE' : 'LSM_NOT_FOUND',
      isSomethingElse ? `${path} is no nori-lsm database` : `there is no database in ${path}`,
      { file: path },
    );
  }

  async #readManifest(): Promise<VersionSet | undefined> {
    this.#files++;
    const current = joinPath(this.#path, currentName);
    try {
      const recovering = VersionSet.recover(this.#fs, this.#path, { random: systemRandom });
      const found = await runAsync(recovering);
      if (found === undefined) return undefined;
      const { currentProblem, tornTail, manifestNumber } = found.report;
      this.#bytes += found.set.syncedLength;
      if (currentProblem === 'missing') {
        const what = `${current} is missing; ${manifestName(manifestNumber)} is the newest complete one`;
        this.#found.add(current, undefined, what);
      } else if (currentProblem !== undefined) this.#found.addError(currentProblem, current);
      if (tornTail !== undefined) await this.#verifyManifest(manifestNumber, true);
      return found.set;
    } catch (error) {
      if (!isLsmError(error, 'LSM_CORRUPTION')) throw error;
      const number = parseFileName(error.file?.slice(error.file.lastIndexOf('/') + 1) ?? '');
      const isThere = error.file !== undefined && (await this.#fs.stat(error.file)) !== undefined;
      if (number?.kind === 'manifest' && isThere) await this.#verifyManifest(number.number, false);
      this.#found.addError(error, this.#path);
      return undefined;
    }
  }

  async #verifyManifest(number: number, isReadable: boolean): Promise<void> {
    await verifyManifestFile(this.#fs, this.#path, number, isReadable, this.#found);
  }

  async #verifyTable(set: VersionSet, keyspace: string, table: TableMeta): Promise<void> {
    const path = joinPath(this.#path, tableName(table.fileNumber));
    const { tableId, size, checksum, smallest, largest } = table;
    const expected = { databaseId: set.databaseId, tableId, size, checksum };
    const whole = { keyspace, smallest, largest };
    this.#files++;
    const entries = await verifyTableFile(this.#fs, path, expected, whole, this.#found);
    this.#entries += entries;
    if (entries > 0) this.#bytes += size;
    this.#progress();
  }

  /** A table of which no manifest tells. */
  async #verifyStray(number: number): Promise<void> {
    const path = joinPath(this.#path, tableName(number));
    this.#files++;
    this.#entries += await verifyTableFile(this.#fs, path, undefined, {}, this.#found);
    this.#bytes += (await this.#fs.stat(path))?.size ?? 0;
    this.#progress();
  }

  async #verifyLogs(set: VersionSet | undefined, numbers: readonly number[]): Promise<number> {
    const sums = await verifyLogs(this.#fs, this.#path, numbers, set, this.#found);
    this.#files += sums.logs;
    this.#bytes += sums.bytes;
    this.#entries += sums.operations;
    this.#of = this.#files;
    if (sums.logs > 0) this.#progress();
    return sums.logs;
  }

  #progress(): void {
    this.#onProgress?.({ files: this.#files, of: this.#of });
  }
}

function numbersOf(names: readonly string[], kind: 'log' | 'table'): number[] {
  return names
    .map(parseFileName)
    .filter((file) => file?.kind === kind)
    .map((file) => file!.number)
    .sort((a, b) => a - b);
}
