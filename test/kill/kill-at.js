// Loaded before the program, and in each of its threads: counts the calls of the
// file system that fit KILL_PLAN, and kills the process at the n-th of them. The
// engine works on the real disk, with real threads, and notices nothing.
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { isMainThread } from 'node:worker_threads';
import { note } from './ledger-writer.js';

const {
  directory,
  phase,
  operation,
  path: pattern,
  job,
  call,
  how,
} = JSON.parse(process.env.KILL_PLAN);
const paths = new Map();
// Before anything is patched.
const { writeSync } = fs;
note('# a thread begins');
let calls = 0;
let hasReadTables = false;
/** Tables that this thread writes. */
const written = new Set();

/** Only a compaction reads tables in a thread of its own. */
function currentJob() {
  if (isMainThread) return 'none';
  return hasReadTables ? 'compaction' : 'flush';
}

function die(name, path) {
  note(`killed in ${name} ${path.slice(directory.length + 1)}`);
  process.kill(process.pid, 'SIGKILL');
}

function isDue(name, path) {
  if (call === undefined || !path.startsWith(directory)) return false;
  if (job !== undefined && job !== currentJob()) return false;
  if (phase !== undefined && globalThis.killPhase !== phase) return false;
  if (operation !== undefined && !name.startsWith(operation)) return false;
  if (pattern !== undefined && !new RegExp(pattern).test(path)) return false;
  return ++calls === call;
}

function noteOpened(path, flags, fd) {
  paths.set(fd, path);
  if (!path.endsWith('.sst') || !path.startsWith(directory)) return;
  if ((flags & fs.constants.O_CREAT) === 0) hasReadTables = true;
  else {
    written.add(fd);
    note(`table+ ${currentJob()} ${path.slice(directory.length + 1)}`);
  }
}

function noteClosed(fd) {
  const path = paths.get(fd);
  paths.delete(fd);
  if (written.delete(fd)) note(`table- ${path.slice(directory.length + 1)}`);
}

const names = [
  'open',
  'write',
  'ftruncate',
  'fsync',
  'fdatasync',
  'rename',
  'unlink',
  'link',
  'close',
];

for (const name of names) {
  const original = fs[name];
  fs[name] = (...args) => {
    const callback = args.pop();
    const path = String(typeof args[0] === 'number' ? paths.get(args[0]) : args[0]);
    const isLast = isDue(name, path);
    if (isLast && how !== 'after') {
      if (how === 'half' && name === 'write') writeHalf(args);
      die(name, path);
    }
    if (name === 'close') noteClosed(args[0]);
    original(...args, (error, ...results) => {
      if (isLast) die(name, path);
      if (name === 'open' && error === null) noteOpened(path, args[1], results[0]);
      callback(error, ...results);
    });
  };
  const originalSync = fs[`${name}Sync`];
  fs[`${name}Sync`] = (...args) => {
    const path = String(typeof args[0] === 'number' ? paths.get(args[0]) : args[0]);
    const isLast = isDue(name, path);
    if (isLast && how !== 'after') {
      if (how === 'half' && name === 'write') writeHalf(args);
      die(name, path);
    }
    if (name === 'close') noteClosed(args[0]);
    const result = originalSync(...args);
    if (isLast) die(name, path);
    if (name === 'open') noteOpened(path, args[1], result);
    return result;
  };
}
syncBuiltinESMExports();

function writeHalf([fd, bytes, at, length, position]) {
  writeSync(fd, bytes, at, length >>> 1, position);
}
