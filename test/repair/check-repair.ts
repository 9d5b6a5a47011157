import { expect } from 'vitest';
import { compareBytes } from '../../src/base/bytes.js';
import type { MemoryFileSystem } from '../../src/fs.js';
import type { LostPlace, RepairReport } from '../../src/repair/repair-report.js';
import { repair } from '../../src/repair/repair.js';
import { verifyDatabase } from '../../src/verify/verify-database.js';
import { directory, modelOf, openStage, readAll, type Contents, type Stage } from './stage.js';

const encoder = new TextEncoder();

function holds({ smallest, largest }: LostPlace, key: string): boolean {
  const bytes = encoder.encode(key);
  if (smallest !== undefined && compareBytes(bytes, smallest) < 0) return false;
  return largest === undefined || compareBytes(bytes, largest) <= 0;
}

/** Whether a place says that this key of this keyspace may be affected. */
function isNamed(report: RepairReport, stage: Stage, keyspace: string, key: string): boolean {
  return report.lost.some((place) => {
    if (place.firstSeq === undefined) {
      return (place.keyspace === undefined || place.keyspace === keyspace) && holds(place, key);
    }
    const { firstSeq, lastSeq = Infinity } = place;
    return stage.writes.some(
      (write, i) =>
        write.keyspace === keyspace && write.key === key && i + 1 >= firstSeq && i + 1 <= lastSeq,
    );
  });
}

/** All values that a key ever had. */
function valuesOf({ writes }: Stage, keyspace: string, key: string): (string | undefined)[] {
  return writes
    .filter((write) => write.keyspace === keyspace && write.key === key)
    .map(({ value }) => value);
}

/** What was compared. */
export interface Checked {
  readonly report: RepairReport;
  readonly contents: Contents;
  readonly entries: number;
}

/**
 * Repairs, and holds the result against all that was written: a key that no lost
 * place names is exactly as it was; one that is named is absent, or has a value
 * that it once had. A rebuilt manifest may bring back what was deleted.
 */
export async function repairAndCheck(stage: Stage, disk: MemoryFileSystem): Promise<Checked> {
  const before = disk.snapshotFiles();
  const planned = await repair(directory, { fs: disk, dryRun: true });
  expect(disk.snapshotFiles(), 'a dry run changes nothing').toEqual(before);
  const report = await repair(directory, { fs: disk });
  expect(planned.outcome).toBe(report.outcome === 'repaired' ? 'repairable' : 'sound');
  expect(planned.problems).toEqual(report.problems);
  expect(planned.lost).toEqual(report.lost);
  if (report.outcome === 'sound') expect(disk.snapshotFiles()).toEqual(before);
  else checkOriginals(before, disk, report);
  expect((await verifyDatabase(directory, { fs: disk })).damages).toEqual([]);
  const again = await repair(directory, { fs: disk });
  expect(again.outcome, 'the second time there is nothing to do').toBe('sound');
  try {
    return await checkContents(stage, disk, report);
  } catch (error) {
    const shown = JSON.stringify(report, (_, value: unknown) =>
      value instanceof Uint8Array ? new TextDecoder().decode(value) : value,
    );
    throw new Error(`${(error as Error).message}; reported was ${shown}`, { cause: error });
  }
}

/** No byte of an original is gone: it stays, or it is in lost/. CURRENT alone is replaced. */
function checkOriginals(
  before: ReadonlyMap<string, Uint8Array>,
  disk: MemoryFileSystem,
  report: RepairReport,
): void {
  const after = disk.snapshotFiles();
  for (const [path, bytes] of before) {
    const name = path.slice(path.lastIndexOf('/') + 1);
    if (name === 'CURRENT') continue;
    const isSetAside = report.setAside.includes(name) && !path.includes('/lost/');
    const place = isSetAside ? path.replace(name, `lost/${name}`) : path;
    expect(after.get(place), `${name} is unchanged`).toEqual(bytes);
    if (isSetAside) expect(after.has(path)).toBe(false);
  }
}

export async function checkContents(
  stage: Stage,
  disk: MemoryFileSystem,
  report: RepairReport,
): Promise<Checked> {
  const db = await openStage(disk, 77);
  const contents = await readAll(db);
  const model = modelOf(stage.writes);
  let entries = 0;
  for (const keyspace of stage.keyspaces) {
    // Its name is lost, and said to be.
    if (!contents.has(keyspace) && report.renamedKeyspaces.length > 0) continue;
    const found = contents.get(keyspace) ?? new Map<string, string>();
    const expected = model.get(keyspace) ?? new Map<string, string>();
    const keys = stage.writes.filter((write) => write.keyspace === keyspace).map(({ key }) => key);
    for (const key of new Set([...keys, ...found.keys()])) {
      entries++;
      const value = found.get(key);
      if (value === expected.get(key)) continue;
      const place = `${keyspace}/${key}: ${value}, not ${expected.get(key)}`;
      const wasOnce = value === undefined || valuesOf(stage, keyspace, key).includes(value);
      expect(wasOnce, `${place}: a value that it once had`).toBe(true);
      if (isNamed(report, stage, keyspace, key)) {
        if (value !== undefined && expected.get(key) === undefined) {
          expect(report.deletedKeysMayReturn, `${place}: said to be possible`).toBe(true);
        }
        continue;
      }
      const isReturned = report.manifest === 'rebuilt' && expected.get(key) === undefined;
      expect(isReturned, `${place}: named as lost`).toBe(true);
    }
  }
  // And it goes on from there.
  await db.put('key-0000', 'after');
  await db.flush();
  expect(await db.get('key-0000')).toBe('after');
  await db.compactRange();
  await db.close();
  return { report, contents, entries };
}
