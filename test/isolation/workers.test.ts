import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'vitest';
import type * as source from '../../src/index.js';
import { reportCounts } from '../support/counts.js';
import { seedsOf, withSeed } from '../support/seeds.js';
import { bankSettings, newCounts, runBank } from './session.js';

/*
 * T9 on a real disk, with flushes and compactions in worker threads: when they end
 * is up to the machine, what readers see is not.
 */
const testFile = 'test/isolation/workers.test.ts';

type Open = typeof source.open;

/** The built package: a worker thread cannot start from TypeScript sources here. */
async function builtOpen(): Promise<Open> {
  const ensure = fileURLToPath(new URL('../../scripts/ensure.mjs', import.meta.url));
  execFileSync(process.execPath, [ensure], { stdio: ['ignore', 'inherit', 'inherit'] });
  const built = new URL('../../dist/index.js', import.meta.url).href;
  return ((await import(/* @vite-ignore */ built)) as { readonly open: Open }).open;
}

test('every reader sees one moment, beside worker threads', { timeout: 3_600_000 }, async () => {
  const counts = newCounts();
  const open = await builtOpen();
  for (const seed of seedsOf(2)) {
    await withSeed(seed, testFile, async () => {
      const directory = mkdtempSync(join(tmpdir(), 'nori-bank-'));
      try {
        await runBank(seed, () => open(directory, bankSettings), 700, counts);
      } finally {
        rmSync(directory, { recursive: true, force: true });
      }
    });
  }
  // How many compactions there are depends on how fast they are.
  const floors = { transfers: 600, reads: 70, iterated: 800, snapshots: 30, flushes: 30, drops: 4 };
  reportCounts('T9', 'a bank beside worker threads', { ...counts }, { ...floors, compactions: 5 });
});
