import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ensureBuilt } from '../cli/command.js';
import { root } from '../tidy/project-files.js';
import { fenced, readPage } from './page.js';

/** A project of somebody who has installed the package. */
const project = mkdtempSync(join(tmpdir(), 'nori-readme-'));

beforeAll(() => {
  ensureBuilt();
  writeFileSync(join(project, 'package.json'), '{ "name": "newcomer", "private": true }');
  mkdirSync(join(project, 'node_modules'));
  symlinkSync(resolve(root), join(project, 'node_modules', 'nori-lsm'), 'dir');
});
afterAll(() => rmSync(project, { recursive: true, force: true }));

const programs = fenced(readPage('README.md'), 'js');

function run(program: string): { ended: number | string | null; out: string; err: string } {
  const name = program.includes('require(') ? 'program.cjs' : 'program.mjs';
  writeFileSync(join(project, name), program);
  const result = spawnSync(process.execPath, [name], { encoding: 'utf8', cwd: project });
  return { ended: result.signal ?? result.status, out: result.stdout, err: result.stderr };
}

it('the programs of the README print what they say', () => {
  expect(programs).toHaveLength(4);
  const [first, keyspaces, , commonJs] = programs;
  expect(run(first)).toEqual({
    ended: 0,
    out: "{ name: 'Ada' }\nundefined\nuser:2 { name: 'Grace' }\nuser:1 { name: 'Ada' }\n",
    err: '',
  });
  expect(run(keyspaces)).toEqual({
    ended: 0,
    out: "order-0001 { customer: 'ada', total: 12 }\n[ 'default', 'orders', 'by-customer' ]\n",
    err: '',
  });
  expect(run(commonJs)).toMatchObject({ ended: 0, err: '' });
});

it('the program that kills itself finds everything that was acknowledged', () => {
  const crash = programs.find((program) => program.includes('SIGKILL'))!;
  expect(run(crash)).toEqual({
    ended: 'SIGKILL',
    out: 'last key: none; 0 batches came back from the log\n',
    err: '',
  });
  expect(run(crash)).toEqual({
    ended: 'SIGKILL',
    out: 'last key: 00000999; 1000 batches came back from the log\n',
    err: '',
  });
  expect(run(crash).out).toContain('last key: 00001999;');
});
