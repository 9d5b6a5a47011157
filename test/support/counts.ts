import { appendFileSync } from 'node:fs';
import { expect } from 'vitest';
import { isWholeRun } from './seeds.js';

/** The kinds of tests in docs/testing.md. */
export type TestKind = `T${1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10 | 11 | 12 | 13}`;

/**
 * Says how much a test has done: prints it, holds it against its floors (what is
 * counted less often than that has not been tested), and appends it as one line of
 * JSON to the file NORI_COUNTS, of which `npm run test:report` makes its table.
 * `what` tells several tests of one kind apart.
 */
export function reportCounts(
  kind: TestKind,
  what: string,
  counts: Readonly<Record<string, number>>,
  floors: Readonly<Record<string, number>> = {},
): void {
  console.log(`${kind}, ${what}: ${JSON.stringify(counts)}`);
  const file = process.env['NORI_COUNTS'];
  if (file !== undefined) {
    appendFileSync(file, `${JSON.stringify({ kind, what, counts, floors })}\n`);
  }
  if (!isWholeRun()) return;
  for (const [name, floor] of Object.entries(floors)) {
    expect(counts[name], `${kind}, ${what}: ${name}`).toBeGreaterThanOrEqual(floor);
  }
}
