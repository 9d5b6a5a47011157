import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ensureBuilt } from '../cli/command.js';
import { isDocument, projectFiles, root } from '../tidy/project-files.js';
import { fenced, readPage } from './page.js';

/** Where somebody has installed the package; each page has a project of its own in it. */
const installed = mkdtempSync(join(tmpdir(), 'nori-pages-'));

beforeAll(() => {
  ensureBuilt();
  writeFileSync(join(installed, 'package.json'), '{ "name": "newcomer", "private": true }');
  mkdirSync(join(installed, 'node_modules'));
  symlinkSync(resolve(root), join(installed, 'node_modules', 'nori-lsm'), 'dir');
});
afterAll(() => rmSync(installed, { recursive: true, force: true }));

interface Ended {
  /** The exit code, or the signal that ended it. */
  readonly ended: number | string | null;
  readonly out: string;
  readonly err: string;
}

function run(program: string, project: string): Ended {
  const cwd = join(installed, project);
  mkdirSync(cwd, { recursive: true });
  const name = program.includes('require(') ? 'program.cjs' : 'program.mjs';
  writeFileSync(join(cwd, name), program);
  const result = spawnSync(process.execPath, [name], { encoding: 'utf8', cwd });
  return { ended: result.signal ?? result.status, out: result.stdout, err: result.stderr };
}

const readme = fenced(readPage('README.md'), 'js');
const crash = readme.find((program) => program.includes('SIGKILL'))!;

it('the programs of the README print what they say', () => {
  expect(readme).toHaveLength(5);
  const [first, keyspaces, , commonJs, level] = readme;
  expect(run(first, 'readme')).toEqual({
    ended: 0,
    out: "{ name: 'Ada' }\nundefined\nuser:2 { name: 'Grace' }\nuser:1 { name: 'Ada' }\n",
    err: '',
  });
  expect(run(keyspaces, 'readme')).toEqual({
    ended: 0,
    out: "order-0001 { customer: 'ada', total: 12 }\n[ 'default', 'orders', 'by-customer' ]\n",
    err: '',
  });
  expect(run(commonJs, 'readme')).toMatchObject({ ended: 0, err: '' });
  expect(run(level, 'readme')).toEqual({ ended: 0, out: 'a 1\n', err: '' });
});

it('the program that kills itself finds everything that was acknowledged', () => {
  expect(run(crash, 'crash')).toEqual({
    ended: 'SIGKILL',
    out: 'last key: none; 0 batches came back from the log\n',
    err: '',
  });
  expect(run(crash, 'crash')).toEqual({
    ended: 'SIGKILL',
    out: 'last key: 00000999; 1000 batches came back from the log\n',
    err: '',
  });
  expect(run(crash, 'crash').out).toContain('last key: 00001999;');
});

/** Programs of the other pages, in the order in which they stand there. */
const pages = projectFiles()
  .filter((file) => isDocument(file) && file.path !== 'README.md')
  .map(({ path, text }) => [path, fenced(text, 'js')] as const)
  .filter(([, programs]) => programs.length > 0);

it.each(pages)('the programs of %s run', (path, programs) => {
  for (const program of programs) {
    const { ended, err } = run(program, path.replace(/\W/g, '-'));
    expect(err).toBe('');
    expect(ended).toBe(0);
  }
});

it('a page has programs at all', () => {
  expect(pages.map(([path]) => path)).toEqual(
    expect.arrayContaining(['docs/errors.md', 'docs/events.md', 'docs/options.md']),
  );
});
