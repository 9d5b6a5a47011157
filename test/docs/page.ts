import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../tidy/project-files.js';

/** The text of a page, by its path from the root. */
export function readPage(path: string): string {
  return readFileSync(join(root, path), 'utf8');
}

/** The page without what stands in fences, where nothing is a heading or a link. */
export function prose(page: string): string {
  return page.replace(/^```[\s\S]*?^```$/gm, '');
}

/** What stands in fences of a kind, in order. */
export function fenced(page: string, kind: string): string[] {
  const fences = page.matchAll(new RegExp(`^\`\`\`${kind}\n([\\s\\S]*?)^\`\`\`$`, 'gm'));
  return Array.from(fences, ([, text]) => text);
}

/** Cells of every table line of the page, headings and rules included. */
export function tableLines(page: string): string[][] {
  return Array.from(prose(page).matchAll(/^\|(.*)\|$/gm), ([, line]) =>
    line.split('|').map((cell) => cell.trim()),
  );
}

/** The section under a heading (`## Memory`), with the smaller headings in it. */
export function sectionOf(page: string, heading: string): string {
  const begin = `\n${page}`.indexOf(`\n${heading}\n`);
  if (begin < 0) throw new Error(`there is no heading ${heading}`);
  const after = page.slice(begin + heading.length);
  const level = /^#+/.exec(heading)![0].length;
  const end = after.search(new RegExp(`^#{1,${level}} `, 'm'));
  return end < 0 ? after : after.slice(0, end);
}

/** The anchors that a forge makes of a page's headings. */
export function anchorsOf(page: string): Set<string> {
  const anchors = new Set<string>();
  for (const [, heading] of prose(page).matchAll(/^#+ (.*)$/gm)) {
    const text = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase();
    const base = text.replace(/[^\p{L}\p{N}\p{M}_ -]/gu, '').replace(/ /g, '-');
    let anchor = base;
    for (let i = 1; anchors.has(anchor); i++) anchor = `${base}-${i}`;
    anchors.add(anchor);
  }
  return anchors;
}

/** Targets of the links and images of a page, as written. */
export function linksOf(page: string): string[] {
  const links = prose(page).replace(/`[^`\n]*`/g, '');
  return Array.from(links.matchAll(/\]\(([^)\s]+)\)/g), ([, target]) => target);
}
