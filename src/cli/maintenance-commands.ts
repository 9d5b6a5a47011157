import type { DatabaseStats } from '../index.js';
import { verifyDatabase, type VerifyReport } from '../inspect.js';
import {
  keyspaceForWriting,
  openForWriting,
  withDatabase,
  type KeyspaceFlag,
  type Settings,
} from './database.js';
import { exitCodes, Failure } from './failure.js';
import { formatCount, formatPlural, formatSize } from './numbers.js';
import type { Output } from './output.js';
import { parseRange, type RangeFlags } from './range-flags.js';
import { showBytes, showText } from './show-bytes.js';
import { printNote } from './terminal.js';

function describeShape(stats: DatabaseStats): string {
  const tables = stats.levels.reduce((total, level) => total + level.tables, 0);
  const bytes = stats.levels.reduce((total, level) => total + level.bytes, 0);
  const filled = stats.levels.filter((level) => level.tables > 0).length;
  return `${formatPlural(tables, 'table')}, ${formatSize(bytes)} in ${formatPlural(filled, 'level')}`;
}

export interface CompactOptions extends RangeFlags, KeyspaceFlag {
  readonly set?: Settings;
  readonly quiet?: boolean;
}

/** Flushes, then merges the range down to one level, in one keyspace or in all. */
export async function compact(directory: string, options: CompactOptions): Promise<void> {
  const range = parseRange(options);
  const writing = { create: false, settings: options.set, keyspace: options.keyspace };
  await withDatabase(openForWriting(directory, writing), async (db) => {
    const keyspaces =
      options.keyspace === undefined
        ? await Promise.all(db.keyspaces().map((name) => db.keyspace(name)))
        : [await keyspaceForWriting(db, writing)];
    await db.flush();
    const before = describeShape(db.stats());
    for (const keyspace of keyspaces) await keyspace.compactRange(range);
    if (options.quiet !== true) printNote(`compacted: ${before} → ${describeShape(db.stats())}`);
  });
}

/** Messages of damage name their file and offset; should one not, the report's own fields do. */
function describeDamage(damage: VerifyReport['damages'][number]): string {
  const { file, offset, what, keyspace, smallest, largest } = damage;
  const place = offset === undefined ? file : `${file} at byte ${offset}`;
  const where = what.includes(file) ? '' : ` in ${place}`;
  let keys = '';
  if (smallest !== undefined && largest !== undefined) {
    keys = `; keys ${showBytes(smallest, maxKeyBytes)} … ${showBytes(largest, maxKeyBytes)}`;
    if (keyspace !== undefined) keys += ` of keyspace ${showText(keyspace)}`;
  }
  return `damage: ${showText(`${what}${where}`)}${keys}\n`;
}

const maxKeyBytes = 40;

/** Reads every byte of every file that counts, and lists what is damaged. */
export async function verify(
  output: Output,
  directory: string,
  options: { readonly json?: boolean },
): Promise<void> {
  const report = await verifyDatabase(directory);
  if (options.json === true) output.write(`${JSON.stringify(report, null, 2)}\n`);
  else {
    for (const damage of report.damages) output.write(describeDamage(damage));
    for (const { file, bytes, what } of report.leftovers) {
      output.write(`beside: ${showText(file)}, ${formatSize(bytes)}: ${what}\n`);
    }
    output.write(
      `${report.damages.length === 0 ? 'clean' : 'damaged'}: ${formatPlural(report.filesChecked, 'file')}, ${formatSize(report.bytesChecked)}, ${formatCount(report.entriesChecked)} entries checked\n`,
    );
  }
  await output.drain();
  if (report.damages.length > 0) {
    const places = report.damages.length === 1 ? 'one place' : `${report.damages.length} places`;
    throw new Failure(
      exitCodes.damage,
      `${directory} is damaged in ${places}; nothing was changed; restore it from a backup, or run 'nori repair ${directory}'`,
    );
  }
}
