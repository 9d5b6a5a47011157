import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { contentOf, ensureBuilt, makeTemporaryDirectory, nori, run } from './command.js';

const directory = makeTemporaryDirectory();
const db = join(directory, 'db');

beforeAll(() => {
  ensureBuilt();
  run(['load', db, '-', '-q'], 'a\t1\nb\t2\n');
  run(['load', db, '-', '-q', '--keyspace', 'users'], 'a\tAda\nz\tZoe\n');
});

interface Figures {
  readonly name: string;
  readonly levels: readonly { readonly tables: number; readonly entries: number }[];
  readonly memtables: { readonly activeEntries: number };
}

function figuresOf(name: string): Figures {
  return JSON.parse(run(['stats', db, '-k', name, '--json'])) as Figures;
}

describe('--keyspace', () => {
  it('keeps reads and scans apart', () => {
    expect(run(['get', db, 'a'])).toBe('1\n');
    expect(run(['get', db, 'a', '--keyspace', 'users'])).toBe('Ada\n');
    expect(run(['get', db, 'a', '-k', 'default'])).toBe('1\n');
    expect(run(['scan', db])).toBe('a\t1\nb\t2\n');
    expect(run(['scan', db, '-k', 'users', '--reverse'])).toBe('z\tZoe\na\tAda\n');
    expect(nori(['get', db, 'b', '-k', 'users'])).toEqual({
      status: 1,
      stdout: '',
      stderr: `nori: there is no key 'b' in keyspace "users" of ${db}\n`,
    });
  });

  it('makes a keyspace on put, and says so', () => {
    const path = join(directory, 'made');
    expect(nori(['put', path, 'k', 'v', '-k', 'first'])).toEqual({
      status: 0,
      stdout: '',
      stderr: `created the keyspace "first"\ncreated the database ${path}\n`,
    });
    expect(nori(['put', path, 'k', 'v2', '-k', 'first'])).toMatchObject({ status: 0, stderr: '' });
    expect(nori(['put', path, 'k', 'v', '-k', 'second', '-q']).stderr).toBe('');
    expect(run(['keyspaces', path])).toBe('default\nfirst\nsecond\n');
    expect(run(['scan', path])).toBe('');
  });

  it('deletes in it only', () => {
    run(['put', db, 'gone', '1']);
    run(['put', db, 'gone', '1', '-k', 'users']);
    run(['delete', db, 'gone', '-k', 'users']);
    expect(run(['get', db, 'gone'])).toBe('1\n');
    expect(nori(['get', db, 'gone', '-k', 'users']).status).toBe(1);
  });

  it('that is missing is an error for all but put and load, and is not made', () => {
    const before = run(['keyspaces', db]);
    for (const args of [
      ['get', db, 'a'],
      ['scan', db],
      ['stats', db],
      ['delete', db, 'a'],
      ['compact', db],
    ]) {
      expect(nori([...args, '-k', 'nowhere'])).toEqual({
        status: 66,
        stdout: '',
        stderr: `nori: there is no keyspace "nowhere" in ${db}; 'nori keyspaces ${db}' lists those that are\n`,
      });
    }
    expect(run(['keyspaces', db])).toBe(before);
  });

  it.each([
    ['', /a keyspace has a non-empty string as its name/],
    ['x'.repeat(256), /at most 255 bytes, not 256/],
  ])('refuses the name %j', (name, message) => {
    const result = nori(['put', db, 'a', 'b', '--keyspace', name]);
    expect(result.status).toBe(64);
    expect(result.stderr).toMatch(message);
    expect(result.stderr).toMatch(/^nori: [^\n]+; [^\n]+\n$/);
  });

  it('compacts and shows one, or all', () => {
    const path = join(directory, 'compacted');
    run(['load', path, '-', '-q'], 'a\t1\n');
    run(['load', path, '-', '-q', '-k', 'users'], 'a\t1\nb\t2\n');
    const tables = (name: string): number =>
      (JSON.parse(run(['stats', path, '-k', name, '--json'])) as Figures).levels
        .slice(1)
        .reduce((sum, level) => sum + level.tables, 0);
    run(['compact', path, '-q', '-k', 'users']);
    expect([tables('default'), tables('users')]).toEqual([0, 1]);
    run(['compact', path, '-q']);
    expect([tables('default'), tables('users')]).toEqual([1, 1]);
    const text = run(['stats', path]);
    expect(text).toMatch(/^users +1 +\d+ B +2 +0$/m);
    expect(run(['stats', path, '-k', 'users'])).toMatch(/^1 table, \d+ B on disk, 4 B of keys/m);
  });

  it('gives --set to that keyspace, for good', () => {
    run([
      'put',
      db,
      'k',
      'v',
      '-k',
      'packed',
      '-q',
      '--set',
      'compression=zstd',
      '--set',
      'bloomBitsPerKey=7',
    ]);
    run(['put', db, 'k', 'v', '-k', 'packed', '-q']);
    const settings = run(['dump', db, '--json'])
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as { name?: string; kind?: string; state?: string })
      .find(({ kind, state }) => kind === 'manifest' && state === 'in-use');
    const edits = run(['dump', join(db, settings!.name!)]);
    expect(edits).toMatch(/keyspace 2 settings: \{"bloomBitsPerKey":7,"compression":"zstd"/);
    expect(edits).not.toMatch(/keyspace 0 settings: \{"bloomBitsPerKey":7/);
  });
});

describe('keyspaces', () => {
  it('lists names, or figures as JSON', () => {
    expect(run(['keyspaces', db]).split('\n').slice(0, 2)).toEqual(['default', 'users']);
    const [, users] = run(['keyspaces', db, '--json']).split('\n');
    expect(JSON.parse(users)).toEqual(figuresOf('users'));
  });

  it('shows no control characters', () => {
    const path = join(directory, 'controls');
    run(['put', path, 'a', 'b', '-q', '-k', 'red \u001b[31m\nname']);
    expect(run(['keyspaces', path])).toBe('default\nred \\u{1b}[31m\\u{a}name\n');
  });
});

describe('drop', () => {
  it('removes a keyspace and what is in it', () => {
    run(['put', db, 'a', '1', '-k', 'old', '-q']);
    expect(nori(['drop', db, 'old', '--yes'])).toEqual({
      status: 0,
      stdout: '',
      stderr: `dropped the keyspace "old" of ${db}\n`,
    });
    expect(run(['keyspaces', db])).not.toContain('old');
    expect(run(['verify', db])).toMatch(/^clean/);
    // The name can be given anew, to something empty.
    run(['put', db, 'b', '2', '-k', 'old', '-q']);
    expect(run(['scan', db, '-k', 'old'])).toBe('b\t2\n');
  });

  it.each([
    [['users'], 64, /there is no terminal to ask on; give --yes/],
    [['default', '--yes'], 64, /the default keyspace cannot be dropped; 'nori destroy/],
    [['nowhere', '--yes'], 66, /there is no keyspace "nowhere"/],
  ])('refuses %j', (args, status, message) => {
    const before = run(['scan', db, '-k', 'users']);
    const result = nori(['drop', db, ...args]);
    expect(result).toMatchObject({ status, stdout: '' });
    expect(result.stderr).toMatch(message);
    expect(run(['scan', db, '-k', 'users'])).toBe(before);
  });

  it('makes no database', () => {
    const path = join(directory, 'missing');
    expect(nori(['drop', path, 'users', '--yes']).status).toBe(66);
    expect(nori(['keyspaces', path]).status).toBe(66);
    expect(existsSync(path)).toBe(false);
  });

  it('leaves everything as it is when the name is missing', () => {
    const path = join(directory, 'untouched');
    run(['put', path, 'a', '1', '-q']);
    const tables = Object.keys(contentOf(path)).filter((name) => name.endsWith('.sst'));
    nori(['drop', path, 'nowhere', '--yes']);
    expect(run(['scan', path])).toBe('a\t1\n');
    expect(Object.keys(contentOf(path)).filter((name) => name.endsWith('.sst'))).toEqual(tables);
  });
});
