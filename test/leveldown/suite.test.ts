import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { beforeAll, expect, it } from 'vitest';
import { ensureBuilt } from '../cli/command.js';

/** All of abstract-leveldown 7.2.0, with every optional part. */
const assertions = 1278;

beforeAll(ensureBuilt, 300_000);

it(`the suite of abstract-leveldown passes, all ${assertions} assertions of it`, () => {
  const runner = fileURLToPath(new URL('run-suite.mjs', import.meta.url));
  const { stdout, stderr } = spawnSync(process.execPath, [runner, '--memory'], {
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
  });
  expect(stderr).toBe('');
  const failures = stdout.split('\n').filter((line) => line.startsWith('not ok'));
  expect(failures).toEqual([]);
  expect(stdout).not.toMatch(/# SKIP/);
  const passed = Number(/^# pass +(\d+)$/m.exec(stdout)?.[1]);
  expect(passed).toBeGreaterThanOrEqual(assertions);
});
