import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { ensureBuilt, makeTemporaryDirectory, nori, run } from './command.js';

const directory = makeTemporaryDirectory();
const script = join(directory, 'nori.bash');

beforeAll(() => {
  ensureBuilt();
  writeFileSync(script, run(['completion', 'bash']));
});

/** What bash would offer for the last word. */
function complete(...words: string[]): string[] {
  const program = `source '${script}'
    COMP_WORDS=(nori "$@") COMP_CWORD=$#
    _nori
    printf '%s\\n' "\${COMPREPLY[@]}"`;
  const result = spawnSync('bash', ['-c', program, 'bash', ...words], { encoding: 'utf8' });
  expect(result.stderr).toBe('');
  return result.stdout.split('\n').filter((word) => word !== '');
}

describe('completion in bash', () => {
  it('knows every command', () => {
    const { stdout } = nori(['--help']);
    const commands = Array.from(stdout.matchAll(/^ {2}([a-z]+)[ |]/gm), ([, name]) => name);
    expect(commands.length).toBeGreaterThan(8);
    for (const name of commands.filter((each) => each !== 'nori')) {
      expect(complete(name)).toContain(name);
    }
    expect(complete('sc')).toEqual(['scan']);
    expect(complete('de').sort()).toEqual(['del', 'delete', 'destroy']);
  });

  it('knows the flags of a command and of its alias', () => {
    expect(complete('scan', 'db', '--key')).toEqual(['--keyspace', '--keys-only', '--key-format']);
    expect(complete('del', 'db', '--dur')).toEqual(['--durability']);
    expect(complete('load', 'db', '--dur')).toEqual(['--durability']);
    expect(complete('get', 'db', '--dur')).toEqual([]);
  });

  it('knows the choices of a flag and of an argument', () => {
    expect(complete('scan', 'db', '--key-format', '')).toEqual(['text', 'hex', 'base64']);
    expect(complete('put', 'db', 'k', 'v', '--durability', 'd')).toEqual(['disk']);
    expect(complete('completion', '')).toEqual(['bash', 'zsh', 'fish']);
  });

  it('leaves paths to the shell', () => {
    expect(complete('scan', '')).toEqual([]);
    expect(complete('load', 'db', 'wor')).toEqual([]);
  });
});

describe('completion', () => {
  it('is there for zsh and fish, with a line for each command', () => {
    const zsh = run(['completion', 'zsh']);
    expect(zsh).toMatch(/^#compdef nori\n/);
    expect(zsh).toMatch(/^ {4}scan\) .*'--keys-only\[print no values\]'/m);
    expect(zsh).toMatch(/^ {4}delete\|del\) /m);
    const fish = run(['completion', 'fish']);
    expect(fish).toMatch(/^complete -c nori -n __fish_use_subcommand -f -a scan -d '/m);
    expect(fish).toMatch(
      /^complete .*__fish_seen_subcommand_from scan.* -l key-format -x -a 'text hex base64'/m,
    );
  });

  it('refuses another shell', () => {
    const result = nori(['completion', 'tcsh']);
    expect(result).toMatchObject({ status: 64, stdout: '' });
    expect(result.stderr).toMatch(/Allowed choices are bash, zsh, fish/);
  });
});
