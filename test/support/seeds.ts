/** Which seeds a random test runs: `count` from 1 on, or only the one in NORI_SEED; NORI_RUNS replaces `count`. */
export function seedsOf(count: number): number[] {
  const only = process.env['NORI_SEED'];
  if (only !== undefined) return [Number(only)];
  const runs = Number(process.env['NORI_RUNS'] ?? count);
  return Array.from({ length: runs }, (_, i) => i + 1);
}

/** Whether all seeds run, so that counts can be held against their floors. */
export function isWholeRun(): boolean {
  return process.env['NORI_SEED'] === undefined && process.env['NORI_RUNS'] === undefined;
}

/** Runs `check`; a failure names the seed and the one command that repeats it. */
export async function withSeed(
  seed: number,
  testFile: string,
  check: () => Promise<void>,
): Promise<void> {
  try {
    await check();
  } catch (error) {
    const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
    const command = `NORI_SEED=${seed} npx vitest run ${testFile}`;
    throw new Error(`seed ${seed}; repeat with: ${command}\n${reason}`, { cause: error });
  }
}
