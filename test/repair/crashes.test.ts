import { expect, test } from 'vitest';
import { toHex } from '../../src/base/bytes.js';
import { Prng } from '../../src/base/prng.js';
import { isLsmError, type LsmError } from '../../src/base/errors.js';
import { FaultFileSystem } from '../../src/fs/fault-file-system.js';
import { RecordingFileSystem, type MemoryFileSystem } from '../../src/fs.js';
import { repair } from '../../src/repair/repair.js';
import { verifyDatabase } from '../../src/verify/verify-database.js';
import { reportCounts } from '../support/counts.js';
import { isLongRun, oneSeed } from '../support/seeds.js';
import { damageOf, damages, type DamageName } from './damages.js';
import { directory, makeStage, openStage, readAll, type Contents } from './stage.js';

/*
 * Repair dies before the n-th call of the file system, or that call fails, for
 * every n. Then the directory is as it was before, or it is repaired; and the same
 * call made again ends where it would have ended at once.
 */
const counts = { crashes: 0, failures: 0, repairs: 0 };
/** The first needs no manifest to be rebuilt; after the last a manifest counts without CURRENT. */
const chosen = isLongRun()
  ? damages
  : (['a table and the log', 'everything', 'a table, and CURRENT with all manifests'] as const);
const keeps = [0, 0.25, 0.5, 1];
const seed = oneSeed();
const stage = await makeStage(seed);

/** What a repair ends with. */
async function contentsOf(disk: MemoryFileSystem): Promise<Contents> {
  expect((await verifyDatabase(directory, { fs: disk })).damages).toEqual([]);
  const db = await openStage(disk, 5);
  const contents = await readAll(db);
  await db.close();
  return contents;
}

async function repairAgain(disk: MemoryFileSystem): Promise<Contents> {
  await repair(directory, { fs: disk, random: new Prng(3) });
  counts.repairs++;
  return await contentsOf(disk);
}

/** Every original is where it was, or in lost/, with all its bytes; CURRENT may be another one. */
function expectOriginals(before: ReadonlyMap<string, Uint8Array>, disk: MemoryFileSystem): void {
  const after = disk.snapshotFiles();
  for (const [path, bytes] of before) {
    if (path.endsWith('/CURRENT')) continue;
    const lost = path.replace(/\/([^/]*)$/, '/lost/$1');
    expect(after.get(path) ?? after.get(lost), path).toEqual(bytes);
  }
}

function damaged(name: DamageName): MemoryFileSystem {
  const disk = stage.disk.clone();
  damageOf(name, disk);
  return disk;
}

for (const name of chosen) {
  test(`a crash at every call of the repair of ${name}`, async () => {
    const original = damaged(name);
    const before = original.snapshotFiles();
    const wanted = await repairAgain(original.clone());
    const moments: MemoryFileSystem[] = [];
    let changes = -1;
    const live = original.clone();
    const recording = new RecordingFileSystem(live, {
      beforeCall: () => {
        const isNew = recording.changes.length !== changes;
        changes = recording.changes.length;
        if (isNew) moments.push(live.clone());
      },
    });
    await repair(directory, { fs: recording, random: new Prng(3) });
    const seen = new Set<string>();
    for (const [i, disk] of moments.entries()) {
      for (const keep of keeps) {
        counts.crashes++;
        const left = disk.clone().crash({ keep, random: new Prng(seed * 1000 + i) });
        expectOriginals(before, left);
        // Mostly the same is left, whatever was not synced.
        const files = [...left.snapshotFiles()].map(([path, bytes]) => `${path} ${toHex(bytes)}`);
        const content = files.sort().join();
        if (seen.has(content)) continue;
        seen.add(content);
        expect(await repairAgain(left), `moment ${i}, keep ${keep}`).toEqual(wanted);
      }
    }
  });

  test(`every call of the repair of ${name} fails`, async () => {
    const original = damaged(name);
    const before = original.snapshotFiles();
    const wanted = await repairAgain(original.clone());
    const counting = new RecordingFileSystem(original.clone());
    await repair(directory, { fs: counting, random: new Prng(3) });
    const step = isLongRun() ? 1 : 4;
    for (let nth = 1; nth <= counting.calls; nth += step) {
      const disk = original.clone();
      const faulty = new FaultFileSystem(disk, [{ nth, error: nth % 2 === 0 ? 'EIO' : 'ENOSPC' }]);
      counts.failures++;
      try {
        await repair(directory, { fs: faulty, random: new Prng(3) });
      } catch (error) {
        expect(isLsmError(error), `call ${nth}: ${String(error)}`).toBe(true);
        expect((error as LsmError).code).not.toBe('LSM_CORRUPTION');
      }
      expectOriginals(before, disk);
      expect(disk.openFiles, `call ${nth}`).toBe(0);
      expect(await repairAgain(disk), `call ${nth}`).toEqual(wanted);
    }
  });
}

test('counts', () => {
  reportCounts('T3', 'crashes and failures of repair', counts, { crashes: 300, failures: 100 });
});
