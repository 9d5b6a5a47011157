import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { ensureBuilt, makeTemporaryDirectory, nori } from './command.js';

const directory = makeTemporaryDirectory();
const db = join(directory, 'db');

beforeAll(ensureBuilt);

describe('wrong usage', () => {
  it.each([
    [[], /name a command: load, get/],
    [['frobnicate'], /unknown command 'frobnicate'; see 'nori --help'/],
    [['scna', db], /Did you mean scan\?/],
    [['scan'], /missing required argument 'dir'; see 'nori scan --help'/],
    [['scan', db, '--limt', '3'], /unknown option '--limt' \(Did you mean --limit\?\)/],
    [['scan', db, '--limit', 'many'], /whole number from 0 up; see/],
    [['scan', db, '--gt', 'a', '--gte', 'b'], /--gt or --gte, not both/],
    [['scan', db, '--prefix', 'a', '--lt', 'b'], /--prefix or --lt, not both/],
    [['scan', db, '--key-format', 'octal'], /Allowed choices are text, hex, base64; see/],
    [['get', db], /missing required argument 'key'/],
    [['get', db, 'a', 'b'], /too many arguments/],
    [['get', db, 'hex:0'], /is not hex/],
    [['get', db, 'base64:abc'], /is not base64/],
    [['put', db, 'a', 'b', '--durability', 'maybe'], /Allowed choices are none, os, disk; see/],
    [['put', db, 'a', 'b', '--set', 'memtableBytes'], /--set takes name=value/],
    [['put', db, 'a', 'b', '--set', 'memtabelBytes=1MiB'], /memtabelBytes/],
    [['put', db, 'a', 'b', '--set', 'memtableBytes=1'], /memtableBytes must be/],
    [['put', db, 'a', 'b', '--set', 'readOnly=true'], /the command sets this one itself/],
    [['load', db, '-', '--batch-size', '0'], /whole number from 1 up/],
    [['load', db, '-', '--format', 'csv'], /Allowed choices are tsv, ndjson/],
    [['stats', '--watch', db], /the directory goes before it; see/],
    [['dump'], /missing required argument 'paths'/],
    [['destroy', db], /there is no terminal to ask on; give --yes/],
    [['bench', 'readsec'], /there is no workload 'readsec'; there are: fillseq, /],
    [['bench', '--entries', '0'], /whole number from 1 up/],
    [['bench', '--set', 'memtabelBytes=1MiB'], /memtabelBytes/],
    [['completion', 'tcsh'], /Allowed choices are bash, zsh, fish/],
  ])('%j', (args, message) => {
    const result = nori(args);
    expect(result.stderr).toMatch(message);
    expect(result.stderr).toMatch(/^nori: .*\n$/);
    expect(result.stdout).toBe('');
    expect(result.status).toBe(64);
    expect(readdirSync(directory)).toEqual([]);
  });
});

const commands = [
  ...['load', 'get', 'put', 'delete', 'scan', 'stats', 'compact', 'verify'],
  ...['keyspaces', 'drop', 'dump', 'destroy', 'bench', 'completion'],
];

describe('help', () => {
  it('lists every command and every exit code', () => {
    const { status, stdout, stderr } = nori(['--help']);
    expect(status).toBe(0);
    expect(stderr).toBe('');
    for (const command of commands) expect(stdout).toContain(`  ${command}`);
    for (const code of [0, 1, 2, 64, 66, 70, 73, 74, 75, 130]) {
      expect(stdout).toMatch(new RegExp(`^  ${code} +\\w`, 'm'));
    }
  });

  it.each(commands)('has examples for %s', (command) => {
    const { status, stdout } = nori([command, '--help']);
    expect(status).toBe(0);
    const [, examples] = stdout.split('\nExamples:\n');
    expect(examples).toMatch(new RegExp(`^ {2}.*nori ${command} `, 'm'));
  });

  it('explains the flags of a command', () => {
    const { status, stdout } = nori(['scan', '--help']);
    expect(status).toBe(0);
    for (const flag of ['--gte', '--gt', '--lt', '--lte', '--prefix', '--limit', '--reverse']) {
      expect(stdout).toContain(flag);
    }
  });

  it('prints the version', () => {
    expect(nori(['--version'])).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
    });
  });
});
