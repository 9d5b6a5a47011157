import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inspect } from 'node:util';
import ts from 'typescript';
import { beforeAll, describe, expect, it } from 'vitest';
import type * as entry from '../../src/index.js';

interface Plugin {
  transform(code: string, id: string): { code: string } | undefined;
  buildEnd(): void;
}

const root = fileURLToPath(new URL('../..', import.meta.url));

describe('what is built', () => {
  beforeAll(() => {
    const ensure = join(root, 'scripts', 'ensure.mjs');
    execFileSync(process.execPath, [ensure], { stdio: ['ignore', 'inherit', 'inherit'] });
  });

  it('has private names in no class but those that users hold for long', () => {
    const dist = join(root, 'dist');
    const found = readdirSync(dist, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.js') && !name.startsWith('internal'))
      .flatMap((name) => classesWithPrivateNames(readFileSync(join(dist, name), 'utf8')));
    expect(found.sort()).toEqual([
      'BlockCache',
      'BloomFilter',
      'Database',
      'FaultFileSystem',
      'Keyspace',
      'KeyvNori',
      'MemoryFileSystem',
      'NoriLevel',
      'NoriSnapshot',
      'RecordingFileSystem',
      'SSTableBuilder',
      'SSTableReader',
      'Snapshot',
    ]);
  });

  it('shows nothing of its insides when a database is printed', async () => {
    const url = new URL('../../dist/index.js', import.meta.url).href;
    const { open } = (await import(/* @vite-ignore */ url)) as typeof entry;
    const directory = mkdtempSync(join(tmpdir(), 'nori-printed-'));
    const db = await open(join(directory, 'db'));
    expect(inspect(db)).toBe('Database {}');
    await db.close();
    rmSync(directory, { recursive: true });
  });
});

describe('private names', () => {
  let plugin: Plugin;

  beforeAll(async () => {
    const url = new URL('../../scripts/private-names.mjs', import.meta.url).href;
    const module = (await import(/* @vite-ignore */ url)) as { privateNames: () => Plugin };
    plugin = module.privateNames();
  });

  const built = (code: string, id = 'a.ts'): string | undefined => plugin.transform(code, id)?.code;

  it('become ordinary ones where they stand, and nowhere else', () => {
    expect(
      built("class A { #at = '#at'; /* #at */ next() { return this.#at; } static #of() {} }"),
    ).toBe("class A { $at = '#at'; /* #at */ next() { return this.$at; } static $of() {} }");
  });

  it('stay in a class that users hold', () => {
    expect(built('class Snapshot { #at = 1; } class B { #b = 2; }')).toBe(
      'class Snapshot { #at = 1; } class B { $b = 2; }',
    );
  });

  it('are refused where a class and the one that it extends would share one', () => {
    built('class Near { #mine = 1; } class Far extends Near { #other = 1; }', 'near.ts');
    plugin.buildEnd();
    built('class Farther extends Far { #mine = 1; }', 'farther.ts');
    expect(() => plugin.buildEnd()).toThrow(/Farther and a class that it extends both have #mine/);
  });

  it('are refused as a test of what an object is', () => {
    expect(() => built('class C { #c = 1; is(o: object) { return #c in o; } }')).toThrow(/#c/);
  });
});

function classesWithPrivateNames(code: string): string[] {
  const names = new Set<string>();
  const visit = (node: ts.Node, owner: string): void => {
    if (ts.isVariableDeclaration(node) && node.initializer && ts.isClassLike(node.initializer)) {
      owner = node.name.getText();
    } else if (ts.isClassLike(node) && node.name !== undefined) owner = node.name.text;
    if (ts.isPrivateIdentifier(node)) names.add(owner);
    ts.forEachChild(node, (child) => {
      visit(child, owner);
    });
  };
  visit(ts.createSourceFile('chunk.js', code, ts.ScriptTarget.Latest, true), '');
  return [...names];
}
