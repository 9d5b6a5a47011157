import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { verifyDatabase } from '../../src/inspect.js';
import { ensureBuilt } from '../cli/command.js';
import { readPage } from '../docs/page.js';
import { root } from '../tidy/project-files.js';

/** What each example prints when it has done its work. */
const examples: Readonly<Record<string, readonly RegExp[]>> = {
  'session-store': [
    /^created 1000 sessions/m,
    /cleanup removed 999$/m,
    /^the one that was used: user 0$/m,
    /^another one: undefined$/m,
  ],
  'time-series': [
    /^recorded 30240 values of 3 sensors$/m,
    /had 60 values from noon on/,
    /newest of them: roof\/wind\/2026-01-07T23:59/,
    /by hour:( \d+){24}$/m,
    /^deleted 25920 values/m,
    /in 2 keyspaces$/m,
  ],
  'work-queue': [
    /^opened again: 1 job was running/m,
    /^three workers finished \d\d jobs$/m,
    / words in guarantees\.md$/m,
  ],
  'full-text-search': [/^indexed \d{5} texts/m, /^sea \+ fish: [1-9]/m, /^qwertz: 0 texts$/m],
  'worker-ingestion': [/^wrote 207235 lines/m, /^the database has 207235 keys$/m],
};

/** Those that take the directory of their database, and the arguments before it. */
const takeDirectory = ['session-store', 'time-series', 'work-queue'];

const temporary = mkdtempSync(join(tmpdir(), 'nori-examples-'));

function run(name: string, ...args: string[]): { status: number | null; out: string; err: string } {
  const path = join(root, 'examples', `${name}.mjs`);
  const result = spawnSync(process.execPath, [path, ...args], {
    encoding: 'utf8',
    cwd: temporary,
    // Where the examples make their directories: what is left there is a mistake of theirs.
    env: { ...process.env, TMPDIR: join(temporary, 'tmp') },
  });
  return { status: result.status, out: result.stdout, err: result.stderr };
}

beforeAll(() => {
  ensureBuilt();
  mkdirSync(join(temporary, 'tmp'));
});
afterAll(() => rmSync(temporary, { recursive: true, force: true }));

describe('examples', () => {
  it('are all here, and named in the README', () => {
    const present = readdirSync(join(root, 'examples')).filter((name) => name.endsWith('.mjs'));
    const names = Object.keys(examples).map((name) => `${name}.mjs`);
    expect(present.sort()).toEqual([...names, 'demo.mjs', 'wordnet.mjs'].sort());
    const readme = readPage('README.md');
    for (const name of names) expect(readme).toContain(`(examples/${name})`);
  });

  it.each(Object.entries(examples))('%s works, and leaves nothing behind', (name, expected) => {
    const { status, out, err } = run(name);
    expect(err).toBe('');
    expect(status).toBe(0);
    for (const line of expected) expect(out).toMatch(line);
    expect(readdirSync(join(temporary, 'tmp'))).toEqual([]);
  });

  it.each(takeDirectory)('%s keeps its database where it is told to', async (name) => {
    const directory = join(temporary, name);
    expect(run(name, directory).status).toBe(0);
    const { damages, entriesChecked } = await verifyDatabase(directory);
    expect(damages).toEqual([]);
    expect(entriesChecked).toBeGreaterThan(0);
  });
});
