import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../tidy/project-files.js';

const known = new Map<string, readonly string[]>();

/** The tests of a file, by its path from the root: group and name, joined with ' › '. None when there is no such file. */
export function testNamesIn(path: string): readonly string[] {
  let names = known.get(path);
  if (names === undefined) known.set(path, (names = readNames(join(root, path))));
  return names;
}

function readNames(path: string): string[] {
  if (!existsSync(path)) return [];
  const calls = readFileSync(path, 'utf8').matchAll(
    /^( *)(describe|it|test)\(\s*(['"])((?:\\.|(?!\3).)*)\3/gm,
  );
  const names: string[] = [];
  let group = '';
  for (const [, indent, kind, , quoted] of calls) {
    const name = quoted.replace(/\\(.)/g, '$1');
    if (kind === 'describe') group = name;
    else names.push(indent === '' ? name : `${group} › ${name}`);
  }
  return names;
}
