import { describe, expect, it } from 'vitest';
import type { MemoryFileSystem } from '../../src/fs.js';
import { repair } from '../../src/repair/repair.js';
import { repairAndCheck } from './check-repair.js';
import { wound } from './damages.js';
import { directory, makeStage } from './stage.js';

const stage = await makeStage(2, 'large');

function manifestsOf(disk: MemoryFileSystem): string[] {
  return [...disk.snapshotFiles().keys()].filter((path) => /CURRENT|MANIFEST/.test(path));
}

async function withoutManifests(): Promise<MemoryFileSystem> {
  const disk = stage.disk.clone();
  for (const path of manifestsOf(disk)) await disk.remove(path);
  return disk;
}

describe('without a manifest', () => {
  it('obsolete tables are merged with those that replaced them: nothing old hides anything new', async () => {
    expect(stage.obsolete.size).toBeGreaterThan(1);
    const disk = await withoutManifests();
    for (const [path, bytes] of stage.obsolete) disk.writeBytes(path, bytes);
    const { report } = await repairAndCheck(stage, disk);
    expect(report).toMatchObject({ manifest: 'rebuilt', deletedKeysMayReturn: true, lost: [] });
    expect(report.tables.merged).toBeGreaterThan(2);
  });

  it('tables in lost/ take part', async () => {
    const disk = await withoutManifests();
    const tables = [...disk.snapshotFiles().keys()].filter((path) => path.endsWith('.sst'));
    for (const path of tables) {
      disk.writeBytes(path.replace(/\/([^/]*)$/, '/lost/$1'), disk.readBytes(path));
      await disk.remove(path);
    }
    const { report } = await repairAndCheck(stage, disk);
    expect(report.lost).toEqual([]);
    expect(report.tables).toMatchObject({ kept: 0, merged: tables.length });
  });

  it('a table that is there twice takes part once', async () => {
    const disk = await withoutManifests();
    const path = [...disk.snapshotFiles().keys()].find((each) => each.endsWith('.sst'))!;
    disk.writeBytes(path.replace(/\/([^/]*)$/, '/lost/$1'), disk.readBytes(path));
    const { report } = await repairAndCheck(stage, disk);
    expect(report.tables.merged).toBe(0);
    expect(report.lost).toEqual([]);
  });
});

describe('with what is left of a manifest', () => {
  it('obsolete tables are known as such, names and settings are kept', async () => {
    const disk = stage.disk.clone();
    for (const [path, bytes] of stage.obsolete) disk.writeBytes(path, bytes);
    const [manifest] = manifestsOf(disk).filter((path) => path.includes('MANIFEST'));
    // The first record: the snapshot is gone, the edits behind it can be read.
    wound(disk, manifest, 70, 90);
    const { report, contents } = await repairAndCheck(stage, disk);
    expect(report).toMatchObject({ manifest: 'rebuilt', lost: [], renamedKeyspaces: [] });
    expect(report.tables.merged).toBe(0);
    expect([...contents.keys()].sort()).toEqual([...stage.keyspaces].sort());
  });

  it('a table that is missing is named', async () => {
    const disk = stage.disk.clone();
    const [manifest] = manifestsOf(disk).filter((path) => path.includes('MANIFEST'));
    wound(disk, manifest, 70, 90);
    const table = [...disk.snapshotFiles().keys()].find((path) => path.endsWith('.sst'))!;
    await disk.remove(table);
    const { report } = await repairAndCheck(stage, disk);
    expect(report.lost.map(({ file }) => `/${file}`)).toEqual([table]);
  });

  it('one flipped bit of it is set right, and nothing is lost', async () => {
    const [manifest] = manifestsOf(stage.disk).filter((path) => path.includes('MANIFEST'));
    const { length } = stage.disk.readBytes(manifest);
    for (let at = 10; at < length; at += 97) {
      const disk = stage.disk.clone();
      const bytes = disk.readBytes(manifest);
      bytes[at] ^= 1 << (at % 8);
      disk.writeBytes(manifest, bytes);
      const report = await repair(directory, { fs: disk });
      expect(report, `byte ${at}`).toMatchObject({
        outcome: 'repaired',
        manifest: 'kept',
        lost: [],
      });
    }
  });
});
