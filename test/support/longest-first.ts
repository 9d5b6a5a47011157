import { relative } from 'node:path';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/**
 * What takes longest, longest first: each 10 seconds and more on two cores. Begun last, one
 * of them would run on alone; Vitest itself knows times only of a checkout that has run before.
 */
export const longest: readonly string[] = [
  'test/crash/crashes.test.ts',
  'test/leaks/leaks.test.ts',
  'test/damage/flips.test.ts',
  'test/repair/crashes.test.ts',
  'test/model/random-operations.test.ts',
  'test/crash/faults.test.ts',
  'test/cli/errors.test.ts',
  'test/cli/kill.test.ts',
  'test/kill/kill.test.ts',
  'test/schedule/schedule.test.ts',
  'test/package/package.test.ts',
  'test/cli/usage.test.ts',
  'test/cli/checkpoint.test.ts',
  'test/docs/programs.test.ts',
  'test/workers/worker-death.test.ts',
  'test/locks/locks.test.ts',
  'test/repair/each-file.test.ts',
  'test/repair/random.test.ts',
  'test/compaction/worker-executor.test.ts',
  'test/cli/load.test.ts',
  'test/cli/commands.test.ts',
  'test/crash/checkpoint.test.ts',
  'test/crash/keyspaces.test.ts',
  'test/damage/torn.test.ts',
  'test/model/metamorphic.test.ts',
  'test/fuzz/files.test.ts',
  'test/isolation/workers.test.ts',
  'test/verify/every-byte.test.ts',
  'test/fs/lock.test.ts',
  'test/compaction/executor-pool.test.ts',
  'test/repair/hostile.test.ts',
];

/** Begins files in the order of `longest`, then the others as Vitest would. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const others = await super.sort(files);
    const placeOf = ({ moduleId }: TestSpecification): number => {
      const place = longest.indexOf(relative(this.ctx.config.root, moduleId).replaceAll('\\', '/'));
      return place < 0 ? longest.length : place;
    };
    return others.sort((a, b) => placeOf(a) - placeOf(b));
  }
}
