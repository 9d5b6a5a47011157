import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { checksumAt } from '../../src/base/checksum.js';
import { readU16, writeU16, writeU32 } from '../../src/base/bytes.js';
import { readFileId } from '../../src/base/file-header.js';
import {
  contentOf,
  ended,
  ensureBuilt,
  main,
  makeTemporaryDirectory,
  nori,
  run,
  start,
} from './command.js';

const directory = makeTemporaryDirectory();
const input = join(directory, 'input.tsv');
const good = join(directory, 'good');

beforeAll(() => {
  ensureBuilt();
  writeFileSync(input, 'a\t1\n');
  run(
    ['load', good, '-'],
    Array.from({ length: 3000 }, (_, i) => `key ${i}\tvalue ${i}\n`).join(''),
  );
  run(['compact', good]);
});

/** A copy of the good database to do harm to. */
function copyOfGood(name: string): string {
  const path = join(directory, name);
  cpSync(good, path, { recursive: true });
  return path;
}

/** Every command, on one directory. */
function everyCommand(db: string): string[][] {
  return [...commandsThatNeedOne(db), ['put', db, 'k', 'v'], ['load', db, input]];
}

function commandsThatNeedOne(db: string): string[][] {
  return [
    ['get', db, 'k'],
    ['scan', db],
    ['stats', db],
    ['verify', db],
    ['delete', db, 'k'],
    ['compact', db],
    ['keyspaces', db],
    ['drop', db, 'k', '--yes'],
    ['dump', db],
    ['destroy', db, '--yes'],
  ];
}

/** One line on stderr that says what and what to do, nothing on stdout. */
function expectFailure(args: string[], status: number, message: RegExp): void {
  const result = nori(args);
  expect({ args, status: result.status, stderr: result.stderr }).toEqual({
    args,
    status,
    stderr: expect.stringMatching(/^nori: [^\n]+; [^\n]+\n$/),
  });
  expect(result.stderr).toMatch(message);
  expect(result.stderr).not.toContain('    at ');
}

describe('a missing directory', () => {
  it('is an error for every command that needs a database, and stays missing', () => {
    const path = join(directory, 'missing');
    for (const args of commandsThatNeedOne(path)) expectFailure(args, 66, /missing/);
    expect(existsSync(path)).toBe(false);
  });

  it('is no better when it is there but empty', () => {
    const path = join(directory, 'empty');
    mkdirSync(path);
    for (const args of commandsThatNeedOne(path)) expectFailure(args, 66, /empty/);
    expect(readdirSync(path)).toEqual([]);
  });
});

describe('a directory of something else', () => {
  it('is refused by every command and left as it is', () => {
    const path = join(directory, 'foreign');
    mkdirSync(path);
    writeFileSync(join(path, 'letter.txt'), 'dear …');
    for (const args of everyCommand(path)) expectFailure(args, 66, /foreign/);
    expect(contentOf(path)).toEqual({ 'letter.txt': contentOf(path)['letter.txt'] });
  });

  it('that is a file is refused too', () => {
    for (const args of everyCommand(input)) expectFailure(args, 66, /input\.tsv/);
    expect(readFileSync(input, 'utf8')).toBe('a\t1\n');
  });
});

describe('a newer format', () => {
  it('is refused with its version and left as it is', () => {
    const path = copyOfGood('newer');
    const current = join(path, 'CURRENT');
    const bytes = readFileSync(current);
    writeU16(bytes, 8, 7);
    const size = readU16(bytes, 10);
    writeU32(bytes, size - 4, checksumAt(bytes.subarray(0, size - 4), readFileId(bytes, 28), 0));
    writeFileSync(current, bytes);
    const before = contentOf(path);
    for (const args of everyCommand(path)) {
      if (args[0] === 'verify') continue;
      expectFailure(args, 66, /version 7/);
    }
    expect(contentOf(path)).toEqual(before);
  });
});

describe('a locked database', () => {
  it('refuses writers, serves readers', async () => {
    const path = copyOfGood('locked');
    const holder = start(['load', path, '-', '--ack', '--batch-size', '1', '-q']);
    holder.stdin.write('held\tyes\n');
    await new Promise((resolve) => holder.stdout.once('data', resolve));
    for (const args of [
      ['put', path, 'k', 'v'],
      ['delete', path, 'k'],
      ['compact', path],
      ['drop', path, 'k', '--yes'],
      ['destroy', path, '--yes'],
      ['load', path, input],
    ]) {
      expectFailure(args, 75, /lock/i);
    }
    expect(run(['get', path, 'key 1'])).toBe('value 1\n');
    expect(run(['get', path, 'held'])).toBe('yes\n');
    holder.stdin.end();
    expect(await ended(holder)).toBe(0);
    run(['put', path, 'k', 'v']);
  });

  it('opens for the next one after kill -9', async () => {
    const path = copyOfGood('killed');
    const holder = start(['load', path, '-', '--ack', '--batch-size', '1', '-q']);
    holder.stdin.write('held\tyes\n');
    await new Promise((resolve) => holder.stdout.once('data', resolve));
    holder.kill('SIGKILL');
    expect(await ended(holder)).toBe('SIGKILL');
    run(['put', path, 'k', 'v']);
    expect(run(['get', path, 'held'])).toBe('yes\n');
  });
});

describe('a flipped byte in a table', () => {
  it('is named by whoever reads it, and by verify', () => {
    const path = copyOfGood('flipped');
    const [table] = readdirSync(path).filter((name) => name.endsWith('.sst'));
    const file = join(path, table);
    const bytes = readFileSync(file);
    // In the first data block, behind the file's header.
    bytes[200] ^= 1;
    writeFileSync(file, bytes);
    const before = contentOf(path);
    expectFailure(['get', path, 'key 0'], 2, new RegExp(`${table}.* at byte \\d+`));
    const scanned = nori(['scan', path]);
    expect(scanned.status).toBe(2);
    expect(scanned.stderr).toMatch(new RegExp(`^nori: .*${table}.*\\n$`));
    const verified = nori(['verify', path]);
    expect(verified.status).toBe(2);
    expect(verified.stdout).toMatch(new RegExp(`^damage: .*${table} at byte \\d+`, 'm'));
    expect(contentOf(path)).toEqual(before);
  });
});

describe('input and output', () => {
  it('a missing input file makes no database', () => {
    const path = join(directory, 'no-input');
    expectFailure(['load', path, join(directory, 'nowhere.tsv')], 66, /nowhere\.tsv/);
    expectFailure(['load', path, directory], 66, /is a directory/);
    expect(existsSync(path)).toBe(false);
  });

  it('a directory that may not be written to', () => {
    const unwritable = join(directory, 'unwritable');
    mkdirSync(unwritable);
    chmodSync(unwritable, 0o555);
    const result = asNobody(['put', join(unwritable, 'db'), 'k', 'v']);
    expect(result.stderr).toMatch(/^nori: .*permission denied.*; .*\n$/);
    expect(result.status).toBe(73);
    expect(readdirSync(unwritable)).toEqual([]);
  });

  it('a database that may be read but not written to', () => {
    const path = copyOfGood('read-only');
    for (const name of readdirSync(path)) {
      if (statSync(join(path, name)).isFile()) chmodSync(join(path, name), 0o444);
    }
    chmodSync(path, 0o555);
    const before = contentOf(path);
    expect(asNobody(['get', path, 'key 1'])).toMatchObject({ status: 0, stdout: 'value 1\n' });
    expect(asNobody(['put', path, 'k', 'v'])).toMatchObject({
      status: 73,
      stderr: expect.stringMatching(/^nori: .*(permission denied|not writable).*; .*\n$/),
    });
    expect(asNobody(['destroy', path, '--yes'])).toMatchObject({
      status: 73,
      stderr: expect.stringMatching(/^nori: .*not writable.*; .*\n$/),
    });
    expect(asNobody(['dump', path]).status).toBe(0);
    expect(contentOf(path)).toEqual(before);
  });

  it('NORI_DEBUG=1 adds the stack', () => {
    const args = [main, 'get', join(directory, 'missing'), 'k'];
    const env = { ...process.env, NORI_DEBUG: '1' };
    const result = spawnSync(process.execPath, args, { encoding: 'utf8', env });
    expect(result.status).toBe(66);
    expect(result.stderr).toMatch(/^nori: .*\n/);
    expect(result.stderr).toContain('    at ');
  });
});

let unprivilegedMain: string | undefined;

/**
 * Runs the command as a user who owns nothing: for root no permission is
 * missing. The package is copied to where that user can read it.
 */
function asNobody(args: string[]) {
  if (process.getuid?.() !== 0) return nori(args);
  if (unprivilegedMain === undefined) {
    const root = fileURLToPath(new URL('../..', import.meta.url));
    const home = join(directory, 'package');
    const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
      packages: Record<string, { dev?: boolean; optional?: boolean; devOptional?: boolean }>;
    };
    const needed = Object.entries(packages).filter(
      ([path, { dev, optional, devOptional }]) => path !== '' && !dev && !optional && !devOptional,
    );
    for (const path of ['dist', 'package.json', ...needed.map(([path]) => path)]) {
      cpSync(join(root, path), join(home, path), { recursive: true });
    }
    chmodSync(directory, 0o755);
    unprivilegedMain = join(home, 'dist/cli/main.js');
  }
  return spawnSync(process.execPath, [unprivilegedMain, ...args], {
    encoding: 'utf8',
    uid: 65_534,
    gid: 65_534,
    cwd: '/',
  });
}
