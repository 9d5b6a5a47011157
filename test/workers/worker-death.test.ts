import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { importBuiltExecutors } from '../compaction/dist.js';

/*
 * Real threads of the built package die in the middle of real flushes and
 * compactions: a file loaded before the program (faulty.mjs) sees to that.
 */

interface Report {
  readonly events: readonly {
    readonly during: string;
    readonly fatal: boolean;
    readonly code: string;
    readonly message: string;
  }[];
  readonly refusals: readonly { readonly code: string; readonly message: string }[];
  readonly failures: readonly string[];
  /** Keys whose value was acknowledged. */
  readonly taken: number;
  /** Of those, before closing and after opening again. */
  readonly wrong: number;
  readonly lost: number;
  readonly damages: number;
  readonly orphansRemoved: number;
  readonly extraTables: number;
  readonly background: { readonly workersLost: number; readonly error?: string };
}

const nothingLost = { wrong: 0, lost: 0, damages: 0, orphansRemoved: 0, extraTables: 0 };

let folder: string;
let runs = 0;
beforeAll(async () => {
  await importBuiltExecutors();
  folder = mkdtempSync(join(tmpdir(), 'nori-death-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

async function run(fault: string, times: number, how: 'async' | 'sync'): Promise<Report> {
  const place = join(folder, String(++runs));
  const path = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--import', path('faulty.mjs'), path('program.mjs'), place, how],
    {
      env: {
        ...process.env,
        NORI_FAULT: fault,
        NORI_FAULT_TIMES: String(times),
        NORI_FAULT_LOG: `${place}.log`,
      },
      timeout: 100_000,
    },
  );
  return JSON.parse(stdout) as Report;
}

describe.concurrent('a worker that', () => {
  it.for([
    ['exits', 'async'],
    ['exits', 'sync'],
    ['throws', 'async'],
    ['is terminated', 'async'],
    ['is terminated', 'sync'],
    ['runs out of memory', 'async'],
    ['runs out of memory', 'sync'],
    ['hangs', 'async'],
    ['hangs in a call', 'sync'],
  ] as const)(
    '%s is replaced, and its job run again (%s writers)',
    async ([fault, how], { expect }) => {
      const report = await run(fault, 1, how);
      expect(report).toMatchObject({ ...nothingLost, taken: 100, events: [], refusals: [] });
      expect(report.failures).toEqual([]);
      // One of a flush, one of a compaction.
      expect(report.background.workersLost).toBe(2);
    },
  );

  it.for(['exits', 'is terminated'])(
    '%s three times leaves the job to the main thread',
    async (fault, { expect }) => {
      const report = await run(fault, 3, 'async');
      expect(report).toMatchObject({ ...nothingLost, taken: 100, refusals: [], failures: [] });
      expect(report.events.map(({ during }) => during).sort()).toEqual(['compaction', 'flush']);
      for (const { code, fatal, message } of report.events) {
        expect({ code, fatal }).toEqual({ code: 'LSM_ABORTED', fatal: false });
        expect(message).toMatch(/3 workers in a row .*main thread/);
      }
      expect(report.background.workersLost).toBe(6);
    },
  );

  it.for([
    ['runs out of memory', 'async', /ran out of memory/],
    ['hangs', 'sync', /no sign of life/],
  ] as const)('%s three times fails the job for now (%s writers)', async (scenario, { expect }) => {
    const [fault, how, cause] = scenario;
    const report = await run(fault, 3, how);
    expect(report).toMatchObject(nothingLost);
    expect(report.events.length).toBeGreaterThan(0);
    for (const { code, fatal, message } of report.events) {
      expect({ code, fatal }).toEqual({ code: 'LSM_ABORTED', fatal: false });
      expect(message).toMatch(cause);
      expect(message).toMatch(/tried again later/);
    }
    for (const { code } of report.refusals) expect(code).toBe('LSM_ABORTED');
    if (how === 'sync') expect(report.refusals).toHaveLength(1);
    expect(report.background.error).toBe(undefined);
  });

  it('answers that its job failed is left alone', async ({ expect }) => {
    const report = await run('fails in a call', 1, 'async');
    expect(report).toMatchObject(nothingLost);
    expect(report.events.map(({ during }) => during).sort()).toEqual(['compaction', 'flush']);
    expect(report.events[0].message).toContain('a fault of the test');
    expect(report.background.workersLost).toBe(0);
  });
});
