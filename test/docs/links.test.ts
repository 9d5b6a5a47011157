import { existsSync, statSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { describe, expect, it } from 'vitest';
import { isDocument, projectFiles, root } from '../tidy/project-files.js';
import { anchorsOf, linksOf } from './page.js';

const pages = new Map(
  projectFiles()
    .filter(isDocument)
    .map((file) => [file.path, file.text]),
);

/** A link of ours as path from the root and anchor; undefined for one that leads outside. */
function resolve(from: string, target: string): { path: string; anchor: string } | undefined {
  if (/^[a-z]+:/.test(target)) return undefined;
  const [path, anchor = ''] = target.split('#');
  return { path: path === '' ? from : posix.join(dirname(from), path), anchor };
}

function problemOf(from: string, target: string): string | undefined {
  const link = resolve(from, target);
  if (link === undefined) return undefined;
  const place = join(root, link.path);
  if (!existsSync(place)) return `${from}: there is no ${target}`;
  if (link.anchor === '') return undefined;
  if (statSync(place).isDirectory()) return `${from}: a directory has no headings: ${target}`;
  const page = pages.get(link.path);
  if (page !== undefined && anchorsOf(page).has(link.anchor)) return undefined;
  return `${from}: there is no heading ${target}`;
}

describe('links', () => {
  it('are found, and told from what only looks like one', () => {
    const page =
      '# A [b](c.md) `d`!\n[x](y.md#z)\n`[no](no.md)`\n```\n# no\n[no](no.md)\n```\n# A b d\n';
    expect(linksOf(page)).toEqual(['c.md', 'y.md#z']);
    expect([...anchorsOf(page)]).toEqual(['a-b-d', 'a-b-d-1']);
    expect(problemOf('README.md', 'docs/no-such-page.md')).toContain('there is no');
    expect(problemOf('README.md', '#no-such-heading')).toContain('no heading');
    expect(problemOf('docs/errors.md', '../README.md#install')).toBeUndefined();
  });

  it.each([...pages.keys()])('of %s lead somewhere', (path) => {
    const targets = linksOf(pages.get(path)!);
    expect(targets.map((target) => problemOf(path, target)).filter(Boolean)).toEqual([]);
  });

  it('are not needed for a path to be right', () => {
    const wrong: string[] = [];
    for (const [path, page] of pages) {
      const paths = page.matchAll(/`((?:src|test|docs|bench|examples|scripts)\/[\w./-]+)`/g);
      for (const [, named] of paths) {
        if (!existsSync(join(root, named))) wrong.push(`${path}: there is no ${named}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  it('lead from the README to every page of docs/', () => {
    const reached = new Set<string>();
    const visit = (path: string): void => {
      const page = pages.get(path);
      if (page === undefined || reached.has(path)) return;
      reached.add(path);
      for (const target of linksOf(page)) visit(resolve(path, target)?.path ?? '');
    };
    visit('README.md');
    const missed = [...pages.keys()].filter((path) => path.startsWith('docs/'));
    expect(missed.filter((path) => !reached.has(path))).toEqual([]);
    expect(reached).toContain('CONTRIBUTING.md');
    expect(reached).toContain('CHANGELOG.md');
  });
});
