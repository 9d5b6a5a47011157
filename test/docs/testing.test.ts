import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { projectFiles, root } from '../tidy/project-files.js';

const page = readFileSync(join(root, 'docs/testing.md'), 'utf8');
const rows = new Map(
  [...page.matchAll(/^\| (T\d+) +\|(.*)$/gm)].map(([, kind, rest]) => [kind, rest] as const),
);
const reporters = projectFiles()
  .filter(({ path }) => path.startsWith('test/') && path.endsWith('.test.ts'))
  .flatMap(({ path, text }) =>
    [...text.matchAll(/reportCounts\(\s*'(T\d+)'/g)].map(([, kind]) => ({ kind, path })),
  );

/** The kinds of `scripts/reliability-tests.mjs`, which `npm run test:report` goes by. */
const kinds = Array.from({ length: 13 }, (_, i) => `T${i + 1}`);

test('the page has a row for each kind of test, and each kind has tests that count', () => {
  expect([...rows.keys()]).toEqual(kinds);
  expect([...new Set(reporters.map(({ kind }) => kind))].sort()).toEqual([...kinds].sort());
});

test('every test of a kind is named in its row, by file or by folder', () => {
  const unnamed = reporters.filter(({ kind, path }) => {
    const named = [...rows.get(kind)!.matchAll(/`(test\/[^`]+)`/g)].map(([, name]) => name);
    return !named.some((name) => (name.endsWith('/') ? path.startsWith(name) : path === name));
  });
  expect(unnamed).toEqual([]);
});

test('every file and folder that the page names is there', () => {
  const named = [...page.matchAll(/`((?:test|src)\/[^`\s]+)`/g)].map(([, name]) => name);
  expect(named.length).toBeGreaterThan(15);
  expect(named.filter((name) => !existsSync(join(root, name)))).toEqual([]);
});
