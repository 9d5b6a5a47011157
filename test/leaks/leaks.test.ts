import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { importBuiltExecutors } from '../compaction/dist.js';
import { reportCounts } from '../support/counts.js';

/*
 * Each kind of thing is done many times in a process of its own, which then looks
 * what it has kept: descriptors, threads, and memory by the slope of its growth.
 */

interface Held {
  /** Of the JavaScript heap, after a full collection. */
  readonly heapUsed: number;
  readonly descriptors: number;
  readonly threads: number;
}

interface Report {
  readonly done: number;
  /** After a quarter of the work, half of it, and all of it. */
  readonly before: Held;
  readonly between: Held;
  readonly after: Held;
  readonly failures: Readonly<Record<string, number>>;
}

const program = fileURLToPath(new URL('program.mjs', import.meta.url));
let folder: string;
beforeAll(async () => {
  await importBuiltExecutors();
  folder = mkdtempSync(join(tmpdir(), 'nori-leaks-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

async function run(what: string, count: number): Promise<Report> {
  const directory = mkdtempSync(join(folder, 'd'));
  const parameters = ['--expose-gc', program, what, String(count), directory];
  const { stdout } = await promisify(execFile)(process.execPath, parameters, { timeout: 600_000 });
  return JSON.parse(stdout) as Report;
}

/** One kind; how often; the growth of the heap that is taken for noise, in bytes for each time. */
const kinds: readonly [string, number, number][] = [
  // A database takes far more than that.
  ['open and close, in memory', 900, 4000],
  ['open and close, with threads', 100, 20_000],
  // An iterator, or what is known of one, takes more than a hundred bytes.
  ['iterators, synchronous', 500_000, 4],
  ['iterators, asynchronous', 500_000, 4],
  ['snapshots', 100_000, 20],
  // The heap grows by 330 KB over some 2000 of them, and then loses all of it again (V8's
  // own tables). An open that kept no more than its error would keep some 2900 bytes.
  ['failed opens', 2000, 1000],
];

const counts: Record<string, number> = {};

it.each(kinds)(
  '%s: %i times leave nothing behind',
  async (what, count, noiseBytes) => {
    const { done, before, between, after, failures } = await run(what, count);
    const slope = (after.heapUsed - between.heapUsed) / (done / 2);
    expect(slope, 'bytes of heap for each').toBeLessThan(noiseBytes);
    expect(after.descriptors, 'descriptors').toBe(before.descriptors);
    expect(after.threads, 'threads').toBe(before.threads);
    counts[what] = done;
    for (const [code, times] of Object.entries(failures)) counts[code] = times;
  },
  600_000,
);

it('has done as much as it should', () => {
  const floors = Object.fromEntries(kinds.map(([what, count]) => [what, count]));
  const codes = ['LSM_LOCKED', 'LSM_CORRUPTION', 'LSM_NO_SPACE', 'LSM_TOO_MANY_FILES'];
  for (const code of codes) floors[code] = 200;
  reportCounts('T12', 'leaks', counts, floors);
});
