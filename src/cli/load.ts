import type { ChainedBatch, Database, Keyspace, KeyInput } from '../index.js';
import { openSource } from './byte-source.js';
import {
  isMissing,
  keyspaceForWriting,
  openForWriting,
  type Durability,
  type KeyspaceFlag,
  type Settings,
} from './database.js';
import { exitCodes, Failure, toFailure } from './failure.js';
import {
  formatOfFile,
  LineError,
  makeLineParser,
  type LineFormat,
  type LineParser,
} from './line-format.js';
import { LineReader, type ByteSource } from './line-reader.js';
import { startLoadProgress, type LoadProgress } from './load-progress.js';
import { formatCount, formatPlural, formatSeconds, formatSize } from './numbers.js';
import type { Output } from './output.js';
import { settle } from './settle.js';
import { printNote } from './terminal.js';

export interface LoadOptions extends KeyspaceFlag {
  readonly format?: LineFormat;
  /** Print `acknowledged N` once the first N lines are as durable as asked. */
  readonly ack?: boolean;
  readonly batchSize: number;
  readonly durability: Durability;
  /** Read a file through before anything is stored. */
  readonly check: boolean;
  /** Let compactions that are due end before the command does. */
  readonly wait: boolean;
  readonly set?: Settings;
  readonly quiet?: boolean;
}

/** A batch is also written when it holds so many bytes: large values must not pile up. */
const maxBatchBytes = 4 * 1024 * 1024;

/** Tells the caller how the lines before the bad one ended. */
type Fate = (lastGoodLine: number) => string;

function badLine(source: ByteSource, line: number, error: LineError, fate: Fate): Failure {
  return new Failure(
    exitCodes.no,
    `${source.name}, line ${line}: ${error.message}; ${fate(line - 1)}`,
  );
}

interface LineTaker {
  /** Takes the current line; what it returns is awaited before the next one. */
  take(): Promise<void> | undefined;
  /** Called now and then. True ends the reading: the line being read may be cut. */
  shouldStop(): boolean;
}

async function eachLine(reader: LineReader, parser: LineParser, taker: LineTaker): Promise<void> {
  for (;;) {
    while (reader.next()) {
      parser.parse(reader);
      const waiting = taker.take();
      if (waiting !== undefined) await waiting;
    }
    if (!(await reader.fill())) break;
    if (taker.shouldStop()) return;
  }
  if (taker.shouldStop()) return;
  if (reader.isTooLong) {
    reader.line++;
    throw new LineError('the line does not end within the limit of keys and values');
  }
}

/** Reads a file to its end, so that a bad line is found before anything is stored. */
async function check(path: string, format: LineFormat, isQuiet: boolean): Promise<void> {
  const source = await openSource(path);
  const parser = makeLineParser(format);
  const reader = new LineReader(source, parser.maxLineBytes);
  const progress = startLoadProgress('checking', source.size, isQuiet);
  const shouldStop = (): boolean => {
    progress.update(reader.consumed, reader.line);
    return false;
  };
  try {
    await eachLine(reader, parser, { take: () => undefined, shouldStop });
  } catch (error) {
    progress.stop();
    if (!(error instanceof LineError)) throw error;
    throw badLine(source, reader.line, error, () => 'fix it and load again: nothing was stored');
  } finally {
    progress.stop();
    await source.close();
  }
}

/** Writes lines in batches to a database that it opens for the first one. */
class Loader implements LineTaker {
  readonly #output: Output;
  readonly #directory: string;
  readonly #options: LoadOptions;
  readonly #source: ByteSource;
  readonly #reader: LineReader;
  readonly #parser: LineParser;
  #progress: LoadProgress | undefined;
  #db: Database | undefined;
  #keyspace: Keyspace | undefined;
  #batch: ChainedBatch<KeyInput, KeyInput> | undefined;
  #batched = 0;
  #batchedBytes = 0;
  #isInterrupted = false;
  /** Lines that are stored. */
  stored = 0;

  constructor(
    output: Output,
    directory: string,
    options: LoadOptions,
    source: ByteSource,
    reader: LineReader,
    parser: LineParser,
  ) {
    this.#output = output;
    this.#directory = directory;
    this.#options = options;
    this.#source = source;
    this.#reader = reader;
    this.#parser = parser;
  }

  /** Ends the load with the batch under way; what is stored stays. */
  interrupt(): void {
    this.#isInterrupted = true;
    this.#source.interrupt();
  }

  shouldStop(): boolean {
    return this.#isInterrupted;
  }

  /** Adds the current line. */
  take(): Promise<void> | undefined {
    if (this.#keyspace === undefined) return this.#openAndTake();
    const { key, value } = this.#parser;
    this.#batch ??= this.#keyspace.batch();
    this.#batch.put(key, value);
    this.#batched++;
    this.#batchedBytes += key.length + value.length;
    const isFull = this.#batched >= this.#options.batchSize || this.#batchedBytes >= maxBatchBytes;
    return isFull || this.#isInterrupted ? this.commit() : undefined;
  }

  /** Writes what has been taken. */
  async commit(): Promise<void> {
    if (this.#batch !== undefined) {
      const batch = this.#batch;
      const lines = this.#batched;
      this.#batch = undefined;
      this.#batched = 0;
      this.#batchedBytes = 0;
      await batch.commit();
      this.stored += lines;
      this.#progress?.update(this.#reader.consumed, this.stored);
      if (this.#options.ack === true && !this.#output.isClosed) {
        this.#output.write(`acknowledged ${this.stored}\n`);
        await this.#output.drain();
      }
    }
    if (this.#isInterrupted) {
      throw new Failure(
        exitCodes.interrupted,
        `interrupted: ${storedLines(this.stored)}; load again to store the rest`,
      );
    }
  }

  async open(): Promise<void> {
    const isNew = isMissing(this.#directory);
    const { durability, set: settings, keyspace, quiet } = this.#options;
    const writing = { create: true, settings, durability, keyspace, quiet };
    this.#db = await openForWriting(this.#directory, writing);
    this.#keyspace = await keyspaceForWriting(this.#db, writing);
    if (isNew && this.#options.quiet !== true) {
      printNote(`created the database ${this.#directory}`);
    }
    this.#progress = startLoadProgress('loading', this.#source.size, this.#options.quiet === true);
  }

  /** Lets flushes and compactions that are due end. */
  async settle(): Promise<void> {
    await settle(this.#db!, () => this.#isInterrupted);
  }

  async close(): Promise<void> {
    this.#progress?.stop();
    await this.#db?.close();
  }

  get isOpen(): boolean {
    return this.#db !== undefined;
  }

  async #openAndTake(): Promise<void> {
    await this.open();
    await this.take();
  }
}

function storedLines(lines: number): string {
  if (lines === 0) return 'no line is stored';
  return lines === 1 ? 'line 1 is stored' : `lines 1 to ${formatCount(lines)} are stored`;
}

/** Stores what was good, closes, and says in the failure how far it came. */
async function giveUp(loader: Loader, source: ByteSource, error: unknown, line: number) {
  if (error instanceof LineError) {
    let failure: Failure;
    try {
      await loader.commit();
      failure = badLine(
        source,
        line,
        error,
        (last) => `fix it and load again: ${storedLines(last)}`,
      );
    } catch (commitError) {
      failure = toFailure(commitError);
    }
    await loader.close().catch(() => undefined);
    return failure;
  }
  await loader.close().catch(() => undefined);
  const failure = toFailure(error);
  if (loader.stored === 0 || failure.exitCode === exitCodes.interrupted) return failure;
  return new Failure(failure.exitCode, `${failure.message} (${storedLines(loader.stored)})`, error);
}

/** Stores the lines of a file, or of standard input for `-`. */
export async function load(
  output: Output,
  directory: string,
  path: string,
  options: LoadOptions,
): Promise<void> {
  const format = options.format ?? formatOfFile(path);
  const source = await openSource(path);
  const parser = makeLineParser(format);
  const reader = new LineReader(source, parser.maxLineBytes);
  const loader = new Loader(output, directory, options, source, reader, parser);
  // The second signal ends the process at once, as usual.
  const interrupt = (): void => loader.interrupt();
  let startedAt = performance.now();
  let storedAt = startedAt;
  try {
    if (source.size !== undefined && options.check)
      await check(path, format, options.quiet === true);
    startedAt = performance.now();
    process.once('SIGINT', interrupt);
    process.once('SIGTERM', interrupt);
    await eachLine(reader, parser, loader);
    await loader.commit();
    if (!loader.isOpen) await loader.open();
    storedAt = performance.now();
    if (options.wait) await loader.settle();
    await loader.close();
  } catch (error) {
    throw await giveUp(loader, source, error, reader.line);
  } finally {
    process.removeListener('SIGINT', interrupt);
    process.removeListener('SIGTERM', interrupt);
    await source.close();
  }
  if (options.quiet === true) return;
  const seconds = (storedAt - startedAt) / 1000;
  const rate = formatCount(loader.stored / Math.max(seconds, 0.001));
  const settled = (performance.now() - storedAt) / 1000;
  const tail = settled < 0.1 ? '' : `, and ${formatSeconds(settled)} to flush and compact`;
  printNote(
    `loaded ${formatPlural(loader.stored, 'line')} (${formatSize(reader.consumed)}) in ${formatSeconds(seconds)}, ${rate} lines/s${tail}`,
  );
}
