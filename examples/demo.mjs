// A tour of nori-lsm on a real dictionary: load, look up, scan, delete, compact,
// crash, recover. Every claim is checked; the exit code is 1 when one fails.
//
// Run it with `npm run demo`. It works in a temporary directory and removes it.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { open } from 'nori-lsm';
import { readWordNet, writeTsv } from './wordnet.mjs';

const command = join(dirname(fileURLToPath(import.meta.url)), '../dist/cli/main.js');
const directory = mkdtempSync(join(tmpdir(), 'nori-demo-'));
process.on('exit', () => rmSync(directory, { recursive: true, force: true }));
process.on('SIGINT', () => process.exit(130));

const startedAt = performance.now();
const proofs = [];

// 20 MB fit into one default memtable (32 MiB). Small ones let a tree grow here
// that would otherwise take gigabytes.
const small = ['memtableBytes=256KiB', 'tableBytes=256KiB', 'l0CompactionTrigger=4'];
const smallTree = [...small, 'levelSizeMultiplier=4'].flatMap((setting) => ['--set', setting]);

function title(text) {
  console.log(`\n\x1b[1m${text}\x1b[0m`);
}

function prove(claim, isTrue) {
  proofs.push({ claim, isTrue });
  console.log(`  ${isTrue ? '✓' : '✗ FAILED:'} ${claim}`);
}

function count(number) {
  return Math.round(number).toLocaleString('en-US');
}

function megabytes(bytes) {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

/** Runs `nori` as a shell would, showing the command; returns what it printed. */
function nori(...args) {
  const shown = args.map((arg) => arg.replace(`${directory}/`, './'));
  console.log(
    `  $ nori ${shown.map((arg) => (/^[\w./=-]+$/.test(arg) ? arg : `'${arg}'`)).join(' ')}`,
  );
  return runQuietly(...args);
}

function runQuietly(...args) {
  const result = spawnSync(process.execPath, [command, ...args], {
    encoding: 'utf8',
    // The progress bar of `load` shows on a terminal.
    stdio: ['ignore', 'pipe', 'inherit'],
    maxBuffer: 2 ** 28,
  });
  if (result.status !== 0) throw new Error(`nori ${args[0]} ended with ${result.status}`);
  return result.stdout;
}

function show(text) {
  const width = (process.stdout.columns ?? 110) - 4;
  for (const line of text.trimEnd().split('\n')) {
    console.log(`  ${line.length > width ? `${line.slice(0, width - 1)}…` : line}`);
  }
}

/** Shuffles in place, the same way each time (mulberry32): data seldom comes sorted. */
function shuffle(entries) {
  let state = 42;
  for (let i = entries.length - 1; i > 0; i--) {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    const j = ((t ^ (t >>> 14)) >>> 0) % (i + 1);
    [entries[i], entries[j]] = [entries[j], entries[i]];
  }
  return entries;
}

function sum(levels, read) {
  return levels.reduce((total, level) => total + read(level), 0);
}

async function main() {
  title('1. The data: WordNet 3.1, a dictionary of English');
  const sorted = readWordNet();
  const lines = shuffle([...sorted]);
  const words = join(directory, 'words.tsv');
  writeTsv(words, lines);
  const definitions = new Map(sorted);
  const rawBytes = sum(sorted, ([key, value]) => Buffer.byteLength(key + value));
  console.log(
    `  ${count(sorted.length)} meanings, ${megabytes(rawBytes)}, in random order, one per line:`,
  );
  show(`${lines[0].join(' → ')}`);

  title('2. Load it with the command line');
  const db = join(directory, 'db');
  nori('load', db, words, ...smallTree);
  const loaded = JSON.parse(runQuietly('stats', db, '--json'));
  show(nori('stats', db, ...smallTree));
  const filled = loaded.levels.filter((level) => level.tables > 0).length;
  console.log('  (Memtable and tables are set small here, so that several levels appear.)');
  prove(`the tree has ${filled} levels`, filled >= 2);

  title('3. Look words up');
  show(nori('get', db, 'serendipity/noun/01'));
  await lookUp(db, definitions, lines);

  title('4. Scan all words that begin alike, both ways');
  scanBothWays(db, sorted);

  title('5. Delete every word that begins with m, one by one, and compact');
  await deleteAndCompact(db, sorted);

  title('6. Kill a writer in the middle of a load, with SIGKILL');
  await crash(words, lines);

  return { loaded, rawBytes };
}

async function lookUp(path, definitions, lines) {
  const db = await open(path, { readOnly: true, keyEncoding: 'utf8', valueEncoding: 'utf8' });
  try {
    const asked = lines.slice(0, 100_000);
    const begin = performance.now();
    const wrong = asked.filter(([key]) => db.getSync(key) !== definitions.get(key));
    const perSecond = asked.length / ((performance.now() - begin) / 1000);
    prove(
      `${count(asked.length)} random lookups through the API are right (${count(perSecond)}/s)`,
      wrong.length === 0,
    );
    const absent = asked.filter(([key]) => db.getSync(`${key}?`) !== undefined);
    prove(`${count(asked.length)} words that do not exist are not found`, absent.length === 0);
    let i = 0;
    let isSame = true;
    for await (const [key, value] of db.entries()) {
      isSame &&= definitions.get(key) === value;
      i++;
    }
    prove(`a scan from A to Z gives all ${count(i)} meanings`, isSame && i === definitions.size);
  } finally {
    await db.close();
  }
}

function scanBothWays(db, sorted) {
  const expected = sorted.filter(([key]) => key.startsWith('apple')).map(([key]) => key);
  show(nori('scan', db, '--prefix', 'apple', '--limit', '3'));
  show(nori('scan', db, '--prefix', 'apple', '--limit', '3', '--reverse'));
  const forward = nori('scan', db, '--prefix', 'apple', '--keys-only').split('\n').slice(0, -1);
  const backward = nori('scan', db, '--prefix', 'apple', '--keys-only', '--reverse');
  prove(
    `all ${expected.length} meanings that begin with "apple", forward and backward`,
    forward.join() === expected.join() &&
      backward.split('\n').slice(0, -1).reverse().join() === expected.join(),
  );
}

async function deleteAndCompact(path, sorted) {
  const db = await open(path, {
    keyEncoding: 'utf8',
    memtableBytes: 256 * 1024,
    tableBytes: 256 * 1024,
  });
  try {
    let deleted = 0;
    for await (const key of db.keys({ gte: 'm', lt: 'n' })) {
      await db.delete(key);
      deleted++;
    }
    await db.flush();
    console.log(`  ${count(deleted)} awaited deletes through the API`);
    const expected = sorted.filter(([key]) => key >= 'm' && key < 'n').length;
    prove('each of them was there before', deleted === expected);
    const before = db.stats().levels;
    await db.compactRange();
    const after = db.stats().levels;
    let left = 0;
    for await (const _ of db.keys({ gte: 'm', lt: 'n' })) left++;
    prove('none of them is there afterwards', left === 0);
    const tombstones = sum(before, (level) => level.tombstones);
    prove(
      `compaction dropped all ${count(tombstones)} tombstones that were left, and their words with them`,
      sum(after, (level) => level.tombstones) === 0 &&
        sum(after, (level) => level.entries) === sorted.length - expected,
    );
    console.log(
      `  On disk: ${megabytes(sum(before, (level) => level.bytes))} before, ${megabytes(sum(after, (level) => level.bytes))} after.`,
    );
  } finally {
    await db.close();
  }
}

async function crash(words, lines) {
  const path = join(directory, 'crash');
  const args = ['load', path, words, '--ack', '--batch-size', '500', '-q', ...smallTree];
  console.log('  $ nori load ./crash ./words.tsv --ack --batch-size 500 …   (killed below)');
  const acknowledged = await killWhenAcknowledged(args, lines.length * 0.4);
  console.log(`  killed after "acknowledged ${acknowledged}" of ${lines.length} lines`);
  prove('the kill hit it in the middle', acknowledged > 0 && acknowledged < lines.length);
  const db = await open(path, { keyEncoding: 'utf8', valueEncoding: 'utf8' });
  try {
    const { logsReplayed, batchesReplayed } = db.recovery;
    console.log(
      `  reopened: ${batchesReplayed} batches came back from ${logsReplayed} write-ahead logs`,
    );
    const lost = lines.slice(0, acknowledged).filter(([key, value]) => db.getSync(key) !== value);
    prove(`all ${count(acknowledged)} acknowledged entries are there`, lost.length === 0);
    let stored = 0;
    for await (const _ of db.keys()) stored++;
    const isPrefix = lines.slice(0, stored).every(([key]) => db.hasSync(key));
    prove(
      `what is there is the first ${count(stored)} lines, without a gap`,
      isPrefix && stored % 500 === 0,
    );
  } finally {
    await db.close();
  }
  show(nori('verify', path));
  prove('nori verify finds no damage', true);
}

/** Runs a load until it has acknowledged `lines`, then kills it; returns the last acknowledged number. */
function killWhenAcknowledged(args, lines) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [command, ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let printed = '';
    let isKilled = false;
    const last = () => Number(printed.slice(0, printed.lastIndexOf('\n')).split(' ').at(-1));
    child.stdout.on('data', (chunk) => {
      printed = (printed + chunk).slice(-1000);
      if (!isKilled && last() >= lines) isKilled = child.kill('SIGKILL');
    });
    child.on('error', reject);
    child.on('close', () => resolve(last()));
  });
}

function summarize({ loaded, rawBytes }) {
  const seconds = (performance.now() - startedAt) / 1000;
  const failed = proofs.filter((proof) => !proof.isTrue);
  const diskBytes = sum(loaded.levels, (level) => level.bytes);
  title('What you have seen');
  console.log(`
  nori-lsm keeps sorted keys and values in a directory, inside your Node process:
  no server, nothing to compile. New entries go to a log and to memory; full memory
  is written out as a sorted table; tables are merged down into ever larger levels.

  ${count(loaded.seq)} entries, ${megabytes(rawBytes)} of text, became ${megabytes(diskBytes)} on disk.
  Write amplification ${loaded.writeAmplification?.toFixed(2)}: so many bytes were written to tables per byte
  that you wrote, merging included. Measured from the bytes, not computed.
  Space amplification about ${loaded.spaceAmplificationEstimate?.toFixed(2)}: tables on disk against a tree with no waste.
  A process killed without warning lost nothing that it had acknowledged.

  ${proofs.length - failed.length} of ${proofs.length} claims proved in ${seconds.toFixed(0)} s.`);
  for (const { claim } of failed) console.log(`  ✗ FAILED: ${claim}`);
  if (failed.length > 0) process.exitCode = 1;
}

try {
  summarize(await main());
} catch (error) {
  console.error(`\n✗ The demo broke off: ${error.stack}`);
  process.exitCode = 1;
}
