import { existsSync } from 'node:fs';
import {
  open,
  type Database,
  type Keyspace,
  type KeyspaceSettings,
  type OpenOptions,
} from '../index.js';
import { exitCodes, Failure, usage } from './failure.js';
import { parseSize } from './numbers.js';
import { showText } from './show-bytes.js';
import { printNote } from './terminal.js';

export type Durability = 'none' | 'os' | 'disk';

/** Settings of `open` that the command line sets itself, or that are not plain data. */
const reserved = new Set([
  ...['createIfMissing', 'errorIfExists', 'readOnly', 'keyEncoding', 'valueEncoding'],
  ...['durability', 'fs', 'blockCache', 'clock', 'random', 'executor', 'listeners'],
]);

/** Settings of one keyspace; the others are the database's. */
const ofKeyspace: Readonly<Record<keyof KeyspaceSettings, true>> = {
  memtableBytes: true,
  blockSizeBytes: true,
  compression: true,
  bloomBitsPerKey: true,
  levels: true,
  tableBytes: true,
  l0CompactionTrigger: true,
  levelSizing: true,
  baseLevelBytes: true,
  levelSizeMultiplier: true,
  maxLevels: true,
  l0SlowdownTables: true,
  l0StopTables: true,
};

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

/** Which keyspace a command works on; undefined is the default one. */
export interface KeyspaceFlag {
  readonly keyspace?: string;
}

/**
 * With a keyspace named, its settings are for it and not for the default one.
 * They are kept in the database.
 */
function splitSettings(settings: Settings = new Map(), keyspace: string | undefined) {
  const isItsOwn = (name: string): boolean =>
    keyspace !== undefined && Object.hasOwn(ofKeyspace, name);
  return {
    ofDatabase: new Map([...settings].filter(([name]) => !isItsOwn(name))),
    ofKeyspace: new Map([...settings].filter(([name]) => isItsOwn(name))),
  };
}

/** A frozen view: takes no lock, writes nothing, makes nothing. */
export function openForReading(directory: string, settings?: Settings): Promise<Database> {
  return open(directory, { ...asOptions(settings), readOnly: true, createIfMissing: false });
}

export interface WritingOptions extends KeyspaceFlag {
  /** Make the database, and the keyspace, when it is missing. */
  readonly create: boolean;
  readonly settings?: Settings | undefined;
  readonly durability?: Durability | undefined;
  /** Do not tell what was made. */
  readonly quiet?: boolean | undefined;
}

export function openForWriting(directory: string, options: WritingOptions): Promise<Database> {
  return open(directory, {
    ...asOptions(splitSettings(options.settings, options.keyspace).ofDatabase),
    createIfMissing: options.create,
    ...(options.durability === undefined ? {} : { durability: options.durability }),
  });
}

/** A keyspace's name as messages show it. */
export function showName(name: string): string {
  return showText(JSON.stringify(name));
}

/** @throws Failure where there is no such keyspace */
export function mustHaveKeyspace(db: Database, name: string): void {
  if (db.keyspaces().includes(name)) return;
  throw new Failure(
    exitCodes.noInput,
    `there is no keyspace ${showName(name)} in ${db.path}; 'nori keyspaces ${db.path}' lists those that are`,
  );
}

/** The keyspace that is named, or the default one. */
export async function keyspaceForReading(
  db: Database,
  name: string | undefined,
): Promise<Keyspace> {
  if (name === undefined) return db;
  mustHaveKeyspace(db, name);
  return db.keyspace(name);
}

/** As `keyspaceForReading`; made when it is missing, if that is wanted. */
export async function keyspaceForWriting(db: Database, options: WritingOptions): Promise<Keyspace> {
  const { keyspace: name, create, settings } = options;
  if (name === undefined) return db;
  if (!create) mustHaveKeyspace(db, name);
  const isNew = !db.keyspaces().includes(name);
  const keyspace = await db.keyspace(name, asOptions(splitSettings(settings, name).ofKeyspace));
  if (isNew && options.quiet !== true) printNote(`created the keyspace ${showName(name)}`);
  return keyspace;
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
