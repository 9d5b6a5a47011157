// Runs real programs on nori-lsm: packs our packages, installs ecosystem/ with them
// in the places of level and leveldown, and runs each ecosystem/<name>/check.mjs.
//
//   npm run ecosystem               all of them
//   npm run ecosystem -- y-leveldb  some
//
// A check exits with 0 and prints, as its last line, what it has proved.
import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { copyPacked, npm } from './packed.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const ecosystem = join(root, 'ecosystem');
/** Ours, in the folders that ecosystem/package.json names. */
const ours = {
  'nori-lsm': root,
  'nori-level': join(root, 'packages', 'nori-level'),
  'nori-leveldown': join(root, 'packages', 'nori-leveldown'),
};
/** A check that hangs is a failed one. */
const longestCheckMs = 15 * 60_000;

function findChecks(wanted) {
  const names = readdirSync(ecosystem).filter((name) =>
    existsSync(join(ecosystem, name, 'check.mjs')),
  );
  for (const name of wanted) {
    if (!names.includes(name)) throw new Error(`no ${name}; there are: ${names.join(', ')}`);
  }
  return wanted.length > 0 ? wanted : names;
}

function install() {
  console.error('ecosystem: packing our packages');
  for (const [name, source] of Object.entries(ours)) {
    copyPacked(source, join(ecosystem, '.nori-packed', name));
  }
  console.error('ecosystem: installing the others (npm ci)');
  npm(['ci', '--ignore-scripts', '--no-audit', '--no-fund'], ecosystem);
}

/** Runs one check; its output is shown when it fails. */
async function runCheck(name) {
  const cwd = join(ecosystem, name);
  const startedAt = performance.now();
  const child = spawn(process.execPath, ['check.mjs'], {
    cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: longestCheckMs,
    killSignal: 'SIGKILL',
  });
  let output = '';
  child.stdout.on('data', (chunk) => (output += chunk));
  child.stderr.on('data', (chunk) => (output += chunk));
  const ended = await new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('close', (code, signal) => resolve(signal ?? code));
  });
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  const isPassed = ended === 0;
  if (!isPassed) console.error(`${output}\necosystem: ${name} ended with ${ended}`);
  const lastLine = output.trimEnd().split('\n').at(-1);
  return { name, isPassed, seconds, proof: isPassed ? lastLine : `FAILED (${ended})` };
}

const checks = findChecks(process.argv.slice(2));
install();
const results = [];
for (const name of checks) {
  console.error(`ecosystem: ${name}`);
  results.push(await runCheck(name));
}
const width = Math.max(...results.map(({ name }) => name.length));
for (const { name, seconds, proof } of results) {
  console.log(`${name.padEnd(width)}  ${seconds.padStart(6)} s  ${proof}`);
}
const passed = results.filter(({ isPassed }) => isPassed).length;
console.log(`${passed} passed, ${results.length - passed} failed`);
if (passed < results.length) process.exitCode = 1;
