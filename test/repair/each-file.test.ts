import { describe, expect, it } from 'vitest';
import type { MemoryFileSystem } from '../../src/fs.js';
import { repairAndCheck } from './check-repair.js';
import { wound } from './damages.js';
import { makeStage } from './stage.js';

const stage = await makeStage(1);
const paths = [...stage.disk.snapshotFiles().keys()];

function flip(disk: MemoryFileSystem, path: string, at: number): void {
  const bytes = disk.readBytes(path);
  bytes[at] ^= 0x10;
  disk.writeBytes(path, bytes);
}

describe('repair brings back all but what it names, after', () => {
  for (const path of paths) {
    const { length } = stage.disk.readBytes(path);

    it(`${path} was deleted`, async () => {
      const disk = stage.disk.clone();
      await disk.remove(path);
      await repairAndCheck(stage, disk);
    });

    it(`${path} was emptied`, async () => {
      const disk = stage.disk.clone();
      disk.writeBytes(path, new Uint8Array(0));
      await repairAndCheck(stage, disk);
    });

    it(`${path} was cut`, async () => {
      for (let i = 1; i < 5; i++) {
        const disk = stage.disk.clone();
        disk.writeBytes(path, stage.disk.readBytes(path).subarray(0, Math.floor((length * i) / 5)));
        await repairAndCheck(stage, disk);
      }
    });

    it(`a byte of ${path} was changed`, async () => {
      const step = Math.max(1, Math.floor(length / 5));
      for (let at = 0; at < length; at += step) {
        const disk = stage.disk.clone();
        flip(disk, path, at);
        await repairAndCheck(stage, disk);
      }
    });

    it(`a sector of ${path} was lost`, async () => {
      for (let at = 0; at < length; at += 1024) {
        const disk = stage.disk.clone();
        const bytes = disk.readBytes(path);
        bytes.fill(0, at, at + 512);
        disk.writeBytes(path, bytes);
        await repairAndCheck(stage, disk);
      }
    });
  }

  it('two files are damaged', async () => {
    for (const [i, first] of paths.entries()) {
      for (const second of paths.slice(i + 1)) {
        const disk = stage.disk.clone();
        flip(disk, first, disk.readBytes(first).length >> 1);
        flip(disk, second, disk.readBytes(second).length >> 1);
        await repairAndCheck(stage, disk);
      }
    }
  });

  it('all manifests are gone, and each other file has a wound', async () => {
    for (const path of paths.filter((each) => /\.(sst|log)$/.test(each))) {
      const { length } = stage.disk.readBytes(path);
      for (let part = 0; part < 4; part++) {
        const disk = stage.disk.clone();
        for (const each of paths) if (/CURRENT|MANIFEST/.test(each)) await disk.remove(each);
        wound(disk, path, Math.floor((length * part) / 4) + 20);
        const { report } = await repairAndCheck(stage, disk);
        expect(report.manifest).toBe('rebuilt');
      }
    }
  });

  it('a block was damaged: only its keys are named', async () => {
    const disk = stage.disk.clone();
    wound(
      disk,
      paths.find((path) => path.endsWith('.sst'))!,
      700,
    );
    const { report } = await repairAndCheck(stage, disk);
    expect(report.lost).toHaveLength(1);
    expect(report.lost[0].bytes).toBeLessThan(400);
    expect(report.lost[0].smallest).toBeDefined();
    expect(report.tables.entriesSaved).toBeGreaterThan(20);
  });

  it('a log was damaged in its middle: what is behind is kept', async () => {
    const disk = stage.disk.clone();
    const log = paths.find((path) => path.endsWith('.log'))!;
    wound(disk, log, disk.readBytes(log).length >> 1);
    const { report } = await repairAndCheck(stage, disk);
    expect(report.lost).toHaveLength(1);
    expect(report.lost[0].lastSeq).toBeLessThan(stage.writes.length - 10);
  });

  it('nothing at all', async () => {
    const { report } = await repairAndCheck(stage, stage.disk.clone());
    expect(report.outcome).toBe('sound');
    expect(report.problems).toEqual([]);
  });
});
