import { expect, it } from 'vitest';
import { open } from '../../src/index.js';
import { MemoryFileSystem } from '../../src/fs/memory-file-system.js';
import { readPage, sectionOf, tableLines } from './page.js';

const page = readPage('docs/stats.md');

/** The fields that a section of the page lists. */
function listed(section: string): string[] {
  return tableLines(sectionOf(page, `## ${section}`))
    .map(([name]) => /^`([\w.[\]]+)`$/.exec(name)?.[1])
    .filter((name) => name !== undefined);
}

/** Paths of all figures of an object; `ends` are told elsewhere. An array stands for each of its elements. */
function pathsOf(value: unknown, ends: readonly string[], path = ''): string[] {
  if (ends.includes(path)) return [path];
  if (Array.isArray(value)) return value.flatMap((one) => pathsOf(one, ends, `${path}[]`));
  if (typeof value !== 'object' || value === null) return [path];
  return Object.entries(value).flatMap(([name, inner]) =>
    pathsOf(inner, ends, path === '' ? name : `${path}.${name}`),
  );
}

function unique(paths: readonly string[]): string[] {
  return [...new Set(paths)].sort();
}

it('the page on statistics lists every field of a real database, and no other', async () => {
  const db = await open('db', { fs: new MemoryFileSystem() });
  try {
    const other = await db.keyspace('other');
    await other.put('a', '1');
    await db.put('a', '1');
    await db.flush();
    db.snapshot();
    db.entries();
    await db.get('a');
    const stats = db.stats();
    const inside = ['levels[]', 'memtables', 'keyspaces[]'];
    // Nothing runs after a flush has ended.
    const all = [...pathsOf(stats, inside), 'background.running[]'];
    expect(unique(all)).toEqual(listed('DatabaseStats').sort());
    const [keyspace] = stats.keyspaces;
    expect(unique(pathsOf(keyspace, inside))).toEqual(listed('KeyspaceStats').sort());
    expect(unique(pathsOf(keyspace.memtables, []))).toEqual(listed('MemtableStats').sort());
    expect(unique(pathsOf(keyspace.levels[0], []))).toEqual(listed('LevelStats').sort());
    expect(stats.keyspaces.map(({ name }) => name)).toEqual(['default', 'other']);
  } finally {
    await db.close();
  }
});

it('counters that are kept are those that the page calls kept', async () => {
  const fs = new MemoryFileSystem();
  const numbers = async (use: 'write' | 'look'): Promise<Map<string, number>> => {
    const db = await open('db', { fs });
    try {
      if (use === 'write') {
        for (const value of ['1', '2']) {
          await db.put('a', value);
          await db.flush();
        }
        await db.compactRange();
        await db.get('a');
      }
      const found = new Map<string, number>();
      const stats = db.stats();
      for (const [group, values] of Object.entries({ written: stats.written, log: stats.log })) {
        for (const [name, value] of Object.entries(values)) found.set(`${group}.${name}`, value);
      }
      for (const [name, value] of Object.entries(stats.background)) {
        if (typeof value === 'number') found.set(`background.${name}`, value);
      }
      return found;
    } finally {
      await db.close();
    }
  };
  const before = await numbers('write');
  const after = await numbers('look');
  const texts = new Map(tableLines(page).map(([name, text]) => [name.replaceAll('`', ''), text]));
  for (const [name, value] of before) {
    const text = texts.get(name)!;
    if (text.includes('since the database was created')) {
      expect(value, name).toBeGreaterThan(0);
      expect(after.get(name), name).toBeGreaterThanOrEqual(value);
    }
    if (text.includes('since open')) expect(after.get(name), name).toBeLessThanOrEqual(1);
  }
  expect([...before.keys()].filter((name) => texts.get(name)!.includes('since'))).toHaveLength(11);
});
