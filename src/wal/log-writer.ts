import { assert } from '../base/assert.js';
import { emptyBytes } from '../base/bytes.js';
import type { FileId } from '../base/checksum.js';
import { LsmError, toLsmError } from '../base/errors.js';
import { encodeFileHeader } from '../base/file-header.js';
import { waitable, type Steps, type Waitable } from '../base/task.js';
import type { File } from '../fs/file-system.js';
import { closeQuietly } from './close-quietly.js';
import type { LogFileOptions, LogOptions } from './log-options.js';
import { PendingBytes } from './pending-bytes.js';
import { RecordEncoder } from './record-encoder.js';

/** Space is taken in steps of this size: 72–81 µs per synced append, against 118–128 without. */
export const preallocationBytes: number = 4 * 1024 * 1024;

/**
 * Appends records to a new file: a write-ahead log, or a manifest.
 *
 * `append` only fills memory; `flush` hands everything appended to the operating
 * system; `sync` makes what was flushed durable. Both are Waitables that may be
 * used again and again, and by several callers at a time. Each covers what had
 * been appended (flushed) when the wait began, and may cover more.
 *
 * A synchronous caller may take over while the pool still writes: the pool's
 * bytes stay untouched until it has let go of them, appends go behind them, and
 * both write the same bytes to the same place. Two things would not stand that
 * and are done otherwise: the file is extended by a synchronous call where there
 * is one (a late `ftruncate` could cut off what was written since), and
 * synchronous syncs have a descriptor of their own (the kernel tells of a failed
 * write-back once per descriptor, so of two syncs sharing one, one would succeed).
 *
 * After a failed write or sync the writer is failed for good: every later call
 * throws that first error.
 */
export class LogWriter {
  readonly path: string;
  readonly fileId: FileId;
  readonly #options: LogFileOptions;
  readonly #pending = new PendingBytes();
  readonly #encoder: RecordEncoder;
  readonly #flush: Waitable;
  readonly #sync: Waitable;
  #file: File | undefined;
  /** Where synchronous syncs go; undefined on a file system without synchronous calls. */
  #syncFile: File | undefined;
  #failure: LsmError | undefined;
  #isBegun = false;
  #allocated = 0;
  #writtenEnd = 0;
  #syncedEnd = 0;
  #writing: Promise<void> | undefined;
  #syncing: Promise<void> | undefined;

  private constructor(options: LogFileOptions) {
    this.#options = options;
    this.path = options.path;
    this.fileId = options.fileId;
    this.#encoder = new RecordEncoder(this.#pending, options.fileId);
    this.#flush = waitable(
      () => this.#flushAsync(),
      () => this.#flushSync(),
    );
    this.#sync = waitable(
      () => this.#syncAsync(),
      () => this.#syncSync(),
    );
  }

  /**
   * Creates the file and begins the log in it: `createFile` and `begin` in one.
   * The directory is not synced; the caller does that before it acknowledges anything.
   */
  static *create(options: LogOptions): Steps<LogWriter> {
    const writer = yield* LogWriter.createFile(options);
    try {
      yield* writer.begin(options.extension);
      return writer;
    } catch (error) {
      yield* closeQuietly(writer);
      throw error;
    }
  }

  /**
   * Creates the file only, so that a spare one can lie ready (with its name synced
   * by the caller). Nothing can be appended before `reserveHeader` or `begin`.
   * @throws LsmError `LSM_EXISTS` when the file holds bytes already.
   */
  static *createFile(options: LogFileOptions): Steps<LogWriter> {
    const writer = new LogWriter(options);
    try {
      yield* writer.#create();
      return writer;
    } catch (error) {
      const failure = writer.#fail(error, 'creating');
      yield* closeQuietly(writer);
      throw failure;
    }
  }

  /**
   * Leaves room for a header of `size` bytes, so that records can be appended
   * (not flushed) before `begin` has been called and is through.
   */
  reserveHeader(size: number): void {
    assert(this.end === 0, 'the room for a header is reserved once');
    this.#pending.begin(size);
  }

  /**
   * Writes the header and syncs the file, after which records may be flushed. A
   * log's links are known only now: where its predecessor ends, and up to where
   * that was synced.
   */
  *begin(extension: Uint8Array = emptyBytes): Steps<void> {
    assert(!this.#isBegun, 'a log begins once');
    this.#throwIfFailed();
    const { kind, fileId, databaseId } = this.#options;
    const header = encodeFileHeader({ kind, fileId, databaseId, extension });
    if (this.end === 0) this.#pending.begin(header.length);
    assert(this.#pending.start === header.length, 'the header has the size reserved for it');
    const file = this.#file!;
    yield this.#step(
      'beginning',
      () => file.write(header, 0, header.length, 0),
      () => file.writeSync!(header, 0, header.length, 0),
    );
    this.#writtenEnd = header.length;
    yield this.#sync;
    this.#isBegun = true;
  }

  /** Offset behind the last appended record; 0 before there is room for a header. */
  get end(): number {
    return this.#pending.end;
  }

  /** Everything below was handed to the operating system. */
  get writtenEnd(): number {
    return this.#writtenEnd;
  }

  /** Everything below is durable: it had been written when a sync began that then succeeded. */
  get syncedEnd(): number {
    return this.#syncedEnd;
  }

  /** The first error, after which nothing is written any more. */
  get failure(): LsmError | undefined {
    return this.#failure;
  }

  /** Appends a record of one piece. The bytes are copied; nothing is written yet. */
  append(bytes: Uint8Array, start = 0, end = bytes.length): void {
    this.beginRecord(end - start);
    this.addBytes(bytes, start, end);
  }

  /**
   * Begins a record of `length` bytes (at least 1), which the following calls of
   * `addBytes` bring in as many pieces as they like, before anything else is
   * called. So a record needs not be joined first.
   */
  beginRecord(length: number): void {
    assert(this.end > 0, 'records come behind the header');
    if (this.#failure !== undefined) throw this.#failure;
    this.#encoder.begin(length);
  }

  /** Brings the next bytes of the record; they are copied. */
  addBytes(bytes: Uint8Array, start: number, end: number): void {
    this.#encoder.add(bytes, start, end);
  }

  /** Hands everything appended to the operating system. */
  flush(): Waitable {
    return this.#flush;
  }

  /** Makes durable what has been flushed (call `flush` before); done at once when it is already. */
  sync(): Waitable {
    return this.#sync;
  }

  /**
   * Flushes, unless failed, and closes the file. `cutUnused` takes preallocated
   * space behind the last record away first (not synced: zeros there do no harm).
   */
  *close(options: { readonly cutUnused?: boolean } = {}): Steps<void> {
    try {
      if (this.#failure !== undefined || !this.#isBegun) return;
      yield this.#flush;
      const file = this.#file!;
      const end = this.end;
      if (options.cutUnused !== true || this.#allocated <= end) return;
      yield this.#step(
        'cutting',
        () => file.truncate(end),
        () => file.truncateSync!(end),
      );
      this.#allocated = end;
    } finally {
      yield* this.#closeFiles();
    }
  }

  *#create(): Steps<void> {
    const { fs, path, preallocate } = this.#options;
    yield this.#step(
      'creating',
      async () => {
        const opened = await fs.create(path);
        // After a failure nobody would close what comes late.
        if (this.#file === undefined && this.#failure === undefined) this.#file = opened;
        else await opened.close();
      },
      () => {
        this.#file ??= fs.createSync!(path);
      },
    );
    const file = this.#file!;
    if (fs.hasSync) this.#syncFile = fs.openSync!(path, { writable: true });
    let size = 0;
    yield this.#step(
      'creating',
      async () => {
        size = await file.size();
      },
      () => {
        size = file.sizeSync!();
      },
    );
    if (size > 0) {
      throw new LsmError('LSM_EXISTS', `${path} holds bytes already; a log begins in a new file`, {
        file: path,
      });
    }
    if (preallocate !== true) return;
    yield this.#step(
      'extending',
      () => this.#extendTo(1),
      () => void this.#extendTo(1),
    );
  }

  /** Both, also when one cannot be closed. */
  *#closeFiles(): Steps<void> {
    let failure: unknown;
    for (const file of [this.#file, this.#syncFile]) {
      if (file === undefined) continue;
      try {
        yield this.#step(
          'closing',
          () => file.close(),
          () => file.closeSync!(),
        );
      } catch (error) {
        failure ??= error;
      }
    }
    if (failure !== undefined) throw failure as Error;
  }

  /** Extends the file in steps so that it has at least `end` bytes. */
  #extendTo(end: number): Promise<void> {
    const size = Math.ceil(end / preallocationBytes) * preallocationBytes;
    if (size <= this.#allocated) return Promise.resolve();
    if (this.#options.fs.hasSync) {
      this.#file!.truncateSync!(size);
      this.#allocated = size;
      return Promise.resolve();
    }
    return this.#file!.truncate(size).then(() => {
      this.#allocated = size;
    });
  }

  async #flushAsync(): Promise<void> {
    this.#throwIfFailed();
    assert(this.#isBegun, 'no record is written before the header is synced');
    const target = this.end;
    while (this.#writtenEnd < target) {
      // One write at a time; whoever waited for it then writes all that has come since.
      await (this.#writing ??= this.#writeOne());
      this.#throwIfFailed();
    }
  }

  async #writeOne(): Promise<void> {
    const from = this.#writtenEnd;
    const chunk = this.#pending.lend(from);
    const to = chunk.start + chunk.length;
    try {
      if (this.#options.preallocate === true && to > this.#allocated) await this.#extendTo(to);
      await this.#file!.write(chunk.bytes, from - chunk.start, to - from, from);
    } catch (error) {
      throw this.#fail(error, 'writing');
    } finally {
      this.#writing = undefined;
      this.#pending.giveBack();
    }
    this.#advanceWritten(to);
  }

  #flushSync(): void {
    this.#throwIfFailed();
    assert(this.#isBegun, 'no record is written before the header is synced');
    if (this.#writtenEnd === this.end) return;
    this.#requireSync();
    try {
      while (this.#writtenEnd < this.end) {
        const from = this.#writtenEnd;
        const chunk = this.#pending.chunkAt(from);
        const to = chunk.start + chunk.length;
        if (this.#options.preallocate === true && to > this.#allocated) void this.#extendTo(to);
        this.#file!.writeSync!(chunk.bytes, from - chunk.start, to - from, from);
        this.#advanceWritten(to);
      }
    } catch (error) {
      throw this.#fail(error, 'writing');
    }
  }

  #advanceWritten(to: number): void {
    if (to > this.#writtenEnd) this.#writtenEnd = to;
    this.#pending.release(this.#writtenEnd);
  }

  async #syncAsync(): Promise<void> {
    this.#throwIfFailed();
    const target = this.#writtenEnd;
    while (this.#syncedEnd < target) {
      await (this.#syncing ??= this.#syncOne());
      this.#throwIfFailed();
    }
  }

  async #syncOne(): Promise<void> {
    const target = this.#writtenEnd;
    try {
      await this.#file!.sync();
    } catch (error) {
      throw this.#fail(error, 'syncing');
    } finally {
      this.#syncing = undefined;
    }
    if (target > this.#syncedEnd) this.#syncedEnd = target;
  }

  #syncSync(): void {
    this.#throwIfFailed();
    const target = this.#writtenEnd;
    if (this.#syncedEnd >= target) return;
    this.#requireSync();
    try {
      this.#syncFile!.syncSync!();
    } catch (error) {
      throw this.#fail(error, 'syncing');
    }
    this.#syncedEnd = target;
  }

  /** A step whose failure fails the writer, also when a synchronous caller has gone on meanwhile. */
  #step(doing: string, wait: () => Promise<void>, waitSync: () => void): Waitable {
    return waitable(
      async () => {
        try {
          await wait();
        } catch (error) {
          throw this.#fail(error, doing);
        }
      },
      () => {
        this.#requireSync();
        try {
          waitSync();
        } catch (error) {
          throw this.#fail(error, doing);
        }
      },
    );
  }

  #requireSync(): void {
    const { fs, path } = this.#options;
    if (fs.hasSync) return;
    throw new LsmError('LSM_UNSUPPORTED', `the file system ${fs.name} has no synchronous calls`, {
      file: path,
    });
  }

  #throwIfFailed(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  #fail(error: unknown, doing: string): LsmError {
    this.#failure ??= toLsmError(error, `${doing} ${this.path}`, this.path);
    return this.#failure;
  }
}
