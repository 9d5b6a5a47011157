// A toy full-text index over a dictionary: which meanings mention all these words?
//
// `texts` has each text under its name. `mentions` is the inverted index: one
// entry without a value for each pair "word, NUL, name", so that a prefix scan
// gives all names of a word, in order. A text and its mentions go in one batch.
//
//     node examples/full-text-search.mjs [word ...]
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { open } from 'nori-lsm';
import { readWordNet } from './wordnet.mjs';

const noBytes = new Uint8Array(0);

/** The words of a text, each once, in lower case. */
function wordsOf(text) {
  return new Set(text.toLowerCase().match(/\p{L}+/gu));
}

async function index(db, mentions, texts) {
  let batch = db.batch();
  let pairs = 0;
  for (const [name, text] of texts) {
    batch.put(name, text);
    for (const word of wordsOf(text)) {
      batch.put(`${word}\0${name}`, noBytes, { keyspace: mentions });
      pairs++;
    }
    if (batch.length < 5000) continue;
    await batch.commit();
    batch = db.batch();
  }
  await batch.commit();
  return pairs;
}

/**
 * Names of the texts that mention all words: the names of the first one, each
 * looked up with the others. All reads see one moment, whatever is indexed
 * meanwhile.
 */
async function search(db, mentions, words) {
  const snapshot = db.snapshot();
  try {
    const [first, ...others] = words.map((word) => word.toLowerCase());
    const found = [];
    for await (const key of mentions.keys({ prefix: `${first}\0`, snapshot })) {
      const name = key.slice(first.length + 1);
      const pairs = others.map((word) => `${word}\0${name}`);
      const isThere = await mentions.getMany(pairs, { snapshot });
      if (isThere.every((value) => value !== undefined)) found.push(name);
    }
    const texts = await db.getMany(found.slice(0, 3), { snapshot });
    return { found, texts };
  } finally {
    snapshot.close();
  }
}

const directory = mkdtempSync(join(tmpdir(), 'nori-search-'));
const db = await open(directory, { keyEncoding: 'utf8', valueEncoding: 'utf8' });
try {
  // Nothing but keys: no value to compress, and no key that is looked for in vain often.
  const mentions = await db.keyspace('mentions', { valueEncoding: 'view' });
  // Each seventh meaning, so that it takes a second and not seven.
  const texts = readWordNet().filter((_, i) => i % 7 === 0);
  const startedAt = performance.now();
  const pairs = await index(db, mentions, texts);
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  console.log(`indexed ${texts.length} texts, ${pairs} mentions of words, in ${seconds} s`);

  const asked = process.argv.slice(2);
  const queries =
    asked.length > 0
      ? [asked]
      : [['sea', 'fish'], ['musical', 'instrument', 'strings'], ['qwertz']];
  for (const words of queries) {
    const { found, texts } = await search(db, mentions, words);
    console.log(`${words.join(' + ')}: ${found.length} texts`);
    texts.forEach((text, i) => console.log(`  ${found[i]}: ${text}`));
  }
} finally {
  await db.close();
  rmSync(directory, { recursive: true });
}
