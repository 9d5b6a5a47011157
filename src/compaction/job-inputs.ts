import type { FileId } from '../base/checksum.js';
import type { Clock } from '../base/clock.js';
import { joinPath, tableName } from '../base/file-names.js';
import type { TableMeta } from '../base/table-meta.js';
import { runAsync, runSync, type Steps, type Waitable } from '../base/task.js';
import type { FileSystem } from '../fs/file-system.js';
import type { TableOpener } from '../iterator/concat-iterator.js';
import type { Cursor } from '../iterator/cursor.js';
import { TableReader } from '../sstable/table-reader.js';

/**
 * Opens the tables of one run for a job, one at a time, with readers and
 * descriptors of its own and without a cache: a job reads each block once.
 */
export class JobInputs implements TableOpener {
  readonly #fs: FileSystem;
  readonly #clock: Clock;
  readonly #directory: string;
  readonly #databaseId: FileId;
  #reader: TableReader | undefined;
  #fileNumber = -1;
  #isClosed = false;

  constructor(fs: FileSystem, clock: Clock, directory: string, databaseId: FileId) {
    this.#fs = fs;
    this.#clock = clock;
    this.#directory = directory;
    this.#databaseId = databaseId;
  }

  openCursor(meta: TableMeta): Cursor | undefined {
    if (this.#fileNumber !== meta.fileNumber) return undefined;
    return this.#reader?.cursor({ fillCache: false });
  }

  request(meta: TableMeta): Waitable {
    return {
      wait: () => runAsync(this.#open(meta)),
      waitSync: () => runSync(this.#open(meta)),
    };
  }

  *close(): Steps<void> {
    this.#isClosed = true;
    yield* this.#closeReader();
  }

  *#open(meta: TableMeta): Steps<void> {
    // The cursor over the table before is closed by now.
    yield* this.#closeReader();
    const { fileNumber, tableId, size, checksum } = meta;
    const reader = yield* TableReader.open({
      fs: this.#fs,
      clock: this.#clock,
      path: joinPath(this.#directory, tableName(fileNumber)),
      expected: { databaseId: this.#databaseId, tableId, size, checksum },
    });
    if (this.#isClosed || this.#reader !== undefined) {
      // A synchronous caller has taken over and opened what it needs.
      yield* reader.close();
      return;
    }
    this.#reader = reader;
    this.#fileNumber = fileNumber;
  }

  *#closeReader(): Steps<void> {
    const reader = this.#reader;
    this.#reader = undefined;
    this.#fileNumber = -1;
    if (reader !== undefined) yield* reader.close();
  }
}
