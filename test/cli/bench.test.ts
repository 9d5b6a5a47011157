import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { ensureBuilt, makeTemporaryDirectory, nori, run } from './command.js';

const directory = makeTemporaryDirectory();

beforeAll(ensureBuilt);

describe('nori bench', () => {
  const small = ['--entries', '2000', '--dir', directory];

  it('prints a line of JSON for each workload, in their order, and leaves nothing behind', () => {
    const names = ['overwrite', 'fillrandom', 'multiget-sync'];
    const lines = run(['bench', ...names, ...small, '--json'])
      .trim()
      .split('\n');
    const results = lines.map((line) => JSON.parse(line) as Record<string, number | string>);
    expect(results.map(({ workload }) => workload)).toEqual([
      'fillrandom',
      'multiget-sync',
      'overwrite',
    ]);
    expect(results[0].operations).toBe(2000);
    for (const { operations, milliseconds } of results) {
      expect(operations).toBeGreaterThan(0);
      expect(milliseconds).toBeGreaterThan(0);
    }
    expect(readdirSync(directory)).toEqual([]);
  });

  it('prints a table, of batches and values as large as asked for', () => {
    const flags = ['--batch', '7', '--value-bytes', '1000', '--set', 'memtableBytes=256KiB'];
    const { status, stdout, stderr } = nori(['bench', 'fillseq', ...small, ...flags]);
    expect(status).toBe(0);
    expect(stdout).toMatch(/per second/);
    expect(stdout).toMatch(/fillseq, batches of 7 .* 2,000 /);
    expect(stderr).toMatch(/^fillseq: [\d,]+ a second$/m);
  });

  it('says where it cannot write', () => {
    const result = nori(['bench', 'fillseq', '--dir', join(directory, 'missing')]);
    expect(result.status).toBe(66);
    expect(result.stderr).toMatch(/no such file or directory.*; check the path/);
  });
});
