import { existsSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { isCode, isDocument, projectFiles, root } from './project-files.js';

const files = projectFiles();
const maxLines = 400;

/** Files over the limit, each with the reason why it is still one concept. */
const longFiles: Readonly<Record<string, string>> = {
  'src/db/log-set.ts': 'one order of writes, switches and syncs over all logs',
  'src/iterator/visible-iterator.ts': 'what a reader sees, forward and back, restartable',
  'src/manifest/version-set.ts': 'one state, and the only ways to change it',
  'src/wal/log-writer.test.ts': 'one writer under take-over, failures and every length',
  'src/wal/recover-logs.test.ts': 'one table of what a chain of logs may look like',
  'test/crash/fault-worker.ts': 'one client that knows what each failure allows',
  'test/fs/lock.test.ts': 'one table of owners, alive, dead and foreign',
  'test/fs/memory-crash.test.ts': 'one table of what a crash may keep',
  'test/fuzz/file-targets.ts': 'one list of what reads whole files',
  'test/sstable/waiting.test.ts': 'one set of take-overs, each at every step',
  'test/model/session.ts': 'one operation beside the other, against one model',
};

function lineCount(text: string): number {
  return text.split('\n').length - (text.endsWith('\n') ? 1 : 0);
}

describe('files', () => {
  it('are found at all', () => {
    expect(files.length).toBeGreaterThan(50);
  });

  it('have at most 400 lines, or a reason', () => {
    const long = files
      .filter((file) => isCode(file) && lineCount(file.text) > maxLines)
      .map((file) => file.path);
    expect(long.sort()).toEqual(Object.keys(longFiles).sort());
  });

  it('have kebab-case names', () => {
    const kebab = /^[a-z0-9]+(-[a-z0-9]+)*(\.(test|d|config|build))*\.(ts|js|mjs|cjs|md|json)$/;
    const asUsual = /^(.*\/)?(README|CHANGELOG|CONTRIBUTING|SECURITY)\.md$|^\.[a-z-]+\.(cjs|json)$/;
    const odd = files
      .filter((file) => !kebab.test(basename(file.path)) && !asUsual.test(file.path))
      .map((file) => file.path);
    expect(odd).toEqual([]);
  });

  it('leave nothing for later', () => {
    // Put together here, so that this file does not find itself.
    const marks = new RegExp(
      `\\b(${['TO' + 'DO', 'FIX' + 'ME', 'XX' + 'X', 'HA' + 'CK'].join('|')})\\b`,
    );
    const marked = files.filter((file) => marks.test(file.text)).map((file) => file.path);
    expect(marked).toEqual([]);
  });

  it('run every test: none is switched off, none runs alone', () => {
    const switches =
      /\b(it|test|describe|suite)(\.\w+)*\.(skip|todo|only|fails)\b|\bx(it|describe)\(/;
    const switched = files
      .filter((file) => file.path.endsWith('.test.ts') && switches.test(file.text))
      .map((file) => file.path);
    expect(switched).toEqual([]);
  });
});

describe('folders of src/', () => {
  it('each have their place in the layers', () => {
    const require = createRequire(import.meta.url);
    const layers = require(join(root, '.dependency-cruiser.cjs')) as {
      forbidden: { name: string }[];
    };
    const placed = layers.forbidden.map(({ name }) => name.replace(/^(layer|shell)-/, ''));
    const folders = readdirSync(join(root, 'src'), { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name);
    expect(folders.filter((folder) => !placed.includes(folder))).toEqual([]);
  });
});

describe('documents', () => {
  it('link to files that exist', () => {
    const broken: string[] = [];
    for (const file of files.filter(isDocument)) {
      for (const [, target] of file.text.matchAll(/\]\(([^)\s]+)\)/g)) {
        if (/^([a-z]+:|#)/.test(target)) continue;
        const path = join(root, dirname(file.path), target.replace(/#.*$/, ''));
        if (!existsSync(path)) broken.push(`${file.path} → ${target}`);
      }
    }
    expect(broken).toEqual([]);
  });
});
