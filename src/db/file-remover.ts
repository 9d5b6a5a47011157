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
  #holders = 0;
  #held: (() => void)[] = [];

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
    return this.#underWay.size + this.#held.length;
  }

  remove(path: string): void {
    this.#begin(() => this.#fs.remove(path));
  }

  /** Closes the table first, where it is open. */
  removeTable(fileNumber: number): void {
    this.#begin(() => this.#removeTable(fileNumber));
  }

  /** Nothing is removed while `run` reads files by what a manifest on disk names. */
  async whileHeld<T>(run: () => Promise<T>): Promise<T> {
    this.#holders++;
    try {
      return await run();
    } finally {
      this.#holders--;
      if (this.#holders === 0) for (const begin of this.#held.splice(0)) begin();
    }
  }

  /** Settles when no removal is under way. What was held back until now stays for the next open. */
  async drain(): Promise<void> {
    this.#held = [];
    while (this.#underWay.size > 0) await Promise.all(this.#underWay);
  }

  async #removeTable(fileNumber: number): Promise<void> {
    await runAsync(this.#tables.evict(fileNumber));
    await this.#fs.remove(joinPath(this.#directory, tableName(fileNumber)));
  }

  #begin(removal: () => Promise<void>): void {
    if (this.#holders > 0) this.#held.push(() => this.#watch(removal()));
    else this.#watch(removal());
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
