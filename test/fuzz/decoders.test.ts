import { beforeAll, expect, test } from 'vitest';
import { loadCodecs } from '../../src/sstable/codecs.js';
import { reportCounts } from '../support/counts.js';
import { seedsOf, withSeed } from '../support/seeds.js';
import { blockTargets } from './block-targets.js';
import { makeDatabase, makeTables } from './corpus.js';
import { fuzzTarget, newTally } from './fuzz.js';
import { logTargets } from './log-targets.js';
import { manifestTargets } from './manifest-targets.js';
import type { Tally, Target } from './target.js';
import { textTargets } from './text-targets.js';
import { Watchdog } from './watchdog.js';

/*
 * T8: every decoder of bytes, on bytes that somebody else made. A decoder gives a
 * result or a refusal of the right kind, takes memory by what there is and not by
 * what it claims, comes to an end, and leaves prototypes alone.
 */

const testFile = 'test/fuzz/decoders.test.ts';
const seeds = 70;
const inputsPerSeed = 45;
/** Long runs end by themselves, and what hangs is ended by the watchdog. */
const timeout = 3_600_000;

beforeAll(loadCodecs);

async function allTargets(): Promise<Target[]> {
  const files = [await makeDatabase(1, false), await makeDatabase(2, true)];
  const bytesOf = (pattern: RegExp): Uint8Array[] =>
    files.flatMap((each) =>
      [...each].filter(([path, bytes]) => pattern.test(path) && bytes.length > 0).map(([, b]) => b),
    );
  const manifests = bytesOf(/MANIFEST/);
  return [
    ...logTargets(bytesOf(/\.log$/), manifests),
    ...manifestTargets(manifests),
    ...blockTargets(await makeTables()),
    ...textTargets(),
  ];
}

test(
  'every decoder gives a result or a typed refusal, whatever the bytes',
  { timeout },
  async () => {
    const targets = await allTargets();
    const tallies = new Map<Target, Tally>(targets.map((target) => [target, newTally()]));
    const watchdog = new Watchdog(testFile);
    for (const seed of seedsOf(seeds)) {
      await withSeed(seed, testFile, async () => {
        for (const target of targets) {
          const count = inputsPerSeed * (target.weight ?? 1);
          await fuzzTarget(target, seed, count, tallies.get(target)!, watchdog);
        }
      });
    }
    await watchdog.stop();
    const total = newTally();
    for (const [{ name, refusesNothing, weight = 1 }, tally] of tallies) {
      const inputs = weight * seeds * inputsPerSeed;
      // Changed inputs that are accepted show that it gets beyond magics, lengths and checksums.
      const refused = refusesNothing === true ? 0 : 0.1 * inputs;
      reportCounts('T8', name, { ...tally }, { inputs, accepted: 0.02 * inputs, refused });
      for (const key of Object.keys(total) as (keyof Tally)[]) total[key] += tally[key];
    }
    reportCounts('T8', 'all decoders', { ...total }, { inputs: 100_000 });
    expect(tallies.size).toBeGreaterThanOrEqual(25);
  },
);
