import { isLsmError, LsmError, toLsmError } from '../base/errors.js';
import { currentName, joinPath, logName, parseFileName, tableName } from '../base/file-names.js';
import { systemRandom } from '../base/prng.js';
import type { TableMeta } from '../base/table-meta.js';
import { runAsync } from '../base/task.js';
import type { FileSystem } from '../fs/file-system.js';
import { nodeFileSystem } from '../fs/node-file-system.js';
import { isForeign } from '../manifest/classify-files.js';
import { VersionSet } from '../manifest/version-set.js';
import { loadCodecs } from '../sstable/codecs.js';
import { TableReader } from '../sstable/table-reader.js';
import { BatchReader } from '../wal/batch-reader.js';
import { recoverLogs } from '../wal/recover-logs.js';

/** One place that is damaged. */
export interface Damage {
  /** Path of the file. */
  readonly file: string;
  /** Byte offset, where it is known. */
  readonly offset: number | undefined;
  /** What is wrong there. */
  readonly what: string;
  /** Keys that may be affected, both inclusive; undefined where that is not known. */
  readonly smallest: Uint8Array | undefined;
  /** The last of them. */
  readonly largest: Uint8Array | undefined;
}

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
 * is checked; nothing is changed. Damage is reported, not thrown, so that one
 * walk names all of it.
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
  readonly #damages: Damage[] = [];
  #files = 0;
  #bytes = 0;
  #entries = 0;

  constructor(path: string, options: VerifyOptions) {
    this.#path = path;
    this.#fs = options.fs ?? nodeFileSystem;
    this.#onProgress = options.onProgress;
  }

  async run(): Promise<VerifyReport> {
    try {
      await this.#checkPlace();
    } catch (error) {
      throw toLsmError(error, `looking at ${this.#path} failed`, this.#path);
    }
    const set = await this.#readManifest();
    const tables: TableMeta[] = [];
    for (const { version } of set?.keyspaces.values() ?? []) tables.push(...version.tables());
    const logNumbers = set === undefined ? [] : await this.#listLogs(set.logNumber);
    const known = this.#files + tables.length + logNumbers.length;
    this.#onProgress?.({ files: this.#files, of: known });
    for (const table of tables) {
      await this.#verifyTable(set!, table);
      this.#onProgress?.({ files: this.#files, of: known });
    }
    const logs = set === undefined ? 0 : await this.#verifyLogs(set, logNumbers);
    if (logs > 0) this.#onProgress?.({ files: this.#files, of: this.#files });
    return {
      filesChecked: this.#files,
      bytesChecked: this.#bytes,
      entriesChecked: this.#entries,
      tables: tables.length,
      logs,
      damages: this.#damages,
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
    try {
      const found = await runAsync(
        VersionSet.recover(this.#fs, this.#path, { random: systemRandom }),
      );
      if (found === undefined) return undefined;
      this.#bytes += found.set.syncedLength;
      const { currentProblem } = found.report;
      if (isLsmError(currentProblem)) this.#add(currentProblem);
      return found.set;
    } catch (error) {
      this.#addOrThrow(error);
      return undefined;
    }
  }

  async #verifyTable(set: VersionSet, table: TableMeta): Promise<void> {
    const path = joinPath(this.#path, tableName(table.fileNumber));
    this.#files++;
    try {
      const { databaseId } = set;
      const { tableId, size, checksum } = table;
      const reader = await runAsync(
        TableReader.open({
          fs: this.#fs,
          path,
          expected: { databaseId, tableId, size, checksum },
        }),
      );
      try {
        const checked = await runAsync(reader.verify());
        this.#bytes += table.size;
        this.#entries += checked.entries;
        for (const damage of checked.damages) this.#add(damage, table);
      } finally {
        await runAsync(reader.close());
      }
    } catch (error) {
      this.#addOrThrow(error, table);
    }
  }

  /** Numbers of the logs that a recovery may need. */
  async #listLogs(oldest: number): Promise<number[]> {
    const numbers: number[] = [];
    try {
      for (const name of await this.#fs.list(this.#path)) {
        const file = parseFileName(name);
        if (file?.kind === 'log' && file.number >= oldest) numbers.push(file.number);
      }
    } catch (error) {
      throw this.#toThrow(error);
    }
    return numbers;
  }

  async #verifyLogs(set: VersionSet, logNumbers: readonly number[]): Promise<number> {
    const reader = new BatchReader();
    try {
      const replay = await runAsync(
        recoverLogs({
          fs: this.#fs,
          directory: this.#path,
          databaseId: set.databaseId,
          logNumbers,
          manifestLogNumber: set.logNumber,
          cleanClose: set.cleanClose,
          replay: (batch) => {
            reader.reset(
              batch.bytes,
              batch.start,
              batch.end,
              batch.count,
              batch.path,
              batch.offset,
            );
            while (reader.next()) this.#entries++;
            return undefined;
          },
        }),
      );
      const claim = replay.manifestClaim;
      if (claim !== undefined) set.checkClaim(claim.number, claim.syncedLength);
      for (const { end } of replay.logs) this.#bytes += end;
      this.#files += replay.logs.length;
      return replay.logs.length;
    } catch (error) {
      this.#files += logNumbers.length;
      this.#addOrThrow(error, undefined, joinPath(this.#path, logName(set.logNumber)));
      return logNumbers.length;
    }
  }

  #addOrThrow(error: unknown, table?: TableMeta, file?: string): void {
    if (!isLsmError(error, 'LSM_CORRUPTION')) throw this.#toThrow(error, file);
    this.#add(error, table, file);
  }

  #toThrow(error: unknown, file = this.#path): LsmError {
    return toLsmError(error, `verifying ${this.#path} failed`, file);
  }

  #add(error: LsmError, table?: TableMeta, file = this.#path): void {
    this.#damages.push({
      file: error.file ?? file,
      offset: error.offset,
      what: error.message,
      smallest: table?.smallest,
      largest: table?.largest,
    });
  }
}
