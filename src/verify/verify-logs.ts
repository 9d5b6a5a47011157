import { isLsmError } from '../base/errors.js';
import { joinPath, logName } from '../base/file-names.js';
import { systemRandom } from '../base/prng.js';
import { runAsync } from '../base/task.js';
import type { FileSystem } from '../fs/file-system.js';
import { VersionSet } from '../manifest/version-set.js';
import { BatchReader } from '../wal/batch-reader.js';
import { recoverLogs } from '../wal/recover-logs.js';
import type { DamageList } from './damage.js';
import { findRot } from './log-rot.js';
import { neededEnds, walkLog, type LogGap, type WalkedLog } from './log-walk.js';

/** What was read in logs. */
export interface LogSums {
  readonly logs: number;
  readonly bytes: number;
  readonly operations: number;
}

/**
 * Replays the logs as a recovery would, then walks each of them over every damage:
 * what a recovery meets first, and all that is behind it. `numbers` are ascending.
 */
export async function verifyLogs(
  fs: FileSystem,
  directory: string,
  numbers: readonly number[],
  set: VersionSet | undefined,
  found: DamageList,
): Promise<LogSums> {
  if (set === undefined) {
    await nameGaps(fs, directory, numbers, undefined, found);
    return { logs: numbers.length, bytes: 0, operations: 0 };
  }
  try {
    return await replay(fs, directory, numbers, set, found);
  } catch (error) {
    if (!isLsmError(error, 'LSM_CORRUPTION')) throw error;
    // What names more comes first.
    await nameGaps(fs, directory, numbers, set, found);
    found.addError(error, joinPath(directory, logName(set.logNumber)));
    return { logs: numbers.length, bytes: 0, operations: 0 };
  }
}

async function replay(
  fs: FileSystem,
  directory: string,
  logNumbers: readonly number[],
  set: VersionSet,
  found: DamageList,
): Promise<LogSums> {
  const reader = new BatchReader();
  let operations = 0;
  const replayed = await runAsync(
    recoverLogs({
      fs,
      directory,
      databaseId: set.databaseId,
      logNumbers,
      manifestLogNumber: set.logNumber,
      cleanClose: set.cleanClose,
      replay: ({ bytes, start, end, count, path, offset }) => {
        reader.reset(bytes, start, end, count, path, offset);
        while (reader.next()) operations++;
        return undefined;
      },
    }),
  );
  const { manifestClaim: claim, logs } = replayed;
  if (claim !== undefined) await checkClaim(fs, directory, set, claim);
  for (const gap of await findRot(fs, directory, replayed, namesIn(set))) {
    const { path } = logs.at(-1)!;
    found.add(path, gap.offset, describeGap(gap, path), gap, gap.checksum);
  }
  const bytes = logs.reduce((sum, { end }) => sum + end, 0);
  return { logs: logs.length, bytes, operations };
}

/**
 * The manifest of a database that is open goes on while its logs are read: what a log
 * that has begun since claims of it is held against what it says then.
 */
async function checkClaim(
  fs: FileSystem,
  directory: string,
  set: VersionSet,
  { number, syncedLength }: { readonly number: number; readonly syncedLength: number },
): Promise<void> {
  try {
    set.checkClaim(number, syncedLength);
  } catch (error) {
    const now = await runAsync(VersionSet.recover(fs, directory, { random: systemRandom }));
    if (now === undefined) throw error;
    now.set.checkClaim(number, syncedLength);
  }
}

/** Of logs that cannot be replayed. */
async function nameGaps(
  fs: FileSystem,
  directory: string,
  numbers: readonly number[],
  set: VersionSet | undefined,
  found: DamageList,
): Promise<void> {
  const logs: WalkedLog[] = [];
  for (const number of numbers) logs.push(await walkLog(fs, directory, number, namesIn(set)));
  const needed = neededEnds(logs, set?.cleanClose);
  for (const [i, { path, gaps, damage, links }] of logs.entries()) {
    if (damage !== undefined) {
      const affected = { firstSeq: links?.firstSeq, lastSeq: undefined };
      found.add(path, damage.offset, damage.what, affected, damage.checksum);
    }
    for (const gap of gaps) {
      const isBelow = gap.offset < needed[i];
      const isDamage = gap.isRot || isBelow || (set === undefined && !gap.isTail);
      if (isDamage)
        found.add(path, gap.offset, describeGap(gap, path, needed[i]), gap, gap.checksum);
    }
  }
}

function namesIn(set: VersionSet | undefined): (keyspaceId: number) => string | undefined {
  return (id) => set?.keyspaces.get(id)?.name;
}

/** `needed`: up to there the log must be whole. */
function describeGap(gap: LogGap, path: string, needed = 0): string {
  const [what, flip] = gap.what.split(';');
  const below =
    gap.offset < needed ? ` below byte ${needed}, up to which this log had been synced,` : '';
  const place = `${what}${below} in ${path} at byte ${gap.offset}${flip === undefined ? '' : `;${flip}`}`;
  const { firstSeq, lastSeq } = gap;
  if (firstSeq === undefined) return place;
  return `${place}; writes ${firstSeq} to ${lastSeq ?? 'the last in this log'} are in it`;
}
