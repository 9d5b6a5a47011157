/*
 * Which seeds a random test runs:
 *
 * - NORI_SEED=7: only this one; every failure prints the command that says so;
 * - NORI_UNTIL (milliseconds since the epoch): from NORI_FIRST_SEED on, until then
 *   (at least one); `npm run test:long` sets both;
 * - NORI_RUNS=50: from NORI_FIRST_SEED (default 1) on, 50 of them;
 * - else as many as the test asks for, from 1 on.
 */

/** The seeds of this run, one after the other; `count` is how many a run of the whole suite takes. */
export function* seedsOf(count: number): Generator<number, void> {
  const only = process.env['NORI_SEED'];
  if (only !== undefined) {
    yield Number(only);
    return;
  }
  const first = Number(process.env['NORI_FIRST_SEED'] ?? 1);
  const until = process.env['NORI_UNTIL'];
  const runs = until === undefined ? Number(process.env['NORI_RUNS'] ?? count) : Infinity;
  for (let i = 0; i < runs; i++) {
    if (until !== undefined && i > 0 && Date.now() >= Number(until)) return;
    yield first + i;
  }
}

/** Whether a run that goes on until a time is over; a test of many steps asks now and then. */
export function isTimeUp(): boolean {
  const until = process.env['NORI_UNTIL'];
  return until !== undefined && Date.now() >= Number(until);
}

/** The first of the seeds, for a test that takes only one. */
export function oneSeed(): number {
  return Number(process.env['NORI_SEED'] ?? process.env['NORI_FIRST_SEED'] ?? 1);
}

/** Whether this is the run that is always the same, so that counts can be held against their floors. */
export function isWholeRun(): boolean {
  return ['NORI_SEED', 'NORI_RUNS', 'NORI_FIRST_SEED', 'NORI_UNTIL'].every(
    (name) => process.env[name] === undefined,
  );
}

/** Whether an exhaustive test goes to its long bar (every bit instead of every byte); `npm run test:long` says so. */
export function isLongRun(): boolean {
  return process.env['NORI_LONG'] === '1';
}

/** Runs `check`; a failure names the seed and the one command that repeats it. */
export async function withSeed(
  seed: number,
  testFile: string,
  check: () => Promise<void> | void,
): Promise<void> {
  try {
    await check();
  } catch (error) {
    const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
    const command = `NORI_SEED=${seed} npx vitest run ${testFile}`;
    throw new Error(`seed ${seed}; repeat with: ${command}\n${reason}`, { cause: error });
  }
}
