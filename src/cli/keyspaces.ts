import { confirm } from './confirm.js';
import {
  mustHaveKeyspace,
  openForReading,
  openForWriting,
  showName,
  withDatabase,
  type Settings,
} from './database.js';
import { usage } from './failure.js';
import { formatCount, formatSize } from './numbers.js';
import type { Output } from './output.js';
import { showText } from './show-bytes.js';
import { printNote } from './terminal.js';

export interface KeyspacesOptions {
  readonly json?: boolean;
}

/** Prints the names, `default` first, then by age; as JSON with their figures. */
export async function listKeyspaces(
  output: Output,
  directory: string,
  options: KeyspacesOptions,
): Promise<void> {
  const { keyspaces } = await withDatabase(openForReading(directory), async (db) => db.stats());
  for (const keyspace of keyspaces) {
    output.write(
      options.json === true ? `${JSON.stringify(keyspace)}\n` : `${showText(keyspace.name)}\n`,
    );
  }
  await output.drain();
}

export interface DropOptions {
  readonly yes?: boolean;
  readonly set?: Settings;
  readonly quiet?: boolean;
}

async function describe(directory: string, name: string): Promise<string> {
  return withDatabase(openForReading(directory), async (db) => {
    mustHaveKeyspace(db, name);
    const { levels, memtables } = db.stats().keyspaces.find((each) => each.name === name)!;
    const sum = (field: 'entries' | 'bytes'): number =>
      levels.reduce((total, level) => total + level[field], 0);
    const entries = sum('entries') + memtables.activeEntries;
    return `This removes the keyspace ${showName(name)} (about ${formatCount(entries)} entries, ${formatSize(sum('bytes'))} in tables) of ${directory} for good.`;
  });
}

/** Removes a keyspace and everything in it. */
export async function dropKeyspace(
  directory: string,
  name: string,
  options: DropOptions,
): Promise<void> {
  if (name === 'default') {
    throw usage(
      `the default keyspace cannot be dropped; 'nori destroy ${directory}' removes the whole database`,
    );
  }
  if (options.yes !== true) {
    await confirm(name, `dropping the keyspace ${showName(name)}`, () => describe(directory, name));
  }
  const opening = openForWriting(directory, { create: false, settings: options.set });
  await withDatabase(opening, async (db) => {
    mustHaveKeyspace(db, name);
    await db.dropKeyspace(name);
  });
  if (options.quiet !== true) printNote(`dropped the keyspace ${showName(name)} of ${directory}`);
}
