import ts from 'typescript';
import { expect, it } from 'vitest';
import { projectFiles } from './project-files.js';

/**
 * Words of the glossary's "not" column that mean nothing else in this code, and
 * the word to use. Ambiguous ones (record, version, state, buffer …) are left to
 * the reader.
 */
const synonyms: Readonly<Record<string, string>> = {
  row: 'entry',
  rows: 'entries',
  journal: 'wal, log',
  vacuum: 'compaction',
  gc: 'compaction',
  throttle: 'stall, slowdown',
  combiner: 'MergingIterator',
  persist: 'flush',
  amp: 'amplification',
  catalog: 'manifest',
  transaction: 'WriteBatch',
  'column family': 'keyspace',
  'commit log': 'wal',
  'restart point': 'key head',
};

/** `maxL0Tables` → `max l0 tables`. */
function words(identifier: string): string {
  return identifier
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .replace(/([A-Z]+)([A-Z][a-z])/g, '$1 $2')
    .replace(/[_$#]+/g, ' ')
    .toLowerCase();
}

function identifiers(path: string, text: string): Set<string> {
  const found = new Set<string>();
  const visit = (node: ts.Node): void => {
    if (ts.isIdentifier(node) || ts.isPrivateIdentifier(node)) found.add(node.text);
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(path, text, ts.ScriptTarget.Latest));
  return found;
}

const pattern = new RegExp(`(?<= )(${Object.keys(synonyms).join('|')})(?= )`);

function findSynonym(identifier: string): string | undefined {
  return pattern.exec(` ${words(identifier)} `)?.[1];
}

it('recognises a synonym inside an identifier', () => {
  expect(findSynonym('maxColumnFamilyBytes')).toBe('column family');
  expect(findSynonym('#rows')).toBe('rows');
  expect(findSynonym('throw')).toBeUndefined();
  expect(findSynonym('sampleRate')).toBeUndefined();
});

it('code uses the words of the glossary', () => {
  const wrong: string[] = [];
  for (const { path, text } of projectFiles()) {
    if (!path.startsWith('src/') || !path.endsWith('.ts')) continue;
    for (const identifier of identifiers(path, text)) {
      const synonym = findSynonym(identifier);
      if (synonym !== undefined) wrong.push(`${path}: ${identifier} (say ${synonyms[synonym]})`);
    }
  }
  expect(wrong).toEqual([]);
});
