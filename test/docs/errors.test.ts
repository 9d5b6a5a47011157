import { describe, expect, it } from 'vitest';
import { projectFiles } from '../tidy/project-files.js';
import { readPage, tableLines } from './page.js';

const page = readPage('docs/errors.md');
const source = readPage('src/base/errors.ts');

/** The members of `LsmErrorCode`, in order. */
const [, union] = /type LsmErrorCode =([^;]*);/.exec(source)!;
const codes = Array.from(union.matchAll(/'(LSM_[A-Z_]+)'/g), ([, code]) => code);

describe('the page on errors', () => {
  it('has a section for each code of the closed list, in its order', () => {
    const sections = Array.from(page.matchAll(/^## (LSM_[A-Z_]+)$/gm), ([, code]) => code);
    expect(sections).toEqual(codes);
    expect(codes.length).toBe(17);
  });

  it('has a line for each code in its table', () => {
    const listed = tableLines(page)
      .map(([code]) => /^`(LSM_[A-Z_]+)`$/.exec(code)?.[1])
      .filter((code) => code !== undefined);
    expect(listed).toEqual(codes);
  });

  it('says of each code when it comes and what to do', () => {
    const sections = page.split(/^## /m).filter((section) => section.startsWith('LSM_'));
    for (const section of sections) {
      expect(section).toContain('**When.**');
      expect(section).toContain('**What to do.**');
    }
  });

  it('says rightly that every code is thrown today', () => {
    expect(page).toContain('All seventeen are thrown today.');
    const thrown = new Set<string>();
    for (const { path, text } of projectFiles()) {
      if (!path.startsWith('src/') || path.endsWith('.test.ts')) continue;
      const code = text.replace(/^\s*(\*|\/\/).*$/gm, '').replace(/isLsmError\([^)]*\)/g, '');
      // Either in an error that is made, or in the table that translates the system's.
      const made = /(?:LsmError\(\s*|\? |: |\?\? )'(LSM_[A-Z_]+)'/g;
      for (const [, name] of code.matchAll(made)) thrown.add(name);
    }
    expect([...thrown].sort()).toEqual([...codes].sort());
  });

  it('mentions no code that there is not, nor does any other page', () => {
    for (const { path, text } of projectFiles()) {
      if (!path.endsWith('.md')) continue;
      const mentioned = Array.from(text.matchAll(/LSM_[A-Z][A-Z_]*[A-Z]/g), ([code]) => code);
      expect(mentioned.filter((code) => !codes.includes(code)).map((code) => [path, code])).toEqual(
        [],
      );
    }
  });
});
