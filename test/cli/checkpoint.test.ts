import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { contentOf, ensureBuilt, makeTemporaryDirectory, nori, run } from './command.js';

const directory = makeTemporaryDirectory();
const database = join(directory, 'db');

beforeAll(() => {
  ensureBuilt();
  run(['load', database, '-', '-q'], 'a\t1\nb\t2\n');
  run(['put', database, 'c', '3', '-k', 'more', '-q']);
});

describe('checkpoint', () => {
  it('makes a database of its own, and says how large', () => {
    const copy = join(directory, 'deep', 'copy');
    const result = nori(['checkpoint', database, copy]);
    expect(result).toMatchObject({ status: 0, stdout: '' });
    expect(result.stderr).toMatch(/copy is a copy of .*db: 2 tables, \d+ B\n$/);
    expect(nori(['verify', copy]).status).toBe(0);
    run(['put', copy, 'a', 'changed', '-q']);
    expect(run(['scan', copy])).toBe('a\tchanged\nb\t2\n');
    expect(run(['get', copy, 'c', '-k', 'more'])).toBe('3\n');
    expect(run(['scan', database])).toBe('a\t1\nb\t2\n');
  });

  it('writes over nothing', () => {
    const taken = join(directory, 'taken');
    mkdirSync(taken);
    writeFileSync(join(taken, 'notes.txt'), 'mine');
    const before = contentOf(database);
    for (const target of [taken, database]) {
      const { status, stderr } = nori(['checkpoint', database, target]);
      expect(status, stderr).not.toBe(0);
      expect(stderr).toMatch(/^nori: .* needs a new or an empty directory/);
    }
    expect(readdirSync(taken)).toEqual(['notes.txt']);
    expect(Object.keys(contentOf(database)).filter((name) => name.endsWith('.sst'))).toEqual(
      Object.keys(before).filter((name) => name.endsWith('.sst')),
    );
  });

  it('makes no database where there is none', () => {
    const missing = join(directory, 'missing');
    const { status, stderr } = nori(['checkpoint', missing, join(directory, 'copy-of-none')]);
    expect(status).not.toBe(0);
    expect(stderr).toMatch(/there is no database/);
    expect(existsSync(missing) || existsSync(join(directory, 'copy-of-none'))).toBe(false);
  });
});
