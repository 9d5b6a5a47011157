import { expect, test } from 'vitest';
import { Prng } from '../../src/base/prng.js';
import type { MemoryFileSystem } from '../../src/fs.js';
import { reportCounts } from '../support/counts.js';
import { seedsOf, withSeed } from '../support/seeds.js';
import { repairAndCheck } from './check-repair.js';
import { wound } from './damages.js';
import { makeStage } from './stage.js';

/*
 * Random damage to random databases, one to four files at a time: whatever it is,
 * repair ends with a database that opens, is clean, and holds all but what is named.
 */
const testFile = 'test/repair/random.test.ts';
const counts = { databases: 0, repairs: 0, rebuilt: 0, merged: 0, entries: 0 };
const damagesPerDatabase = 12;

/** Whether somebody will miss what a file held: a manifest, or a later log. */
function damageOne(disk: MemoryFileSystem, path: string, random: Prng, mayVanish: boolean): void {
  const bytes = disk.readBytes(path);
  const { length } = bytes;
  if (length === 0) return;
  const pick = random.below(mayVanish ? 6 : 4);
  if (pick === 0) wound(disk, path, random.below(Math.max(1, length - 4)));
  else if (pick === 1) {
    const at = random.below(length);
    disk.writeBytes(path, bytes.fill(0, at, at + 512));
  } else if (pick === 2) {
    for (let i = random.below(4); i >= 0; i--) bytes[random.below(length)] ^= 1 << random.below(8);
    disk.writeBytes(path, bytes);
  } else if (pick === 3) {
    const at = random.below(length);
    for (let i = at; i < Math.min(length, at + 1500); i++) bytes[i] = random.below(256);
    disk.writeBytes(path, bytes);
  } else disk.writeBytes(path, bytes.subarray(0, random.below(length)));
}

async function damageSome(disk: MemoryFileSystem, random: Prng): Promise<void> {
  const paths = [...disk.snapshotFiles().keys()];
  const losesManifests = random.chance(0.4);
  if (losesManifests) {
    for (const path of paths) if (/CURRENT|MANIFEST/.test(path)) await disk.remove(path);
  }
  const left = paths.filter((path) => !losesManifests || !/CURRENT|MANIFEST/.test(path));
  for (let i = random.below(4); i >= 0; i--) {
    const path = left[random.below(left.length)];
    // What a manifest alone knows of cannot be missed without it.
    const isManifest = /CURRENT|MANIFEST/.test(path);
    damageOne(disk, path, random, isManifest || path.endsWith('.sst'));
  }
}

test('random damage', async () => {
  for (const seed of seedsOf(4)) {
    await withSeed(seed, testFile, async () => {
      const random = new Prng(seed * 104_729);
      const stage = await makeStage(seed, seed % 3 === 0 ? 'large' : 'small');
      counts.databases++;
      for (let i = 0; i < damagesPerDatabase; i++) {
        const disk = stage.disk.clone();
        await damageSome(disk, random);
        const { report, entries } = await repairAndCheck(stage, disk);
        expect(report.path).toBe('db');
        counts.repairs++;
        counts.entries += entries;
        if (report.manifest === 'rebuilt') counts.rebuilt++;
        counts.merged += report.tables.merged;
      }
    });
  }
  reportCounts('T6', 'random damage and repair', counts, { repairs: 48, rebuilt: 15 });
}, 600_000);
