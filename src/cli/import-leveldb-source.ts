import { readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { exitCodes, Failure, type ExitCode } from './failure.js';
import { printNote } from './terminal.js';

export type Entry = readonly [key: Uint8Array, value: Uint8Array];

/** Entries that are read at once: whichever is reached first. */
const chunkEntries = 1000;
const chunkBytes = 1024 * 1024;

/** A LevelDB that is open. Nobody else can open it meanwhile. */
export interface LevelSource {
  /** About how many bytes its tables have. */
  readonly tableBytes: number;
  /** About how many of them are before `key`. */
  tableBytesBefore(key: Uint8Array): Promise<number>;
  get(key: Uint8Array): Promise<Uint8Array | undefined>;
  /** All entries behind `after` in key order, as they are now; the next ones are read while these are used. */
  chunks(after?: Uint8Array): AsyncGenerator<readonly Entry[]>;
  close(): Promise<void>;
}

interface ReadOptions {
  readonly keyEncoding: 'buffer';
  readonly valueEncoding: 'buffer';
  /** The blocks of LevelDB's cache are of no use to a walk that reads each one once. */
  readonly fillCache: false;
}

interface WalkOptions extends ReadOptions {
  readonly highWaterMarkBytes: number;
  readonly gt?: Uint8Array;
  readonly reverse?: boolean;
  readonly limit?: number;
}

/** What we use of a database of classic-level 1, 2 or 3. */
interface ClassicLevel {
  open(options: { readonly createIfMissing: false }): Promise<void>;
  close(): Promise<void>;
  get(key: Uint8Array, options: ReadOptions): Promise<Uint8Array | undefined>;
  iterator(options: WalkOptions): {
    nextv(size: number): Promise<Entry[]>;
    close(): Promise<void>;
  };
  approximateSize(
    start: Uint8Array,
    end: Uint8Array,
    options: { readonly keyEncoding: 'buffer' },
  ): Promise<number>;
}

type ClassicLevelClass = new (
  location: string,
  options: { readonly createIfMissing: false },
) => ClassicLevel;

const reading: ReadOptions = { keyEncoding: 'buffer', valueEncoding: 'buffer', fillCache: false };
const walking: WalkOptions = { ...reading, highWaterMarkBytes: chunkBytes };

/** The first line of CURRENT. Ours begins with bytes that are no text. */
const currentOfLevelDb = /^MANIFEST-\d+\n/;

/** Tells by its files: opening a directory that is none would leave files of LevelDB in it. */
export function isLevelDb(directory: string): boolean {
  try {
    return currentOfLevelDb.test(readFileSync(join(directory, 'CURRENT'), 'latin1'));
  } catch {
    return false;
  }
}

/** @throws Failure where there is no LevelDB */
export function mustBeLevelDb(directory: string): void {
  if (isLevelDb(directory)) return;
  const status = statSync(directory, { throwIfNoEntry: false });
  const what =
    status === undefined
      ? 'is not there'
      : status.isDirectory()
        ? 'holds no LevelDB: it has no CURRENT file that names a manifest'
        : 'is no directory';
  throw new Failure(exitCodes.noInput, `${directory} ${what}; name the directory of a LevelDB`);
}

/** Where users have it: in their project, or beside this package. */
const places = (): string[] => [join(process.cwd(), 'index.js'), import.meta.url];

/**
 * Finds classic-level, which is no dependency: it is native, and few ever need it.
 * An override may have put nori-level under its name, which reads no LevelDB.
 * @throws Failure that says what to install
 */
export function findClassicLevel(): ClassicLevelClass {
  let advice = "install it here, and run this again: 'npm install classic-level'";
  for (const place of places()) {
    const require = createRequire(place);
    let path: string;
    try {
      path = require.resolve('classic-level');
    } catch {
      continue;
    }
    let found: { ClassicLevel?: ClassicLevelClass; NoriLevel?: unknown };
    try {
      found = require(path) as typeof found;
    } catch (error) {
      throw new Failure(
        exitCodes.noInput,
        `${path} cannot be loaded: ${messageOf(error)}; install it anew: 'npm install classic-level'`,
        error,
      );
    }
    if (found.ClassicLevel !== undefined && found.NoriLevel === undefined) {
      return found.ClassicLevel;
    }
    advice =
      found.NoriLevel === undefined
        ? `${path} is something else; run this where the real one is installed`
        : `${path} is nori-level, by an override; run this where the real one is installed`;
  }
  throw new Failure(exitCodes.noInput, `reading a LevelDB takes classic-level; ${advice}`);
}

/** Opens the LevelDB in `directory`. LevelDB replays its log then, as at every start of a program. */
export async function openLevelDb(
  Level: ClassicLevelClass,
  directory: string,
): Promise<LevelSource> {
  const db = new Level(directory, { createIfMissing: false });
  return told(directory, async () => {
    await db.open({ createIfMissing: false });
    const first = await firstKey(db, false);
    const last = await firstKey(db, true);
    const byKey = { keyEncoding: 'buffer' } as const;
    const sizeTo = async (key: Uint8Array | undefined): Promise<number> =>
      first === undefined || key === undefined ? 0 : db.approximateSize(first, key, byKey);
    return {
      tableBytes: await sizeTo(last),
      tableBytesBefore: (key) => told(directory, () => sizeTo(key)),
      get: (key) => told(directory, () => getOrUndefined(db, key)),
      chunks: (after) => chunks(db, directory, after),
      close: () => told(directory, () => db.close()),
    };
  });
}

async function firstKey(db: ClassicLevel, reverse: boolean): Promise<Uint8Array | undefined> {
  const iterator = db.iterator({ ...walking, reverse, limit: 1 });
  try {
    const [entry] = await iterator.nextv(1);
    return entry?.[0];
  } finally {
    await iterator.close();
  }
}

async function* chunks(
  db: ClassicLevel,
  directory: string,
  after: Uint8Array | undefined,
): AsyncGenerator<readonly Entry[]> {
  const iterator = db.iterator(after === undefined ? walking : { ...walking, gt: after });
  const read = (): Promise<Entry[]> => {
    const reads = told(directory, () => iterator.nextv(chunkEntries));
    // It is awaited in the next turn of the loop, if there is one.
    reads.catch(() => undefined);
    return reads;
  };
  try {
    for (let next = read(); ;) {
      const entries = await next;
      if (entries.length === 0) return;
      next = read();
      yield entries;
    }
  } finally {
    await iterator.close();
  }
}

/** Versions before 3 throw where the key is absent. */
async function getOrUndefined(db: ClassicLevel, key: Uint8Array): Promise<Uint8Array | undefined> {
  try {
    return await db.get(key, reading);
  } catch (error) {
    if (codesOf(error).includes('LEVEL_NOT_FOUND')) return undefined;
    throw error;
  }
}

const answers: Readonly<Record<string, readonly [ExitCode, string]>> = {
  LEVEL_LOCKED: [exitCodes.tryLater, 'end the program that has it open, and run this again'],
  LEVEL_CORRUPTION: [
    exitCodes.damage,
    "the LevelDB is damaged; ClassicLevel.repair('DIR') may mend it (make a copy before)",
  ],
  LEVEL_IO_ERROR: [exitCodes.io, 'check the disk, and who may read and write there'],
};

/** Turns errors of classic-level into what a user can act on. */
async function told<T>(directory: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const code = codesOf(error).find((each) => Object.hasOwn(answers, each));
    const [exitCode, advice] =
      code === undefined ? [exitCodes.noInput, 'nothing of it was imported'] : answers[code];
    throw new Failure(exitCode, `${directory}: ${messageOf(error)}; ${advice}`, error);
  }
}

function* causesOf(error: unknown): Generator<Error> {
  for (let cause = error; cause instanceof Error; cause = cause.cause) yield cause;
}

function codesOf(error: unknown): string[] {
  return Array.from(causesOf(error), (cause) => String((cause as { code?: unknown }).code));
}

/** The innermost message: the outer ones only say that it is not open. */
function messageOf(error: unknown): string {
  return [...causesOf(error)].at(-1)?.message ?? String(error);
}

/** Told before LevelDB is opened, as it has no way to open without writing. */
export function noteWrites(directory: string): void {
  printNote(
    `${directory} is opened by LevelDB itself, which replays its log and may tidy its files; entries stay as they are`,
  );
}
