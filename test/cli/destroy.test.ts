import { spawn } from 'node:child_process';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
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
let databases = 0;

beforeAll(ensureBuilt);

function makeDatabase(): string {
  const path = join(directory, `db-${++databases}`);
  run(['load', path, '-', '-q'], 'a\t1\nb\t2\n');
  return path;
}

describe('destroy', () => {
  it('with --yes removes the directory', () => {
    const path = makeDatabase();
    const result = nori(['destroy', path, '--yes']);
    expect(result).toMatchObject({ status: 0, stdout: '' });
    expect(result.stderr).toMatch(/^destroyed .*: removed \d+ files\n$/);
    expect(existsSync(path)).toBe(false);
    expect(nori(['destroy', makeDatabase(), '-y', '-q'])).toEqual({
      status: 0,
      stdout: '',
      stderr: '',
    });
  });

  it('keeps what is not its own', () => {
    const path = makeDatabase();
    writeFileSync(join(path, 'notes.txt'), 'mine');
    const { status, stderr } = nori(['destroy', path, '--yes']);
    expect(status).toBe(0);
    expect(stderr).toMatch(/; the directory stays, with what is not the database's: notes\.txt\n$/);
    expect(readdirSync(path)).toEqual(['notes.txt']);
  });

  it('without a terminal wants --yes', () => {
    const path = makeDatabase();
    const before = contentOf(path);
    const result = nori(['destroy', path], `${path}\n`);
    expect(result).toMatchObject({ status: 64, stdout: '' });
    expect(result.stderr).toMatch(/^nori: .* there is no terminal to ask on; give --yes\n$/);
    expect(contentOf(path)).toEqual(before);
  });

  it('refuses a database that somebody writes', async () => {
    const path = makeDatabase();
    const holder = start(['load', path, '-', '--ack', '--batch-size', '1', '-q']);
    holder.stdin.write('held\tyes\n');
    await new Promise((resolve) => holder.stdout.once('data', resolve));
    const result = nori(['destroy', path, '--yes']);
    expect(result.status).toBe(75);
    expect(result.stderr).toMatch(/^nori: .*lock.*; .*\n$/);
    holder.stdin.end();
    expect(await ended(holder)).toBe(0);
    expect(run(['get', path, 'held'])).toBe('yes\n');
    run(['destroy', path, '--yes', '--set', 'lockTimeoutMs=100']);
    expect(existsSync(path)).toBe(false);
  });

  it.each([
    [['--set', 'memtableBytes=1MiB'], 64, /destroy takes lockTimeoutMs/],
    [['--set', 'lockTimeoutMs=soon'], 64, /lockTimeoutMs must be a number/],
  ])('refuses %j', (flags, status, message) => {
    const path = makeDatabase();
    const before = contentOf(path);
    const result = nori(['destroy', path, '--yes', ...flags]);
    expect(result).toMatchObject({ status, stdout: '' });
    expect(result.stderr).toMatch(message);
    expect(contentOf(path)).toEqual(before);
  });
});

/** Types `answer` on a terminal of its own; util-linux's script(1) makes one. */
async function onTerminal(path: string, answer: string): Promise<string> {
  const command = `'${process.execPath}' '${main}' destroy '${path}'`;
  const child = spawn('script', ['-qec', command, '/dev/null']);
  let text = '';
  child.stdout.on('data', (chunk) => {
    text += chunk;
    if (String(chunk).includes('to confirm: ')) child.stdin.write(answer);
  });
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return `${text.replaceAll('\r', '')}code ${code}`;
}

describe('destroy on a terminal', () => {
  it('does it when the name is typed', async () => {
    const path = makeDatabase();
    const text = await onTerminal(path, `db-${databases}\r`);
    expect(text).toMatch(/This removes the database .* \(\d files, .*\) for good\.\n/);
    expect(text).toMatch(/destroyed .*: removed \d files\ncode 0$/);
    expect(existsSync(path)).toBe(false);
  });

  it.each([
    ['something else', 'yes\r', /nori: that is not db-\d+; nothing was removed\ncode 1$/],
    ['Ctrl-C', '\x03', /nori: interrupted; nothing was removed\ncode 130$/],
    ['Ctrl-D', '\x04', /nori: interrupted; nothing was removed\ncode 130$/],
  ])('does nothing on %s', async (_, answer, message) => {
    const path = makeDatabase();
    const before = contentOf(path);
    expect(await onTerminal(path, answer)).toMatch(message);
    expect(contentOf(path)).toEqual(before);
  });
});
