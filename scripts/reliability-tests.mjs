// The kinds of tests that prove what docs/guarantees.md promises, the files that
// hold them, and what they say of themselves (test/support/counts.ts).
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** By kind: what is done to the database, and which promises must hold then. */
export const kinds = {
  T1: { fault: 'random operations, kills and reopening, against a model', promises: 'P2 P3' },
  T2: { fault: 'one list of operations under many option sets', promises: 'P3' },
  T3: { fault: 'a crash at every call of the file system', promises: 'P1 P2 P3 P6' },
  T4: { fault: 'each call of the file system fails', promises: 'P5 P7' },
  T5: { fault: 'logs and manifests torn at every byte', promises: 'P3 P4' },
  T6: { fault: 'a flipped bit in every byte of every file', promises: 'P4' },
  T7: { fault: 'kill -9 of a real process', promises: 'P2 P3' },
  T8: { fault: 'hostile bytes for every decoder', promises: 'P4' },
  T9: { fault: 'readers beside writers, flush and compaction', promises: 'isolation' },
  T10: { fault: 'a second owner', promises: 'locks' },
  T11: { fault: 'files of each format version, and of newer ones', promises: 'formats' },
  T12: { fault: 'a thousand sessions, a million lost iterators', promises: 'no leak' },
  T13: { fault: 'every order of events, chosen by a seed', promises: 'P1 P2 P3 P5' },
};

/** Test files of a kind: those that report its counts. */
export function filesOf(kind) {
  const reports = new RegExp(`reportCounts\\(\\s*'${kind}'`);
  return testFiles('test').filter((file) => reports.test(readFileSync(join(root, file), 'utf8')));
}

/** Whether a test goes on with new seeds for as long as it may; others do what they do once. */
export function isSeeded(file) {
  return readFileSync(join(root, file), 'utf8').includes('seedsOf(');
}

function testFiles(directory) {
  return readdirSync(join(root, directory), { withFileTypes: true }).flatMap((entry) => {
    const path = `${directory}/${entry.name}`;
    if (entry.isDirectory()) return testFiles(path);
    return entry.name.endsWith('.test.ts') ? [path] : [];
  });
}

/** The lines that tests have appended to the file NORI_COUNTS. */
export function readReports(file) {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, 'utf8').split('\n');
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line));
}

/** Adds up what several runs of one test have counted. */
export function sumReports(reports) {
  const sums = new Map();
  for (const { kind, what, counts, floors } of reports) {
    const key = `${kind} ${what}`;
    const sum = sums.get(key) ?? { kind, what, runs: 0, counts: {}, floors };
    sum.runs++;
    for (const [name, count] of Object.entries(counts)) {
      sum.counts[name] = (sum.counts[name] ?? 0) + count;
    }
    sums.set(key, sum);
  }
  const order = Object.keys(kinds);
  return [...sums.values()].sort((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind));
}

/** What is wrong with the counts of one whole run: kinds that said nothing, counts below their floors. */
export function problemsOf(sums) {
  const problems = Object.keys(kinds)
    .filter((kind) => !sums.some((sum) => sum.kind === kind))
    .map((kind) => `${kind}: no test of this kind has run`);
  for (const { kind, what, counts, floors } of sums) {
    for (const [name, floor] of Object.entries(floors)) {
      const count = counts[name] ?? 0;
      if (count < floor)
        problems.push(`${kind}, ${what}: ${count} ${name}, at least ${floor} wanted`);
    }
  }
  return problems;
}

/** A name of a count as people read it: `secondCrashes` is "second crashes". */
function words(name) {
  // Codes of errors stay as they are.
  if (/^LSM_/.test(name)) return name;
  return name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}

export function printMatrix(sums) {
  const width = Math.max(...sums.map(({ what }) => what.length));
  let last;
  for (const { kind, what, counts } of sums) {
    const { fault, promises } = kinds[kind];
    if (kind !== last) console.log(`\n${kind.padEnd(4)} ${fault} (${promises})`);
    last = kind;
    const shown = Object.entries(counts)
      .map(([name, count]) => `${count.toLocaleString('en')} ${words(name)}`)
      .join(', ');
    console.log(`     ${what.padEnd(width)}  ${shown}`);
  }
  console.log('');
}
