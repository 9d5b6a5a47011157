import { expect, it } from 'vitest';
import { reportCounts } from '../support/counts.js';
import { seedsOf, withSeed } from '../support/seeds.js';
import { checkMoment, runSlowly } from './slow-run.js';

const file = 'test/protocol/slow-disk.test.ts';

it(
  'whatever the order in which a thread pool does its work, a crash leaves whole writes up to one of them',
  { timeout: 3_600_000 },
  async () => {
    let crashes = 0;
    for (const seed of seedsOf(4)) {
      await withSeed(seed, file, async () => {
        const { moments } = await runSlowly(seed, false);
        for (const moment of moments) await checkMoment(moment);
        crashes += moments.length;
      });
    }
    reportCounts('T3', 'a slow thread pool', { crashes }, { crashes: 20 });
  },
);

it(
  'and when one of its calls fails: of log, manifest or directory it ends all writing, of a table it does not',
  { timeout: 3_600_000 },
  async () => {
    let crashes = 0;
    let faults = 0;
    for (const seed of seedsOf(6)) {
      await withSeed(seed, file, async () => {
        const { moments, failed, failure } = await runSlowly(seed, true);
        for (const moment of moments) await checkMoment(moment);
        crashes += moments.length;
        if (failed === undefined) return;
        faults++;
        if (/^((write|sync) .*(\.log|MANIFEST-\d+)|syncDirectory .*)$/.test(failed)) {
          expect(failure, failed).toContain('EIO');
        }
        if (/^\w+ .*\.sst$/.test(failed)) expect(failure, failed).toBeUndefined();
      });
    }
    reportCounts('T4', 'a slow thread pool', { faults, crashes }, { faults: 4, crashes: 20 });
  },
);
