import { existsSync } from 'node:fs';
import { open, type Database, type OpenOptions } from '../index.js';
import { usage } from './failure.js';
import { parseSize } from './numbers.js';

export type Durability = 'none' | 'os' | 'disk';

/** Settings of `open` that the command line sets itself, or that are not plain data. */
const reserved = new Set([
  ...['createIfMissing', 'errorIfExists', 'readOnly', 'keyEncoding', 'valueEncoding'],
  ...['durability', 'fs', 'blockCache', 'clock', 'random', 'executor'],
]);

export type Settings = ReadonlyMap<string, string | number | boolean>;

/** Adds one `--set name=value`. Names and ranges are checked by `open`, before it touches anything. */
export function addSetting(argument: string, settings: Settings = new Map()): Settings {
  const [, name, text] = /^([A-Za-z0-9]+)=(.*)$/.exec(argument) ?? [];
  if (name === undefined) {
    throw usage(`--set takes name=value, such as memtableBytes=8MiB, not '${argument}'`);
  }
  if (reserved.has(name)) throw usage(`--set ${name}: the command sets this one itself`);
  const value = text === 'true' || text === 'false' ? text === 'true' : (parseSize(text) ?? text);
  return new Map([...settings, [name, value]]);
}

function asOptions(settings: Settings = new Map()) {
  return Object.fromEntries(settings) as Omit<OpenOptions, `${'key' | 'value'}Encoding`>;
}

/** A frozen view: takes no lock, writes nothing, makes nothing. */
export function openForReading(directory: string, settings?: Settings): Promise<Database> {
  return open(directory, { ...asOptions(settings), readOnly: true, createIfMissing: false });
}

export interface WritingOptions {
  /** Make the database when it is missing. */
  readonly create: boolean;
  readonly settings?: Settings | undefined;
  readonly durability?: Durability | undefined;
}

export function openForWriting(directory: string, options: WritingOptions): Promise<Database> {
  return open(directory, {
    ...asOptions(options.settings),
    createIfMissing: options.create,
    ...(options.durability === undefined ? {} : { durability: options.durability }),
  });
}

/** Whether opening `directory` for writing will make a new database there. */
export function isMissing(directory: string): boolean {
  return !existsSync(`${directory}/CURRENT`);
}

/** Runs `work` on an open database and closes it; an error of `work` is told before one of closing. */
export async function withDatabase<T>(
  opening: Promise<Database>,
  work: (db: Database) => Promise<T>,
): Promise<T> {
  const db = await opening;
  let result: T;
  try {
    result = await work(db);
  } catch (error) {
    await db.close().catch(() => undefined);
    throw error;
  }
  await db.close();
  return result;
}
