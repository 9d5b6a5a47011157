/*
 * Do the tests test? Breaks the engine in one place after the other, in a private
 * copy, and runs the one test that is to notice: it must fail, by an assertion of
 * its own. Unbroken, every one of them must pass.
 *
 *     node test/mutations/run.mjs            all
 *     node test/mutations/run.mjs fsync      those whose names have this in them
 */
import { spawn } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { mutations } from './mutations.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const copied = ['src', 'test', 'package.json', 'tsconfig.json', 'vitest.config.ts'];
const copies = 2;
const mostMs = 120_000;

const wanted = process.argv[2] ?? '';
const chosen = mutations.filter(({ name }) => name.includes(wanted));
const place = mkdtempSync(join(tmpdir(), 'nori-mutations-'));
let problems = 0;

try {
  const trees = Array.from({ length: copies }, (_, i) => makeTree(join(place, String(i))));
  await runUnbroken(trees);
  const caught = await runBroken(trees);
  console.log(`${caught} of ${chosen.length} caught`);
  if (chosen.length === 0 || caught < chosen.length) problems++;
} finally {
  rmSync(place, { recursive: true, force: true });
}
process.exitCode = problems === 0 ? 0 : 1;

function makeTree(tree) {
  mkdirSync(tree);
  for (const name of copied) cpSync(join(root, name), join(tree, name), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(tree, 'node_modules'));
  return tree;
}

/** Runs `work` on every item, one at a time in each tree. */
async function share(trees, items, work) {
  const waiting = [...items];
  await Promise.all(
    trees.map(async (tree) => {
      for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) {
        await work(tree, item);
      }
    }),
  );
}

async function runUnbroken(trees) {
  const files = new Set(chosen.map(({ caughtBy: [file] }) => file));
  await share(trees, files, async (tree, file) => {
    const { results, output } = await runTests(tree, file);
    for (const { name, caughtBy } of chosen) {
      if (caughtBy[0] !== file) continue;
      const status = results.get(caughtBy[1])?.status;
      if (status === 'passed') continue;
      problems++;
      console.log(`unbroken, the test of "${name}" has not passed: ${status ?? 'not run'}`);
      if (results.size === 0) console.log(output);
    }
  });
}

async function runBroken(trees) {
  let caught = 0;
  await share(trees, chosen, async (tree, mutation) => {
    const began = Date.now();
    const verdict = await runMutation(tree, mutation);
    const seconds = ((Date.now() - began) / 1000).toFixed(1);
    if (verdict === '') caught++;
    console.log(
      `${verdict === '' ? 'caught' : 'MISSED'} ${seconds.padStart(5)} s  ${mutation.name}`,
    );
    if (verdict !== '') console.log(`              ${verdict}`);
  });
  return caught;
}

/** '' when the test has caught it, else why not. */
async function runMutation(tree, { file, find, replace, caughtBy: [testFile, test] }) {
  const path = join(tree, file);
  const text = readFileSync(path, 'utf8');
  const pieces = text.split(find);
  if (pieces.length !== 2) {
    return `what is to be changed stands ${pieces.length - 1} times in ${file}`;
  }
  writeFileSync(path, pieces.join(replace));
  try {
    const { results, output } = await runTests(tree, testFile, test);
    const result = results.get(test);
    if (result === undefined) return `the test has not run: ${output}`;
    if (result.status !== 'failed') return `the test has ${result.status}`;
    const [message] = result.failureMessages;
    // Not for a typing error of the mutation's own, and not by the way.
    return message.startsWith('AssertionError') ? '' : `it failed otherwise: ${message}`;
  } finally {
    writeFileSync(path, text);
  }
}

/** Runs a test file, or one test of it; its tests by their names, groups first. */
async function runTests(tree, file, test) {
  const report = join(tree, 'report.json');
  rmSync(report, { force: true });
  const vitest = join(
    dirname(fileURLToPath(import.meta.resolve('vitest/package.json'))),
    'vitest.mjs',
  );
  const only = test === undefined ? [] : ['-t', `^${escape(test.replaceAll(' › ', ' '))}$`];
  const args = [vitest, 'run', file, '--reporter=json', `--outputFile=${report}`, ...only];
  const output = await run(tree, args);
  const results = new Map();
  try {
    for (const { assertionResults } of JSON.parse(readFileSync(report, 'utf8')).testResults) {
      for (const result of assertionResults) {
        if (result.status === 'skipped') continue;
        results.set([...result.ancestorTitles, result.title].join(' › '), result);
      }
    }
  } catch {
    // No report: `output` says why.
  }
  return { results, output };
}

function escape(text) {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

function run(cwd, args) {
  return new Promise((resolve) => {
    const env = { ...process.env, CI: '1', NO_COLOR: '1' };
    for (const name of Object.keys(env)) if (name.startsWith('NORI_')) delete env[name];
    const child = spawn(process.execPath, args, { cwd, env });
    let output = '';
    child.stdout.on('data', (data) => (output += data));
    child.stderr.on('data', (data) => (output += data));
    const timer = setTimeout(() => child.kill('SIGKILL'), mostMs);
    child.on('close', () => {
      clearTimeout(timer);
      resolve(output);
    });
  });
}
