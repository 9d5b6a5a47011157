// Makes a checkout ready to run: installs what the lockfile asks for when it is
// not there, builds when dist/ is missing or older than the sources. Uses Node's
// own modules only, because it runs before anything is installed.
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const lock = join(root, '.nori-ensure.lock');

function readJson(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
}

/** Compares the lockfile with what npm says it has installed; times of checkouts and copies mean nothing. */
function isInstalled() {
  const wanted = readJson(join(root, 'package-lock.json'))?.packages ?? {};
  const present = readJson(join(root, 'node_modules', '.package-lock.json'))?.packages;
  if (present === undefined) return false;
  return Object.entries(wanted).every(
    ([path, { version, integrity, optional }]) =>
      path === '' ||
      optional === true ||
      (present[path]?.version === version &&
        present[path]?.integrity === integrity &&
        existsSync(join(root, path, 'package.json'))),
  );
}

function newestTime(path) {
  const status = statSync(path);
  let newest = status.mtimeMs;
  // A directory's own time tells of files removed from it.
  if (status.isDirectory()) {
    for (const name of readdirSync(path)) newest = Math.max(newest, newestTime(join(path, name)));
  }
  return newest;
}

function isBuilt() {
  const dist = join(root, 'dist');
  if (!existsSync(join(dist, 'cli', 'main.js'))) return false;
  const builtAt = statSync(dist).mtimeMs;
  const sources = [
    'src',
    'tsconfig.json',
    'tsconfig.build.json',
    'scripts/build.mjs',
    'scripts/private-names.mjs',
  ];
  return sources.every((source) => newestTime(join(root, source)) <= builtAt);
}

function run(what, command, args, options = {}) {
  console.error(`nori-lsm: ${what}`);
  const result = spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2], ...options });
  if (result.status !== 0) {
    console.error(`nori-lsm: ${what} failed${result.error ? `: ${result.error.message}` : ''}`);
    release();
    process.exit(1);
  }
}

function install() {
  const npm = process.env.npm_execpath;
  const args = ['ci', '--no-audit', '--no-fund'];
  // A run under npm knows its npm; without one, the npm beside node is found through PATH.
  if (npm?.endsWith('.js')) run('installing packages (npm ci)', process.execPath, [npm, ...args]);
  else run('installing packages (npm ci)', 'npm', args, { shell: process.platform === 'win32' });
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

/** One at a time: two test files may come here at once. A holder that died is passed over. */
function acquire() {
  for (;;) {
    try {
      mkdirSync(lock);
      writeFileSync(join(lock, 'pid'), String(process.pid));
      return;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    const pid = Number(readJson(join(lock, 'pid')) ?? 0);
    const age = Date.now() - (statSync(lock, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
    // A holder writes its pid at once: an old lock without one was left behind.
    if (pid > 0 ? !isAlive(pid) : age > 10_000) release();
    else Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100);
  }
}

function release() {
  rmSync(lock, { recursive: true, force: true });
}

// `--install-only` leaves the build to a caller that wants to see it on its own.
const wantsBuild = !process.argv.includes('--install-only');
if (!isInstalled() || (wantsBuild && !isBuilt())) {
  acquire();
  if (!isInstalled()) install();
  if (wantsBuild && !isBuilt())
    run('building dist/', process.execPath, [join(root, 'scripts', 'build.mjs')]);
  release();
}
