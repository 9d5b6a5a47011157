import {
  discardLost,
  repair as repairDatabase,
  type LostPlace,
  type RepairReport,
} from '../index.js';
import type { Settings } from './database.js';
import { exitCodes, Failure, usage } from './failure.js';
import { formatJson } from './format-json.js';
import { formatCount, formatPlural, formatSize } from './numbers.js';
import type { Output } from './output.js';
import { showBytes, showText } from './show-bytes.js';

export interface RepairFlags {
  readonly dryRun?: boolean;
  readonly discardLost?: boolean;
  readonly json?: boolean;
  readonly databaseId?: string;
  readonly set?: Settings;
}

const shownKeyBytes = 60;

/** The settings that have a meaning here: those of the lock. */
function lockOptions(settings: Settings = new Map()): object {
  for (const name of settings.keys()) {
    if (name !== 'lockTimeoutMs' && name !== 'overrideForeignOwner') {
      throw usage(`--set ${name}: repair takes lockTimeoutMs and overrideForeignOwner only`);
    }
  }
  return Object.fromEntries(settings);
}

/** Saves what can be read of a damaged database, or removes what earlier repairs have set aside. */
export async function repair(output: Output, directory: string, flags: RepairFlags): Promise<void> {
  const { dryRun = false, databaseId } = flags;
  const options = { ...lockOptions(flags.set), dryRun, databaseId };
  if (flags.discardLost === true) {
    const report = await discardLost(directory, options);
    const { files, bytes } = report;
    if (flags.json === true) output.write(`${formatJson(report)}\n`);
    else {
      const what = `${formatPlural(files, 'file')}, ${formatSize(bytes)}, from ${directory}/lost`;
      output.write(`${dryRun ? 'would remove' : 'removed'} ${what}\n`);
    }
    await output.drain();
    return;
  }
  const report = await repairDatabase(directory, options);
  output.write(flags.json === true ? `${formatJson(report)}\n` : describe(report));
  await output.drain();
  const failure = failureOf(report);
  if (failure !== undefined) throw failure;
}

/** What was lost, or with a dry run is still to be done, is no success. */
function failureOf({ path, outcome, lost }: RepairReport): Failure | undefined {
  if (outcome === 'repairable') {
    const message = `${path} is damaged; nothing was changed; run it without --dry-run`;
    return new Failure(exitCodes.damage, message);
  }
  if (lost.length === 0) return undefined;
  const places = lost.length === 1 ? 'one place' : `${lost.length} places`;
  return new Failure(
    exitCodes.damage,
    `${path} opens again, but ${places} could not be saved; what is damaged lies in ${path}/lost`,
  );
}

function describe(report: RepairReport): string {
  const { path, outcome, manifest, problems, lost, tables, logs, setAside } = report;
  if (outcome === 'sound') return `sound: ${path} has nothing to repair; nothing was changed\n`;
  const isDry = outcome === 'repairable';
  const lines = problems.map((problem) => `damage: ${showText(problem)}`);
  lines.push(...lost.map(describeLost));
  if (manifest === 'rebuilt') {
    lines.push(
      `manifest: lost; ${isDry ? 'would be ' : ''}concluded from tables and logs: keys that were deleted may be there again`,
    );
  }
  for (const name of report.renamedKeyspaces) {
    lines.push(`keyspace: the name of one is lost; it is ${showText(name)} now`);
  }
  lines.push(`tables: ${describeTables(tables)}`, `logs: ${describeLogs(logs)}`);
  if (setAside.length > 0) {
    lines.push(`${isDry ? 'would move' : 'moved'} to ${path}/lost: ${setAside.join(', ')}`);
  }
  const losses =
    lost.length === 0 ? 'nothing is lost' : `${formatPlural(lost.length, 'place')} lost`;
  lines.push(`${isDry ? 'repairable' : 'repaired'}: ${losses}`);
  return `${lines.join('\n')}\n`;
}

function describeTables(tables: RepairReport['tables']): string {
  const { kept, rewritten, merged, lost, entriesSaved } = tables;
  const parts = [`${kept} kept`];
  if (rewritten > 0) parts.push(`${rewritten} rewritten`);
  if (merged > 0) parts.push(`${merged} merged`);
  if (lost > 0) parts.push(`${lost} lost`);
  const saved =
    entriesSaved > 0 ? `; ${formatCount(entriesSaved)} entries of damaged ones saved` : '';
  return `${parts.join(', ')}${saved}`;
}

function describeLogs({ kept, copied, batchesSaved }: RepairReport['logs']): string {
  if (copied === 0) return `${kept} kept`;
  return `${copied} damaged; ${formatPlural(batchesSaved, 'record')} saved`;
}

function describeLost(place: LostPlace): string {
  const { file, offset, bytes, keyspace, smallest, largest, firstSeq, lastSeq } = place;
  const size = bytes === undefined ? '' : `${formatSize(bytes)} `;
  const where = offset === undefined ? file : `${size}at byte ${offset} of ${file}`;
  const returned = place.deletedKeysMayReturn ? ', or deleted ones be there again' : '';
  const effect = `may be missing or have an older value${returned}`;
  if (firstSeq !== undefined) {
    const last = lastSeq === undefined ? 'the last' : String(lastSeq);
    return `lost: writes ${firstSeq} to ${last} (${where}): their keys ${effect}`;
  }
  const from = smallest === undefined ? 'the first' : showBytes(smallest, shownKeyBytes);
  const to = largest === undefined ? 'the last' : showBytes(largest, shownKeyBytes);
  const space = keyspace === undefined ? '' : ` of keyspace ${showText(keyspace)}`;
  return `lost: keys ${from} to ${to}${space} ${effect} (${where})`;
}
