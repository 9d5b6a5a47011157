import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { ensureBuilt } from '../cli/command.js';
import { root } from '../tidy/project-files.js';

/* The micro-benchmarks use built files of private folders: here each runs with a tiny count, so that none rots. */
const directory = join(root, 'bench/micro');
const shared = ['harness.mjs', 'run.mjs', 'tables.mjs'];

/** How many figures each gives, at least. */
const floors: Readonly<Record<string, number>> = {
  blocks: 9,
  caches: 6,
  cursors: 9,
  encodings: 12,
  filter: 8,
  memtable: 12,
  merge: 14,
  sstable: 24,
  wal: 12,
};

interface Figure {
  readonly suite: string;
  readonly name: string;
  readonly unit: string;
  readonly median: number;
  readonly lower?: number;
  readonly upper?: number;
}

function run(
  script: string,
  ...args: string[]
): { status: number | null; out: string; err: string } {
  const result = spawnSync(process.execPath, [join(directory, script), ...args], {
    encoding: 'utf8',
    timeout: 60_000,
  });
  return { status: result.status, out: result.stdout, err: result.stderr };
}

beforeAll(ensureBuilt);

describe('the micro-benchmarks', () => {
  it('run, all of them, and their figures can be read by a program', () => {
    const { status, out, err } = run('run.mjs', '--quick', '--json');
    expect(status, err).toBe(0);
    const { node, results } = JSON.parse(out) as { node: string; results: Figure[] };
    expect(node).toBe(process.version);
    for (const { suite, name, unit, median, lower = median, upper = median } of results) {
      expect(median, `${suite}: ${name}`).toBeGreaterThanOrEqual(unit === 'ns/op' ? 0.1 : 0);
      expect(lower <= median && median <= upper, `${suite}: ${name}`).toBe(true);
    }
    const suites = readdirSync(directory)
      .filter((file) => file.endsWith('.mjs') && !shared.includes(file))
      .map((file) => file.replace('.mjs', ''));
    for (const suite of suites) {
      const names = results.filter((figure) => figure.suite === suite).map(({ name }) => name);
      expect(names.length, `figures of ${suite}`).toBeGreaterThanOrEqual(floors[suite] ?? 1);
      expect(new Set(names).size, `names in ${suite} are unique`).toBe(names.length);
    }
  });

  it('run one by one, for people', () => {
    const { status, out, err } = run('caches.mjs', '--quick', '--only', 'block cache');
    expect(status, err).toBe(0);
    expect(out).toMatch(/^caches$/m);
    expect(out).toMatch(/^ {2}block cache: hit +[\d.]+ ns\/op {3}[\d.]+ – [\d.]+$/m);
    expect(out).not.toContain('table cache');
  });

  it('are refused by names that there are not', () => {
    const { status, err } = run('run.mjs', 'memtabel');
    expect(status).toBe(64);
    expect(err).toContain('memtable');
  });
});
