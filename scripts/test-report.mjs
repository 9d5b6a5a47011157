// Prints the fault matrix with the counts of a run: `npm run test:report` runs the
// reliability tests for that; with --from FILE the counts are those that an
// earlier run has put there (NORI_COUNTS=FILE npm test). Fails when a test fails,
// a kind is missing or a count is below its floor.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import {
  filesOf,
  kinds,
  printMatrix,
  problemsOf,
  readReports,
  root,
  sumReports,
} from './reliability-tests.mjs';

const { values } = parseArgs({ options: { from: { type: 'string' } } });

let isPassed = true;
let reports;
if (values.from !== undefined) reports = readReports(values.from);
else {
  const directory = mkdtempSync(join(tmpdir(), 'nori-report-'));
  const counts = join(directory, 'counts');
  const files = [...new Set(Object.keys(kinds).flatMap(filesOf))];
  const { status } = spawnSync('npx', ['vitest', 'run', ...files], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, NORI_COUNTS: counts },
  });
  isPassed = status === 0;
  reports = readReports(counts);
  rmSync(directory, { recursive: true });
}
const sums = sumReports(reports);
printMatrix(sums);
const problems = problemsOf(sums);
for (const problem of problems) console.error(problem);
if (!isPassed) console.error('a test failed: see above');
process.exitCode = isPassed && problems.length === 0 ? 0 : 1;
