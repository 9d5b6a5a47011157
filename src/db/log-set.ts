import { assert } from '../base/assert.js';
import type { FileId } from '../base/checksum.js';
import { toLsmError } from '../base/errors.js';
import { joinPath, logName } from '../base/file-names.js';
import { randomFileId, type RandomSource } from '../base/prng.js';
import { runQueued, TaskQueue } from '../base/task-queue.js';
import { waitable, type Steps, type Waitable } from '../base/task.js';
import type { FileSystem } from '../fs/file-system.js';
import { appendBatch, appendEncodedBatch } from '../wal/batch-record.js';
import { encodeLogLinks, logHeaderBytes } from '../wal/log-format.js';
import { closeQuietly } from '../wal/close-quietly.js';
import { LogWriter } from '../wal/log-writer.js';
import type { WriteBatch } from '../wal/write-batch.js';

export interface LogSetOptions {
  readonly fs: FileSystem;
  readonly directory: string;
  readonly databaseId: FileId;
  readonly random: RandomSource;
  readonly preallocate: boolean;
  /** A number that is durable before the file has it as its name. */
  readonly takeFileNumber: () => Steps<number>;
  /** Number and synced length of the current manifest: what a new log's header claims. */
  readonly manifestClaim: () => { readonly number: number; readonly syncedLength: number };
  /** Called with a failure of a log, after which nothing is written; returns what writers hear of the first. */
  readonly onFailure: (error: unknown) => Error;
  /** Called when a switch has become possible. */
  readonly onSpareReady: () => void;
  /** The next log's file could not be made; nothing is lost, it can be tried again. */
  readonly onSpareFailed: (error: unknown) => void;
  /** Removes a file that nothing needs any more. */
  readonly removeFile: (path: string) => void;
}

/** A batch of an older log: `operations` as its record held them. */
export interface RecoveredBatch {
  readonly firstSeq: number;
  readonly count: number;
  readonly operations: Uint8Array;
}

/** A log of an earlier session, replayed and not yet superfluous. */
export interface EarlierLog {
  readonly number: number;
  readonly path: string;
  /** Newest sequence number in it, or in any log before it. */
  readonly newestSeq: number;
}

interface Log {
  readonly number: number;
  readonly writer: LogWriter;
  /** The first sequence number that it may hold, and the newest that it does (0: none). */
  firstSeq: number;
  newestSeq: number;
}

/** Where a new log hangs on: the end of the log that was replayed last. 0 = none. */
export interface PreviousLog {
  readonly number: number;
  readonly end: number;
  readonly synced: number;
}

export const noPreviousLog: PreviousLog = { number: 0, end: 0, synced: 0 };

/**
 * The write-ahead logs of an open database: one that takes records, older ones
 * whose data is not in tables yet, and a spare file for the next switch, because
 * creating a file and syncing its name takes milliseconds that no writer should wait.
 *
 * Sequence numbers are the measure of progress: everything up to `writtenSeq` has
 * been handed to the operating system, everything up to `syncedSeq` is on disk.
 */
export class LogSet {
  readonly #options: LogSetOptions;
  /** Writes and switches of the log, in order. */
  readonly #writes: TaskQueue;
  readonly #syncs: TaskQueue;
  /** Oldest first, all before `#logs`. */
  readonly #earlier: EarlierLog[];
  /** Oldest first; the last one takes records. */
  readonly #logs: Log[] = [];
  #spare: Log | undefined;
  #spareTask: Waitable | undefined;
  #isClosing = false;
  /** The first one: what was queued behind it finds logs that have not begun, and is not done. */
  #failure: Error | undefined;
  #appendedSeq = 0;
  #writtenSeq = 0;
  #syncedSeq = 0;
  writeCalls = 0;
  records = 0;
  recordBytes = 0;
  syncCalls = 0;

  constructor(options: LogSetOptions, earlier: readonly EarlierLog[]) {
    this.#options = options;
    this.#earlier = [...earlier];
    this.#writes = new TaskQueue(options.onFailure);
    this.#syncs = new TaskQueue(options.onFailure);
  }

  /**
   * Makes the first log of this session. `seq` is the last sequence number in
   * use; records that recovery copies into it begin at `firstSeq`.
   */
  *start(previous: PreviousLog, seq: number, firstSeq = seq + 1): Steps<void> {
    this.#appendedSeq = this.#writtenSeq = this.#syncedSeq = seq;
    const log = yield* this.#createFile();
    log.firstSeq = firstSeq;
    this.#logs.push(log);
    yield* this.#begin(log, previous);
  }

  /** Appends, writes and syncs records of an older log; their sequence numbers stay as they were. */
  *copyIn(records: readonly RecoveredBatch[]): Steps<void> {
    const log = this.#active;
    for (const { firstSeq, count, operations } of records) {
      const fields = { firstSeq, count, syncedOffset: log.writer.syncedEnd };
      appendEncodedBatch(log.writer, fields, operations, 0, operations.length);
      log.newestSeq = Math.max(log.newestSeq, firstSeq + count - 1);
    }
    yield log.writer.flush();
    yield log.writer.sync();
  }

  get writtenSeq(): number {
    return this.#writtenSeq;
  }

  get syncedSeq(): number {
    return this.#syncedSeq;
  }

  get appendedSeq(): number {
    return this.#appendedSeq;
  }

  /** Number of the log that takes records. */
  get activeNumber(): number {
    return this.#active.number;
  }

  /** Whether this is a log of ours: one that is needed, or the spare. */
  has(number: number): boolean {
    const isIt = (log: { readonly number: number }): boolean => log.number === number;
    return this.#earlier.some(isIt) || this.#logs.some(isIt) || this.#spare?.number === number;
  }

  get fileCount(): number {
    return this.#earlier.length + this.#logs.length;
  }

  get bytes(): number {
    return this.#logs.reduce((sum, log) => sum + log.writer.end, 0);
  }

  /** Adds a record in memory; `flush…` hands it to the operating system. */
  append(firstSeq: number, count: number, batch: WriteBatch): void {
    const log = this.#active;
    const before = log.writer.end;
    appendBatch(log.writer, { firstSeq, count, syncedOffset: log.writer.syncedEnd }, batch);
    log.newestSeq = this.#appendedSeq = firstSeq + count - 1;
    this.records++;
    this.recordBytes += log.writer.end - before;
  }

  /** True when the active log can be written right now, without a wait for a header to be synced. */
  get canWriteSync(): boolean {
    return this.#options.fs.hasSync && this.#writes.isIdle && this.#failure === undefined;
  }

  /** Hands everything appended to the OS; only when `canWriteSync`. */
  writeSync(): void {
    const target = this.#appendedSeq;
    if (target === this.#writtenSeq) return;
    this.#active.writer.flush().waitSync();
    this.writeCalls++;
    this.#writtenSeq = target;
  }

  /** Hands everything appended so far to the OS, behind switches that are under way. */
  *write(): Steps<void> {
    // Asked for now: when its turn comes, a switch behind it may have put a log in place that has not begun.
    const log = this.#active;
    try {
      yield* runQueued(this.#writes, () => this.#unlessFailed(this.#writeSteps(log)));
    } catch (error) {
      this.#options.onFailure(error);
      throw error;
    }
  }

  /** Writes and syncs everything appended so far, oldest log first. */
  *sync(): Steps<void> {
    if (this.#syncedSeq === this.#appendedSeq) return;
    try {
      yield* runQueued(this.#syncs, () => this.#unlessFailed(this.#syncSteps()));
    } catch (error) {
      this.#options.onFailure(error);
      throw error;
    }
  }

  /** True when a switch need not wait for the spare file. */
  get canSwitch(): boolean {
    return this.#spare !== undefined;
  }

  /** What a synchronous writer waits on when there is no spare file yet. */
  get spareRequest(): Waitable | undefined {
    return this.#spareTask;
  }

  /** Records go to a new log from now on. */
  switchLog(): void {
    const log = this.#spare;
    assert(log !== undefined, 'a log switch needs its spare file');
    const old = this.#active;
    this.#spare = undefined;
    log.writer.reserveHeader(logHeaderBytes);
    log.firstSeq = this.#appendedSeq + 1;
    this.#logs.push(log);
    this.#watch(this.#writes.add(() => this.#unlessFailed(this.#switchSteps(old, log))));
  }

  /**
   * The oldest log that may hold `oldestUnflushedSeq` or anything newer; the active
   * one at the latest. Sequence numbers rise from log to log, so the log before
   * it holds only what is in tables, of whatever keyspace.
   */
  oldestNeeded(oldestUnflushedSeq: number): number {
    const isNeeded = (log: { newestSeq: number }): boolean => log.newestSeq >= oldestUnflushedSeq;
    return (this.#earlier.find(isNeeded) ?? this.#logs.find(isNeeded) ?? this.#active).number;
  }

  /** Closes and removes logs below `number`, oldest first: the manifest does not need them any more. */
  *removeBelow(number: number): Steps<void> {
    while (this.#earlier.length > 0 && this.#earlier[0].number < number) {
      this.#options.removeFile(this.#earlier.shift()!.path);
    }
    while (this.#logs.length > 1 && this.#logs[0].number < number) {
      const [log] = this.#logs.splice(0, 1);
      // Behind the switches to it and away from it, which may still be under way. What it
      // holds is in tables: whether it can be closed is of no consequence.
      yield* runQueued(this.#writes, () => closeQuietly(log.writer));
      this.#options.removeFile(log.writer.path);
    }
  }

  /** Starts making the spare file, unless there is one. */
  prepareSpare(): void {
    if (this.#spare !== undefined || this.#spareTask !== undefined || this.#isClosing) return;
    const queued = this.#syncs.add(() => this.#spareSteps());
    if (this.#spare === undefined) this.#spareTask = queued;
    queued.wait().then(
      () => this.#options.onSpareReady(),
      (error: unknown) => {
        if (this.#spareTask === queued) this.#spareTask = undefined;
        this.#options.onSpareFailed(error);
      },
    );
  }

  /** Syncs and closes everything. Returns what a clean close claims. */
  *close(): Steps<{ logNumber: number; syncedLength: number }> {
    this.#isClosing = true;
    yield* this.sync();
    const active = this.#active;
    const syncedLength = active.writer.end;
    yield* this.abandon();
    return { logNumber: active.number, syncedLength };
  }

  /** Closes the files after a failure, or at the end of a clean close; each, also when another cannot be closed. */
  *abandon(): Steps<void> {
    this.#isClosing = true;
    yield waitable(
      async () => {
        await this.#writes.drain();
        await this.#syncs.drain();
      },
      () => undefined,
    );
    let failure: unknown;
    for (const { writer } of this.#logs) {
      try {
        yield* writer.close({ cutUnused: true });
      } catch (error) {
        failure ??= error;
      }
    }
    const spare = this.#spare;
    this.#spare = undefined;
    if (spare !== undefined) {
      yield* closeQuietly(spare.writer);
      this.#options.removeFile(spare.writer.path);
    }
    if (failure !== undefined) throw failure as Error;
  }

  get #active(): Log {
    return this.#logs[this.#logs.length - 1];
  }

  /** A failure of a queued step is the failure of the log. */
  #watch(queued: Waitable): void {
    queued.wait().catch(this.#options.onFailure);
  }

  *#unlessFailed(steps: Steps<void>): Steps<void> {
    if (this.#failure !== undefined) throw this.#failure;
    try {
      yield* steps;
    } catch (error) {
      this.#failure ??= this.#options.onFailure(error);
      throw error;
    }
  }

  *#writeSteps(log: Log): Steps<void> {
    const target = log === this.#active ? this.#appendedSeq : log.newestSeq;
    if (target <= this.#writtenSeq) return;
    yield log.writer.flush();
    this.writeCalls++;
    if (target > this.#writtenSeq) this.#writtenSeq = target;
  }

  *#syncSteps(): Steps<void> {
    // Those that are there now: behind this write all but the last have their end. A log that
    // is begun later must not be synced before the rest of the one that it continues.
    const logs = [...this.#logs];
    yield* this.write();
    // What was written meanwhile to a log that is not among them waits for its own sync.
    const isLast = logs.at(-1) === this.#active;
    const newestSeq = Math.max(...logs.map((log) => log.newestSeq));
    const target = isLast ? this.#writtenSeq : Math.min(this.#writtenSeq, newestSeq);
    if (target <= this.#syncedSeq) return;
    for (const log of logs) {
      if (log.writer.syncedEnd < log.writer.writtenEnd) {
        yield log.writer.sync();
        this.syncCalls++;
      }
    }
    if (target > this.#syncedSeq) this.#syncedSeq = target;
  }

  *#switchSteps(old: Log, log: Log): Steps<void> {
    // Its end is final: records go to the new log since the switch.
    yield old.writer.flush();
    if (old.newestSeq > this.#writtenSeq) this.#writtenSeq = old.newestSeq;
    const { number, writer } = old;
    yield* this.#begin(log, { number, end: writer.end, synced: writer.syncedEnd });
  }

  *#begin(log: Log, previous: PreviousLog): Steps<void> {
    const manifest = this.#options.manifestClaim();
    yield* log.writer.begin(
      encodeLogLinks({
        previousLog: previous.number,
        previousEnd: previous.end,
        previousSynced: previous.synced,
        firstSeq: log.firstSeq,
        manifestNumber: manifest.number,
        manifestSynced: manifest.syncedLength,
      }),
    );
  }

  *#spareSteps(): Steps<void> {
    try {
      this.#spare = yield* this.#createFile();
    } catch (error) {
      // Who waits for it wants to write: a failure of the handle is what it hears.
      throw this.#failure ?? error;
    } finally {
      // Also after a failure: a synchronous caller may try again before the event loop turns.
      this.#spareTask = undefined;
    }
  }

  *#createFile(): Steps<Log> {
    const { fs, directory, databaseId, random, preallocate, takeFileNumber } = this.#options;
    const number = yield* takeFileNumber();
    const path = joinPath(directory, logName(number));
    const fileId = randomFileId(random);
    const writer = yield* LogWriter.createFile({
      fs,
      path,
      kind: 'log',
      fileId,
      databaseId,
      preallocate,
    });
    try {
      yield waitable(
        () => fs.syncDirectory(directory),
        () => fs.syncDirectorySync!(directory),
      );
    } catch (error) {
      const known = toLsmError(error, `syncing ${directory} failed`, directory);
      // Then it could not even be opened: nothing was tried that must not be tried again.
      const isUntried = known.code === 'LSM_TOO_MANY_FILES';
      if (!isUntried) this.#failure = this.#options.onFailure(error);
      yield* closeQuietly(writer);
      if (isUntried) this.#options.removeFile(path);
      throw known;
    }
    return { number, writer, firstSeq: 0, newestSeq: 0 };
  }
}
