import { joinPath, tableName } from '../base/file-names.js';
import { systemErrorCode } from '../base/errors.js';
import { runAsync } from '../base/task.js';
import type { FileSystem } from '../fs/file-system.js';
import type { TableCache } from '../sstable/table-cache.js';

/**
 * Removes files that a durable edit has made superfluous. Nobody waits for it: a
 * file that stays behind is swept at the next open. A failure is reported.
 */
export class FileRemover {
  readonly #fs: FileSystem;
  readonly #directory: string;
  readonly #tables: TableCache;
  readonly #onError: (error: unknown) => void;
  readonly #underWay = new Set<Promise<void>>();

  constructor(
    fs: FileSystem,
    directory: string,
    tables: TableCache,
    onError: (error: unknown) => void,
  ) {
    this.#fs = fs;
    this.#directory = directory;
    this.#tables = tables;
    this.#onError = onError;
  }

  get pending(): number {
    return this.#underWay.size;
  }

  remove(path: string): void {
    this.#watch(this.#fs.remove(path));
  }

  /** Closes the table first, where it is open. */
  removeTable(fileNumber: number): void {
    this.#watch(this.#removeTable(fileNumber));
  }

  /** Settles when no removal is under way. */
  async drain(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.all(this.#underWay);
  }

  async #removeTable(fileNumber: number): Promise<void> {
    await runAsync(this.#tables.evict(fileNumber));
    await this.#fs.remove(joinPath(this.#directory, tableName(fileNumber)));
  }

  #watch(removal: Promise<void>): void {
    const watched = removal
      .catch((error: unknown) => {
        if (systemErrorCode(error) !== 'ENOENT') this.#onError(error);
      })
      .finally(() => this.#underWay.delete(watched));
    this.#underWay.add(watched);
  }
}
