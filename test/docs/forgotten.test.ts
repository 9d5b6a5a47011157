import { spawnSync } from 'node:child_process';
import { beforeAll, expect, it } from 'vitest';
import { ensureBuilt } from '../cli/command.js';
import { root } from '../tidy/project-files.js';

beforeAll(() => ensureBuilt());

/*
 * In a process of its own, where the garbage collector can be called. What is
 * lost is made in functions, so that no variable keeps it.
 */
const program = `
import { setImmediate as turn } from 'node:timers/promises';
import { open } from 'nori-lsm';
import { MemoryFileSystem } from 'nori-lsm/fs';

const heard = [];
const db = await open('db', {
  fs: new MemoryFileSystem(),
  keyEncoding: 'utf8',
  listeners: { forgotten: ({ kind, ageMs }) => heard.push([kind, ageMs >= 0]) },
});
await db.batch(['a', 'b', 'c'].map((key) => ({ type: 'put', key, value: key })));

function lose() {
  db.snapshot();
  void db.entries().next();
  db.keysSync().next();
}
async function useWell() {
  db.snapshot().close();
  for await (const _ of db.entries()) break;
  for (const _ of db.keysSync()) break;
  for (const _ of db.valuesSync());
}
await useWell();
lose();
const kept = db.snapshot();
const before = [db.stats().iterators.length, db.stats().snapshots.length];
for (let i = 0; i < 200 && heard.length < 3; i++) {
  globalThis.gc();
  await turn();
}
const after = [db.stats().iterators.length, db.stats().snapshots.length];
const isKept = !kept.isClosed && kept.getSync('a') !== undefined;
await db.close();
console.log(JSON.stringify({ heard: heard.sort(), before, after, isKept }));
`;

it('iterators and snapshots that are lost are closed, reported, and no others', () => {
  const result = spawnSync(
    process.execPath,
    ['--expose-gc', '--input-type=module', '--eval', program],
    { encoding: 'utf8', cwd: root },
  );
  expect(result.stderr).toBe('');
  expect(JSON.parse(result.stdout)).toEqual({
    heard: [
      ['iterator', true],
      ['iterator', true],
      ['snapshot', true],
    ],
    before: [2, 2],
    after: [0, 1],
    isKept: true,
  });
});
