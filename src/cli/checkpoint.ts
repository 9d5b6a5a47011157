import { openForWriting, withDatabase, type Settings } from './database.js';
import { formatPlural, formatSize } from './numbers.js';
import { printNote } from './terminal.js';

export interface CheckpointFlags {
  readonly set?: Settings;
  readonly quiet?: boolean;
}

/** Makes an openable copy of a database that nobody has open. */
export async function checkpoint(
  directory: string,
  target: string,
  options: CheckpointFlags,
): Promise<void> {
  const writing = { create: false, settings: options.set };
  await withDatabase(openForWriting(directory, writing), async (db) => {
    const { tables, bytes, copiedBytes } = await db.checkpoint(target);
    if (options.quiet === true) return;
    const copied = copiedBytes === 0 ? '' : `, ${formatSize(copiedBytes)} of them copied`;
    printNote(
      `${target} is a copy of ${directory}: ${formatPlural(tables, 'table')}, ${formatSize(bytes)}${copied}`,
    );
  });
}
