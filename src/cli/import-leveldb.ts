import { resolve } from 'node:path';
import type { Database } from '../index.js';
import { isMissing, openForWriting, type Settings } from './database.js';
import { exitCodes, Failure, toFailure, usage, type ExitCode } from './failure.js';
import { compare } from './import-leveldb-check.js';
import { ImportMarker, startAnew, type Copied } from './import-leveldb-marker.js';
import {
  findClassicLevel,
  isLevelDb,
  mustBeLevelDb,
  noteWrites,
  openLevelDb,
  type LevelSource,
} from './import-leveldb-source.js';
import { startLoadProgress } from './load-progress.js';
import { formatCount, formatPlural, formatSeconds, formatSize } from './numbers.js';
import { settle } from './settle.js';
import { printNote } from './terminal.js';

export interface ImportOptions {
  /** The directory of the new database. */
  readonly to: string;
  readonly set?: Settings;
  readonly quiet?: boolean;
}

/** How often the bar asks LevelDB how far it is. */
const askIntervalMs = 250;

/** One run of an import, from where the last one has ended. */
class Import {
  readonly #source: LevelSource;
  readonly #db: Database;
  readonly #marker: ImportMarker;
  readonly #isQuiet: boolean;
  #copied: Copied;
  #isInterrupted = false;

  constructor(source: LevelSource, db: Database, marker: ImportMarker, isQuiet: boolean) {
    this.#source = source;
    this.#db = db;
    this.#marker = marker;
    this.#isQuiet = isQuiet;
    this.#copied = marker.start;
  }

  get entries(): number {
    return this.#copied.entries;
  }

  /** Ends it with the batch under way; what is copied stays. */
  interrupt(): void {
    this.#isInterrupted = true;
  }

  async run(): Promise<void> {
    await this.#checkStart();
    await this.#copy();
    await settle(this.#db, () => this.#isInterrupted);
    await this.#compare();
    await this.#marker.remove();
  }

  /** A source that has changed would show only at the end; most that are another one show here. */
  async #checkStart(): Promise<void> {
    const { lastKey, entries } = this.#copied;
    if (lastKey === undefined) return;
    this.#note(`going on behind ${formatPlural(entries, 'entry', 'entries')} of the last run`);
    const [mine, copy] = await Promise.all([this.#source.get(lastKey), this.#db.get(lastKey)]);
    if (mine !== undefined && copy !== undefined && Buffer.compare(mine, copy) === 0) return;
    throw new Failure(
      exitCodes.cannotCreate,
      `${this.#db.path} has an import of another LevelDB, or of this one before it was changed; ${startAnew(this.#db)}`,
    );
  }

  async #copy(): Promise<void> {
    if (this.#copied.isAll) return;
    const startedAt = performance.now();
    const start = this.#copied;
    const progress = startLoadProgress('importing', this.#source.tableBytes, this.#isQuiet, {
      noun: 'entries',
      startBytes: await this.#tableBytesDone(),
      startCount: start.entries,
    });
    try {
      let askedAt = startedAt;
      for await (const chunk of this.#source.chunks(start.lastKey)) {
        const batch = this.#db.batch();
        let { entries, bytes } = this.#copied;
        for (const [key, value] of chunk) {
          batch.put(key, value);
          bytes += key.length + value.length;
        }
        entries += chunk.length;
        const copied = { entries, bytes, lastKey: chunk[chunk.length - 1][0], isAll: false };
        this.#marker.add(batch, copied);
        await batch.commit();
        this.#copied = copied;
        this.#checkInterrupted();
        if (performance.now() - askedAt < askIntervalMs) continue;
        progress.update(await this.#tableBytesDone(), entries);
        askedAt = performance.now();
      }
      const batch = this.#db.batch();
      this.#copied = { ...this.#copied, isAll: true };
      this.#marker.add(batch, this.#copied);
      await batch.commit();
    } finally {
      progress.stop();
    }
    const seconds = (performance.now() - startedAt) / 1000;
    const { entries, bytes } = this.#copied;
    const rate = formatCount((entries - start.entries) / Math.max(seconds, 0.001));
    this.#note(
      `imported ${formatPlural(entries, 'entry', 'entries')} (${formatSize(bytes)}) in ${formatSeconds(seconds)}, ${rate} entries/s`,
    );
  }

  async #compare(): Promise<void> {
    this.#checkInterrupted();
    const total = this.#copied.entries;
    const startedAt = performance.now();
    const progress = startLoadProgress('comparing', total, this.#isQuiet, { noun: 'entries' });
    try {
      const { entries, sha256 } = await compare(this.#source, this.#db, (done) => {
        progress.update(done, done);
        this.#checkInterrupted();
      });
      progress.stop();
      const seconds = formatSeconds((performance.now() - startedAt) / 1000);
      this.#note(
        `compared all entries in ${seconds}: both sides have the same ${formatCount(entries)}, SHA-256 ${sha256}`,
      );
    } finally {
      progress.stop();
    }
  }

  async #tableBytesDone(): Promise<number> {
    const { lastKey } = this.#copied;
    return lastKey === undefined ? 0 : this.#source.tableBytesBefore(lastKey);
  }

  #checkInterrupted(): void {
    if (this.#isInterrupted) throw new Failure(exitCodes.interrupted, 'interrupted');
  }

  #note(text: string): void {
    if (!this.#isQuiet) printNote(text);
  }
}

/** Copies a LevelDB into a new database; run again, it goes on where it was. */
export async function importLevelDb(directory: string, options: ImportOptions): Promise<void> {
  const { to, quiet } = options;
  mustBeLevelDb(directory);
  if (isLevelDb(to)) {
    const what = resolve(to) === resolve(directory) ? 'the LevelDB itself' : 'a LevelDB, too';
    throw usage(`${to} is ${what}; --to names the database to be made`);
  }
  const Level = findClassicLevel();
  const writing = { create: true, settings: options.set, durability: 'os' } as const;
  // LevelDB is not opened for a target that cannot be used, nor a target made for a LevelDB that cannot.
  const isNew = isMissing(to);
  let db = isNew ? undefined : await openForWriting(to, writing);
  let source: LevelSource | undefined;
  let work: Import | undefined;
  const interrupt = (): void => work?.interrupt();
  try {
    let marker = db === undefined ? undefined : await ImportMarker.find(db);
    if (quiet !== true) noteWrites(directory);
    source = await openLevelDb(Level, directory);
    db ??= await openForWriting(to, writing);
    if (isNew && quiet !== true) printNote(`created the database ${to}`);
    marker ??= await ImportMarker.find(db);
    work = new Import(source, db, marker, quiet === true);
    // The second signal ends the process at once, as usual.
    process.once('SIGINT', interrupt);
    process.once('SIGTERM', interrupt);
    await work.run();
  } catch (error) {
    throw work === undefined ? error : withAdvice(error, work.entries);
  } finally {
    process.removeListener('SIGINT', interrupt);
    process.removeListener('SIGTERM', interrupt);
    await source?.close().catch(() => undefined);
    await db?.close().catch(() => undefined);
  }
}

/** Says how far the import came where it can go on from there. */
function withAdvice(error: unknown, entries: number): Failure {
  const { exitCode, message } = toFailure(error);
  const stored = entries === 1 ? '1 entry is' : `${formatCount(entries)} entries are`;
  const tail = goesOn.has(exitCode) ? `; ${stored} copied; run it again to go on from there` : '';
  return new Failure(exitCode, `${message}${tail}`, error);
}

const goesOn: ReadonlySet<ExitCode> = new Set([
  exitCodes.interrupted,
  exitCodes.io,
  exitCodes.tryLater,
]);
