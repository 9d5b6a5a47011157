import { randomFileId, systemRandom } from '../base/prng.js';
import { copyOf } from '../base/bytes.js';
import { noFileId } from '../base/checksum.js';
import type { Entry } from '../base/entry.js';
import { invalidArgument, LsmError, toLsmError } from '../base/errors.js';
import { maxSeq } from '../base/internal-key.js';
import { runAsync } from '../base/task.js';
import type { FileSystem } from '../fs/file-system.js';
import {
  resolveBuilderOptions,
  type ResolvedBuilderOptions,
  type SSTableBuilderOptions,
} from './builder-options.js';
import { loadCodecs } from './codecs.js';
import { describeTable, type SSTableMetadata } from './sstable-metadata.js';
import { TableWriter } from './table-writer.js';

const done: Promise<void> = Promise.resolve();

/**
 * Writes a sorted, immutable table file.
 *
 * Entries are added in key order (bytewise), versions of one key newest first
 * (`seq` descending). The file is written under `path` + `.tmp`, synced, and
 * renamed by `finish`, so that a table under its own name is always whole.
 */
export class SSTableBuilder {
  readonly #fs: FileSystem;
  readonly #path: string;
  readonly #writer: TableWriter;
  /** A write under way; entries added meanwhile wait for it in order. */
  #draining: Promise<void> | undefined;
  #queued = 0;
  #state: 'open' | 'failed' | 'done' = 'open';
  #cause: unknown;

  private constructor(options: ResolvedBuilderOptions, writer: TableWriter) {
    this.#fs = options.fs;
    this.#path = options.path;
    this.#writer = writer;
  }

  /**
   * @throws LsmError `LSM_INVALID_ARGUMENT` naming every wrong option; `LSM_IO`,
   * `LSM_NO_SPACE`, `LSM_TOO_MANY_FILES`
   */
  static async create(options: SSTableBuilderOptions): Promise<SSTableBuilder> {
    const resolved = resolveBuilderOptions(options);
    await loadCodecs();
    const writer = await runAsync(
      TableWriter.create({
        fs: resolved.fs,
        path: temporaryPath(resolved.path),
        settings: resolved.settings,
        databaseId: noFileId,
        tableId: randomFileId(systemRandom),
        keyspaceId: 0,
        keyspaceName: '',
        level: 0,
        flushedSeq: 0,
      }),
    );
    return new SSTableBuilder(resolved, writer);
  }

  /** Entries added so far. */
  get entries(): number {
    return this.#writer.entries;
  }

  /** Bytes the file has so far, with what is not yet compressed. */
  get estimatedBytes(): number {
    return this.#writer.estimatedBytes;
  }

  /**
   * Adds one entry; its bytes are the caller's again when the call returns.
   * Await it: about once per MiB it waits for the disk.
   * @throws LsmError `LSM_INVALID_ARGUMENT` when the entry does not come after the
   * one before, `LSM_TOO_LARGE` for a key above 65,535 bytes or a value above
   * 256 MiB (the table is unchanged and goes on); `LSM_IO`, `LSM_NO_SPACE` (it
   * can only be abandoned); `LSM_CLOSED` after `finish` or `abandon`.
   */
  add(entry: Entry): Promise<void> {
    if (this.#draining !== undefined || this.#queued > 0) return this.#addLater(entry);
    try {
      this.#addNow(entry);
      return this.#writer.needsDrain ? this.#drain() : done;
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** As `add`, but writes to the disk before it returns where that is due. */
  addSync(entry: Entry): void {
    if (this.#draining !== undefined || this.#queued > 0) {
      throw new LsmError('LSM_BUSY', 'an add() is under way: await it before addSync()');
    }
    this.#addNow(entry);
    if (!this.#writer.needsDrain) return;
    try {
      this.#writer.drain().waitSync();
    } catch (error) {
      throw this.#fail(error);
    }
  }

  /** Writes the rest, makes the file durable under its name, and says what is in it. */
  async finish(): Promise<SSTableMetadata> {
    while (this.#draining !== undefined) await this.#draining;
    this.#checkOpen();
    this.#state = 'failed';
    const meta = await runAsync(this.#writer.finish());
    try {
      await this.#fs.rename(temporaryPath(this.#path), this.#path);
      await this.#fs.syncDirectory(directoryOf(this.#path));
    } catch (error) {
      throw toLsmError(error, 'naming a table failed', this.#path);
    }
    this.#state = 'done';
    return describeTable(this.#path, meta, meta.rawBytes);
  }

  /** Gives up: nothing stays on disk. Does nothing after `finish`. */
  async abandon(): Promise<void> {
    await this.#draining?.catch(() => undefined);
    if (this.#state === 'done') return;
    this.#state = 'done';
    await runAsync(this.#writer.abandon());
  }

  #addNow({ key, seq, kind, value }: Entry): void {
    this.#checkOpen();
    if (!(key instanceof Uint8Array) || !(value instanceof Uint8Array)) {
      throw invalidArgument('key and value of an entry must be a Uint8Array; see Entry.put');
    }
    if (!Number.isSafeInteger(seq) || seq < 0) {
      throw invalidArgument(`seq must be an integer from 0 to ${maxSeq}`);
    }
    this.#writer.add(key, 0, key.length, seq, kind, value, 0, value.length);
  }

  async #addLater(entry: Entry): Promise<void> {
    const copy = { ...entry, key: copyOf(entry.key), value: copyOf(entry.value) };
    this.#queued++;
    try {
      while (this.#draining !== undefined) await this.#draining;
      this.#addNow(copy);
    } finally {
      this.#queued--;
    }
    if (this.#writer.needsDrain) await this.#drain();
  }

  #drain(): Promise<void> {
    this.#draining = this.#writer
      .drain()
      .wait()
      .catch((error: unknown) => {
        throw this.#fail(error);
      })
      .finally(() => {
        this.#draining = undefined;
      });
    return this.#draining;
  }

  #fail(error: unknown): LsmError {
    this.#state = 'failed';
    this.#cause = error;
    return toLsmError(error, 'writing a table failed', this.#path);
  }

  #checkOpen(): void {
    if (this.#state === 'open') return;
    const what = this.#state === 'failed' ? 'could not be written' : 'is finished or abandoned';
    const details = { file: this.#path, cause: this.#cause };
    throw new LsmError('LSM_CLOSED', `the table ${what}`, details);
  }
}

function temporaryPath(path: string): string {
  return `${path}.tmp`;
}

function directoryOf(path: string): string {
  const end = Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\'));
  return end < 0 ? '.' : path.slice(0, Math.max(1, end));
}
