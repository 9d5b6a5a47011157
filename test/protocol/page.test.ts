import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readPage, tableLines } from '../docs/page.js';
import { root } from '../tidy/project-files.js';
import { testNamesIn } from './test-names.js';

interface Step {
  readonly id: string;
  /** Where the code does it: a file, and names in it. */
  readonly code: readonly (readonly [file: string, names: readonly string[]])[];
  /** The tests that fail without it: a file, and a name. */
  readonly tests: readonly (readonly [file: string, name: string])[];
}

const steps: Step[] = [];
for (const [id, , , code, tests] of tableLines(readPage('docs/crash-protocol.md'))) {
  if (!/^P?\d+[a-z]?$/.test(id)) continue;
  steps.push({
    id,
    code: Array.from(
      code.matchAll(/`(src\/[\w/.-]+)`(?: \(([^)]*)\))?/g),
      ([, file, names = '']) => [
        file,
        Array.from(names.matchAll(/`([^`]+)`/g), ([, name]) => name),
      ],
    ),
    tests: Array.from(tests.matchAll(/`([\w/.-]+\.test\.ts)` › `([^`]+)`/g), ([, file, name]) => [
      file,
      name,
    ]),
  });
}

describe('docs/crash-protocol.md', () => {
  it('has steps, each with code and a test', () => {
    expect(steps.length).toBeGreaterThan(30);
    const bare = steps.filter(({ code, tests }) => code.length === 0 || tests.length === 0);
    expect(bare.map(({ id }) => id)).toEqual([]);
    expect(new Set(steps.map(({ id }) => id)).size).toBe(steps.length);
  });

  it('names tests that exist', () => {
    const missing = steps
      .flatMap(({ tests }) => tests)
      .filter(([file, name]) => !testNamesIn(file).includes(name));
    expect(missing).toEqual([]);
  });

  it('names code that exists', () => {
    const missing: string[] = [];
    for (const [file, names] of steps.flatMap(({ code }) => code)) {
      const path = join(root, file);
      const text = existsSync(path) ? readFileSync(path, 'utf8') : undefined;
      if (text === undefined) missing.push(file);
      else
        missing.push(
          ...names.filter((name) => !text.includes(`${name}(`)).map((n) => `${file}: ${n}`),
        );
    }
    expect(missing).toEqual([]);
  });

  it('would notice a test that went away', () => {
    const [file, name] = steps[0].tests[0];
    expect(testNamesIn(file)).toContain(name);
    expect(testNamesIn(file)).not.toContain(`${name} no more`);
    expect(testNamesIn('test/protocol/none.test.ts')).toEqual([]);
  });
});
