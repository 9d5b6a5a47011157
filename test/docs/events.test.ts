import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { join } from 'node:path';
import ts from 'typescript';
import { expect, it } from 'vitest';
import { MemoryFileSystem } from '../../src/fs/memory-file-system.js';
import { open, type DatabaseListeners } from '../../src/index.js';
import { root } from '../tidy/project-files.js';
import { readPage, sectionOf, tableLines } from './page.js';

const page = readPage('docs/events.md');

/** Event names by the table at the top. */
const names = tableLines(page)
  .map(([name]) => /^\[`(\w+)`\]/.exec(name)?.[1])
  .filter((name) => name !== undefined);

/** Fields by event, as the page lists them. */
function fieldsOf(name: string): string[] {
  return tableLines(sectionOf(page, `## ${name}`))
    .map(([field]) => /^`(\w+)`$/.exec(field)?.[1])
    .filter((field) => field !== undefined);
}

/** Fields by event, as the types have them. */
function declared(): Map<string, string[]> {
  const path = join(root, 'src/db/event-types.ts');
  const options: ts.CompilerOptions = {
    target: ts.ScriptTarget.ES2023,
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    types: ['node'],
    strict: true,
    skipLibCheck: true,
  };
  const program = ts.createProgram([path], options);
  const checker = program.getTypeChecker();
  const source = program.getSourceFile(path)!;
  const events = source.statements.find(
    (statement): statement is ts.InterfaceDeclaration =>
      ts.isInterfaceDeclaration(statement) && statement.name.text === 'DatabaseEvents',
  )!;
  const found = new Map<string, string[]>();
  for (const event of checker.getTypeAtLocation(events).getProperties()) {
    const type = checker.getTypeOfSymbolAtLocation(event, events);
    found.set(
      event.name,
      type.getProperties().map(({ name }) => name),
    );
  }
  return found;
}

it('the page on events lists every event with its fields, and no other', () => {
  const listed = new Map(names.map((name) => [name, fieldsOf(name)]));
  expect(listed).toEqual(declared());
  expect(names.length).toBeGreaterThan(5);
});

it('events come when and as the page says, to listeners and on their channels', async () => {
  const heard: { name: string; fields: string[] }[] = [];
  const published: { name: string; message: unknown }[] = [];
  const channels = names.map((name) => {
    const onMessage = (message: unknown): number => published.push({ name, message });
    subscribe(`nori-lsm:${name}`, onMessage);
    return () => unsubscribe(`nori-lsm:${name}`, onMessage);
  });
  try {
    const listeners = Object.fromEntries(
      names.map((name) => [
        name,
        (event: object) => heard.push({ name, fields: Object.keys(event) }),
      ]),
    ) as DatabaseListeners;
    const db = await open('db', { fs: new MemoryFileSystem(), listeners });
    expect(heard.map(({ name }) => name)).toEqual(['lock', 'recovery']);
    for (const value of ['1', '2']) {
      await db.put('a', value);
      await db.flush();
    }
    await db.compactRange();
    await db.close();
    const order = ['lock', 'recovery', 'flush', 'flush', 'compaction', 'lock', 'closed'];
    expect(heard.map(({ name }) => name)).toEqual(order);
    for (const { name, fields } of heard) expect(fieldsOf(name), name).toEqual(fields);
    expect(published.map(({ name }) => name)).toEqual(order);
    for (const { name, message } of published) {
      expect(Object.keys(message as object).sort(), name).toEqual(
        [...new Set(['path', ...fieldsOf(name)])].sort(),
      );
      expect(message).toHaveProperty('path', 'db');
    }
  } finally {
    for (const stop of channels) stop();
  }
});
