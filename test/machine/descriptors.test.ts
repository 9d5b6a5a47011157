import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { ensureBuilt } from '../cli/command.js';
import { makePlace, pathOf, see } from './machine.js';

const place = makePlace();

beforeAll(ensureBuilt);

function newPlace(name: string): string {
  const path = join(place, name);
  mkdirSync(path);
  return path;
}

it('a limit of 64 descriptors is enough to write and read more tables than that', () => {
  const seen = see('few-descriptors', { place: newPlace('enough'), limit: 64 });
  expect(seen).toMatchObject({
    load: 'ok',
    compact: 'ok',
    hasManyTables: true,
    gets: 'ok',
    getsAtOnce: 'ok',
    scan: 'ok',
    // It needs a descriptor for each table.
    readOnly: 'LSM_TOO_MANY_FILES',
    writeOn: 'ok',
    close: 'ok',
    leftOpen: 0,
    lostAfterOpening: 0,
    damages: [],
  });
});

it.each([14, 10, 7])(
  '%i descriptors are too few: an error that says so, and nothing lost',
  (spare) => {
    const seen = see('few-descriptors', { place: newPlace(`few${spare}`), spare });
    const clear = /^(ok|LSM_TOO_MANY_FILES|LSM_FAILED (EMFILE|LSM_TOO_MANY_FILES))$/;
    for (const call of ['load', 'compact', 'gets', 'getsAtOnce', 'scan', 'readOnly', 'writeOn']) {
      expect(seen[call], call).toMatch(clear);
    }
    expect(seen).toMatchObject({ close: 'ok', leftOpen: 0, lostAfterOpening: 0, damages: [] });
  },
);

it('a program that may open 64 files at its start hears of it from Node, or works', () => {
  const directory = join(place, 'from-the-start');
  const script = 'ulimit -n 64; exec "$0" "$1" "$2"';
  const args = [process.execPath, pathOf('write-one'), JSON.stringify({ directory })];
  const { status, stdout, stderr } = spawnSync('sh', ['-c', script, ...args], { encoding: 'utf8' });
  if (status === 0) expect(stdout).toContain('{"put":"ok"');
  else expect(stderr).toMatch(/EMFILE|LSM_TOO_MANY_FILES/);
});
