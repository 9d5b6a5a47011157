// What the programs of this folder share. Each runs as a process of its own, so that
// it can have another user, another limit or a disk that is nobody else's, and prints
// what it saw as one line of JSON.
import {
  closeSync,
  openSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { MemoryFileSystem } from '../../dist/fs.js';
import { open } from '../../dist/index.js';
import { verifyDatabase } from '../../dist/internal/verify/verify-database.js';

export const settings = JSON.parse(process.argv[2] ?? '{}');

/** Errors of the background, as `during code` or `during code fatal`, each once. */
export const backgroundErrors = new Set();

export const options = {
  keyEncoding: 'utf8',
  valueEncoding: 'utf8',
  memtableBytes: 64 * 1024,
  tableBytes: 32 * 1024,
  compression: 'none',
  listeners: {
    backgroundError: ({ during, error, fatal }) =>
      backgroundErrors.add(`${during} ${error.code}${fatal ? ' fatal' : ''}`),
  },
};

export function tell(seen) {
  console.log(JSON.stringify({ ...seen, backgroundErrors: [...backgroundErrors].sort() }));
}

/** 'ok', or the code of the error, and behind LSM_FAILED that of its cause. */
export async function outcome(run) {
  try {
    await run();
    return 'ok';
  } catch (error) {
    if (error.code === undefined) throw error;
    return error.code === 'LSM_FAILED' ? `LSM_FAILED ${error.cause?.code}` : error.code;
  }
}

/** Tries until it goes well; 'ok', or what the last try said. What is tried again by itself pauses up to 5 s. */
export async function outcomeInTime(run) {
  const deadline = Date.now() + 15_000;
  for (;;) {
    const last = await outcome(run);
    if (last === 'ok' || Date.now() > deadline) return last;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

export function valueOf(i) {
  return `${i} ${String(Math.sin(i + 1)).repeat(8)}`;
}

/** Writes until `count` are written or an error; `stored` are the keys whose write was acknowledged. */
export async function load(db, { from = 0, count, isSync = false, durability = 'os', stored }) {
  for (let i = from; i < from + count; i++) {
    const last = await outcome(() => {
      if (isSync) db.putSync(`k${i}`, valueOf(i), { durability });
      else return db.put(`k${i}`, valueOf(i), { durability });
    });
    if (last !== 'ok') return last;
    stored.add(i);
    if (i % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  return 'ok';
}

/** How many of what was acknowledged are not there; with `none`, only those before one that is. */
export async function countLost(db, stored, durability = 'os') {
  let lost = 0;
  let lostSince = 0;
  for (const i of stored) {
    if ((await db.get(`k${i}`)) !== valueOf(i)) lostSince++;
    else {
      lost += lostSince;
      lostSince = 0;
    }
  }
  return durability === 'none' ? lost : lost + lostSince;
}

export async function countLostAfterOpening(directory, stored, durability, readOnly = false) {
  const db = await open(directory, { ...options, readOnly });
  const lost = await countLost(db, stored, durability);
  await db.close();
  return lost;
}

export async function damagesIn(directory) {
  const { damages } = await verifyDatabase(directory);
  return damages.map(({ what }) => what);
}

export function filesIn(directory) {
  return readdirSync(directory)
    .map((name) => `${name} ${statSync(join(directory, name)).size}`)
    .sort();
}

/** Takes all room of the disk but `leave` bytes. */
export function fillDisk(disk, leave = 0) {
  const path = join(disk, 'ballast');
  const file = openSync(path, 'a');
  try {
    for (;;) writeSync(file, Buffer.alloc(4096));
  } catch (error) {
    if (error.code !== 'ENOSPC') throw error;
  } finally {
    closeSync(file);
  }
  if (leave > 0) truncateSync(path, statSync(path).size - leave);
}

export function emptyDisk(disk) {
  rmSync(join(disk, 'ballast'), { force: true });
}

/** Root may do anything: whoever tests permissions must not be root. All that is loaded late is loaded before. */
export async function becomeNobody() {
  const db = await open('/loads-codecs', { fs: new MemoryFileSystem() });
  await db.close();
  if (process.getuid() !== 0) return;
  process.setgroups([]);
  process.setgid(65_534);
  process.setuid(65_534);
}
