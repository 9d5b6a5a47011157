import { assert } from '../base/assert.js';
import { isLsmError, LsmError, toLsmError } from '../base/errors.js';
import { joinPath, tableName } from '../base/file-names.js';
import type { TableMeta } from '../base/table-meta.js';
import { runAsync, type Steps } from '../base/task.js';
import type { FileSystem } from '../fs/file-system.js';
import { syncDirectory } from '../manifest/file-steps.js';
import { removing } from '../sstable/file-steps.js';
import { TableWriter } from '../sstable/table-writer.js';
import type { JobSettings } from './job-settings.js';

/** The tables a job writes: all of them stay, or none. */
export class JobOutputs {
  readonly tables: TableMeta[] = [];
  readonly #fs: FileSystem;
  readonly #settings: JobSettings;
  /** Every file that may exist because of us. */
  readonly #paths: string[] = [];
  #writer: TableWriter | undefined;

  constructor(fs: FileSystem, settings: JobSettings) {
    this.#fs = fs;
    this.#settings = settings;
  }

  /** False when the reserved names are used up: the current table must take all the rest. */
  get canBeginAnother(): boolean {
    return this.#paths.length < this.#settings.outputs.length;
  }

  *begin(): Steps<TableWriter> {
    const settings = this.#settings;
    assert(this.#writer === undefined && this.canBeginAnother, 'a reserved name for each output');
    const { fileNumber, tableId } = settings.outputs[this.#paths.length];
    const path = joinPath(settings.directory, tableName(fileNumber));
    this.#paths.push(path);
    this.#writer = yield* TableWriter.create({
      fs: this.#fs,
      path,
      settings: settings.table,
      databaseId: settings.databaseId,
      tableId,
      keyspaceId: settings.keyspaceId,
      keyspaceName: settings.keyspaceName,
      level: settings.kind === 'flush' ? 0 : settings.outputLevel,
      flushedSeq: settings.flushedSeq,
      fileNumber,
    });
    return this.#writer;
  }

  /** Completes and syncs the current table. */
  *finish(): Steps<void> {
    this.tables.push(yield* this.#writer!.finish());
    this.#writer = undefined;
  }

  /**
   * Makes the tables' names durable.
   * @throws LsmError `LSM_FAILED`: unlike a table that cannot be written, this is not to be
   * retried; `LSM_TOO_MANY_FILES`, which is.
   */
  *sync(): Steps<void> {
    const { directory } = this.#settings;
    try {
      yield* syncDirectory(this.#fs, directory);
    } catch (cause) {
      if (isLsmError(cause, 'LSM_UNSUPPORTED')) throw cause;
      const known = toLsmError(cause, `syncing the directory ${directory} failed`, directory);
      // It could not even be opened: nothing was tried that must not be tried again.
      if (known.code === 'LSM_TOO_MANY_FILES') throw known;
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new LsmError('LSM_FAILED', `syncing the directory ${directory} failed: ${reason}`, {
        file: directory,
        cause,
      });
    }
  }

  /** Removes all files. What cannot be removed is an orphan, which the next open sweeps. */
  *abandon(): Steps<void> {
    const writer = this.#writer;
    this.#writer = undefined;
    if (writer !== undefined) yield* ignoringErrors(writer.abandon());
    for (const path of this.#paths) yield* ignoringErrors(removal(this.#fs, path));
  }
}

/**
 * Settles when no output of a failed job is left. A job that is run synchronously
 * only begins to remove its files, since that has no synchronous form; closing
 * could end the thread before it is done.
 */
export async function removeOutputs(fs: FileSystem, settings: JobSettings): Promise<void> {
  const { directory, outputs } = settings;
  await Promise.all(
    outputs.map(({ fileNumber }) => {
      const path = joinPath(directory, tableName(fileNumber));
      return runAsync(ignoringErrors(removal(fs, path)));
    }),
  );
}

function* removal(fs: FileSystem, path: string): Steps<void> {
  yield removing(fs, path);
}

/** For clean-up on the way out: the error that led there is the one to tell. */
export function* ignoringErrors(steps: Steps<void>): Steps<void> {
  try {
    yield* steps;
  } catch {
    // See above.
  }
}
