import { expect, test } from 'vitest';
import { loadCodecs } from '../../src/sstable/codecs.js';
import { reportCounts } from '../support/counts.js';
import { seedsOf, withSeed } from '../support/seeds.js';
import { makeDatabase, makeTables } from './corpus.js';
import { databaseTargets, tableTarget } from './file-targets.js';
import { fuzzTarget, newTally } from './fuzz.js';
import type { Tally, Target } from './target.js';
import { Watchdog } from './watchdog.js';

/*
 * T8: what reads whole files and directories, with one file that somebody else
 * made. Beside what holds for every decoder: calls of the file system are bounded
 * by the bytes there are, no file is left open, and what only reads changes nothing.
 */

const testFile = 'test/fuzz/files.test.ts';
const seeds = 16;
const inputsPerSeed = 10;

/** Long runs end by themselves, and what hangs is ended by the watchdog. */
const timeout = 3_600_000;

/** How many inputs each gets for one of the slowest. */
const weights: Readonly<Record<string, number>> = {
  'table file': 8,
  'VersionSet.recover': 6,
  recoverLogs: 6,
  inspectFile: 4,
  'search for blocks': 4,
};

test('files that somebody else made are read, or refused with a type', { timeout }, async () => {
  await loadCodecs();
  const tables = await makeTables();
  const databases = [await makeDatabase(1, false), await makeDatabase(2, true)];
  const targets = [tableTarget(tables), ...(await databaseTargets(databases, tables))];
  const tallies = new Map<Target, Tally>(targets.map((target) => [target, newTally()]));
  const watchdog = new Watchdog(testFile);
  for (const seed of seedsOf(seeds)) {
    await withSeed(seed, testFile, async () => {
      for (const target of targets) {
        const count = inputsPerSeed * (weights[target.name] ?? 1);
        await fuzzTarget(target, seed, count, tallies.get(target)!, watchdog);
      }
    });
  }
  await watchdog.stop();
  for (const [{ name }, tally] of tallies) {
    const inputs = (weights[name] ?? 1) * seeds * inputsPerSeed;
    const floors = { inputs, accepted: 0.02 * inputs, refused: 0.1 * inputs };
    reportCounts('T8', name, { ...tally }, floors);
  }
  expect(tallies.size).toBe(targets.length);
});
