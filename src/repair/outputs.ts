import type { FileId } from '../base/checksum.js';
import { corruption, systemErrorCode } from '../base/errors.js';
import { joinPath, logName, tableName } from '../base/file-names.js';
import { randomFileId, type RandomSource } from '../base/prng.js';
import type { TableMeta, TableSettings } from '../base/table-meta.js';
import { runAsync } from '../base/task.js';
import type { FileSystem } from '../fs/file-system.js';
import { TableWriter } from '../sstable/table-writer.js';
import { encodeLogLinks, type LogLinks } from '../wal/log-format.js';
import { LogWriter } from '../wal/log-writer.js';

/** Numbers above this one are nobody's honest ones: there must be room to go on behind. */
export const maxFileNumber: number = 2 ** 52;

export interface OutputPlace {
  readonly fs: FileSystem;
  readonly directory: string;
  readonly random: RandomSource;
}

export interface TableTarget {
  readonly keyspaceId: number;
  readonly keyspaceName: string;
  readonly level: number;
  readonly flushedSeq: number;
  readonly settings: TableSettings;
}

const temporary = (path: string): string => `${path}.tmp`;

/**
 * The new files of a repair. Each is written under a temporary name, which every
 * open and every repair passes over, and gets its own once it is synced: so what
 * a crash leaves is whole, or counts for nothing.
 */
export class Outputs {
  /** Nothing is to be written. */
  readonly isDry: boolean;
  databaseId: FileId;
  readonly #place: OutputPlace;
  #nextNumber: number;
  readonly #names: string[] = [];

  /** `nextNumber` is above every number in the directory. */
  constructor(place: OutputPlace, databaseId: FileId, nextNumber: number, isDry: boolean) {
    this.#place = place;
    this.databaseId = databaseId;
    this.#nextNumber = nextNumber;
    this.isDry = isDry;
  }

  /** Also those that others speak of were used. */
  skipNumbersTo(number: number): void {
    if (number <= maxFileNumber) this.#nextNumber = Math.max(this.#nextNumber, number + 1);
  }

  takeNumber(): number {
    const number = this.#nextNumber++;
    if (number > maxFileNumber) {
      throw corruption(`file numbers are used up (${number})`, this.#place.directory);
    }
    return number;
  }

  /** Numbers from here on were never used. */
  get nextNumber(): number {
    return this.#nextNumber;
  }

  async beginTable(target: TableTarget): Promise<TableWriter> {
    const { fs, directory, random } = this.#place;
    const { databaseId } = this;
    const fileNumber = this.takeNumber();
    const name = tableName(fileNumber);
    this.#names.push(name);
    return await runAsync(
      TableWriter.create({
        fs,
        path: temporary(joinPath(directory, name)),
        databaseId,
        tableId: randomFileId(random),
        fileNumber,
        ...target,
      }),
    );
  }

  /** Completes and syncs a table, and gives it its name. */
  async finishTable(writer: TableWriter): Promise<TableMeta> {
    const meta = await runAsync(writer.finish());
    await this.#giveName(tableName(meta.fileNumber));
    return meta;
  }

  async beginLog(
    links: LogLinks,
  ): Promise<{ readonly number: number; readonly writer: LogWriter }> {
    const { fs, directory, random } = this.#place;
    const { databaseId } = this;
    const number = this.takeNumber();
    const name = logName(number);
    this.#names.push(name);
    const path = temporary(joinPath(directory, name));
    await removeIfThere(fs, path);
    const writer = await runAsync(
      LogWriter.create({
        fs,
        path,
        kind: 'log',
        fileId: randomFileId(random),
        databaseId,
        extension: encodeLogLinks(links),
      }),
    );
    return { number, writer };
  }

  async finishLog(number: number, writer: LogWriter): Promise<void> {
    await writer.flush().wait();
    await writer.sync().wait();
    await runAsync(writer.close());
    await this.#giveName(logName(number));
  }

  /** Makes the names of all outputs durable. */
  async sync(): Promise<void> {
    await this.#place.fs.syncDirectory(this.#place.directory);
  }

  /** Removes what was written; what cannot be removed is swept by the next open. */
  async abandon(): Promise<void> {
    const { fs, directory } = this.#place;
    for (const name of this.#names) {
      const path = joinPath(directory, name);
      await removeIfThere(fs, temporary(path)).catch(() => undefined);
      await removeIfThere(fs, path).catch(() => undefined);
    }
  }

  async #giveName(name: string): Promise<void> {
    const path = joinPath(this.#place.directory, name);
    await this.#place.fs.rename(temporary(path), path);
  }
}

export async function removeIfThere(fs: FileSystem, path: string): Promise<void> {
  try {
    await fs.remove(path);
  } catch (error) {
    if (systemErrorCode(error) !== 'ENOENT') throw error;
  }
}
