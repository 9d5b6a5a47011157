// Imports a LevelDB that the real classic-level has written, is killed on the way,
// goes on, and is compared with what was written, through nori-lsm/level.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { ClassicLevel } from 'classic-level';
import { open } from 'nori-lsm';
import { NoriLevel } from 'nori-lsm/level';
import { temporaryDirectory } from '../temporary.mjs';

const directory = temporaryDirectory();
const source = join(directory, 'leveldb');
const target = join(directory, 'nori');
const here = dirname(fileURLToPath(import.meta.url));
const main = join(
  dirname(createRequire(import.meta.url).resolve('nori-lsm/package.json')),
  'dist/cli/main.js',
);
const entries = 100_000;
const perSublevel = 10_000;

/** Bytes of every kind in keys, and values of all lengths, some of them empty. */
function entryOf(i) {
  const key = Buffer.alloc(4 + (i % 29));
  key.writeUInt32BE(Math.imul(i, 0x9e3779b1) >>> 0);
  for (let at = 4; at < key.length; at++) key[at] = (i * at) & 0xff;
  return [key, Buffer.alloc(i % 7 === 0 ? 0 : i % 301, `${i} `)];
}

async function writeSource() {
  const db = new ClassicLevel(source, { keyEncoding: 'buffer', valueEncoding: 'buffer' });
  await db.open();
  for (let i = 0; i < entries;) {
    const batch = db.batch();
    for (const end = Math.min(i + 1000, entries); i < end; i++) batch.put(...entryOf(i));
    await batch.write();
  }
  for (const name of ['users', 'tags']) {
    const sublevel = db.sublevel(name, { valueEncoding: 'json' });
    const operations = Array.from({ length: perSublevel }, (_, i) => ({
      type: 'put',
      key: `${name}:${i}`,
      value: { i },
    }));
    await sublevel.batch(operations);
  }
  await db.put(Buffer.alloc(0), Buffer.from('of the empty key'));
  // Larger than a chunk of the import.
  await db.put(Buffer.from('large'), Buffer.alloc(5_000_000, 'xyz'));
  await db.del(entryOf(0)[0]);
  await db.close();
}

function importSource(args = []) {
  const all = [main, 'import-leveldb', source, '--to', target, ...args];
  const ran = spawnSync(process.execPath, all, { cwd: here, encoding: 'utf8' });
  return { ...ran, text: ran.stdout + ran.stderr };
}

/** How many entries a reader beside it sees. */
async function countStored() {
  let db;
  try {
    db = await open(target, { readOnly: true });
  } catch {
    return 0;
  }
  let stored = 0;
  for (const _ of db.keysSync()) stored++;
  await db.close();
  return stored;
}

/** Ends the import with kill -9 when it has stored something; returns how much. */
async function killImport() {
  const all = [main, 'import-leveldb', source, '--to', target, '--set', 'memtableBytes=1MiB'];
  const child = spawn(process.execPath, all, { cwd: here, stdio: 'ignore' });
  const ended = new Promise((resolve) => {
    child.once('exit', (code, signal) => resolve(signal ?? code));
  });
  let isOver = false;
  void ended.then(() => (isOver = true));
  const before = await countStored();
  while (!isOver && (await countStored()) <= before) await sleep(5);
  child.kill('SIGKILL');
  await ended;
  return countStored();
}

await writeSource();
const total = entries - 1 + 2 * perSublevel + 2;

let kills = 0;
let stored = 0;
for (let round = 0; round < 3; round++) {
  stored = await killImport();
  if (stored > 0 && stored < total) kills++;
}
assert(kills > 0, 'no kill has hit the import on its way');

// Somebody else has it open: nothing is lost by trying.
const holder = new ClassicLevel(source);
await holder.open();
const locked = importSource();
assert.equal(locked.status, 75, locked.text);
assert.match(locked.text, /end the program that has it open/);
await holder.close();

const imported = importSource();
assert.equal(imported.status, 0, imported.text);
assert.match(imported.text, /going on behind [\d,]+ entries of the last run/);
assert.match(
  imported.text,
  new RegExp(`both sides have the same ${total.toLocaleString('en-US')}, SHA-256 [0-9a-f]{64}`),
);
assert.equal(importSource().status, 73, 'it is not imported into twice');

const copy = new NoriLevel(target, { keyEncoding: 'buffer', valueEncoding: 'buffer' });
const real = new ClassicLevel(source, { keyEncoding: 'buffer', valueEncoding: 'buffer' });
await Promise.all([copy.open(), real.open()]);
for (let i = 1; i < entries; i++) {
  const [key, value] = entryOf(i);
  const found = copy.getSync(key);
  assert(found !== undefined && value.equals(found), `entry ${i} differs`);
}
assert.equal(await copy.get(entryOf(0)[0]), undefined);
assert.equal(String(await copy.get(Buffer.alloc(0))), 'of the empty key');
const theirs = copy.iterator();
let compared = 0;
for await (const [key, value] of real.iterator()) {
  const [copiedKey, copiedValue] = await theirs.next();
  assert(key.equals(copiedKey) && value.equals(copiedValue), `entry ${compared} differs`);
  compared++;
}
assert.equal(await theirs.next(), undefined);
await theirs.close();
assert.equal(compared, total);
for (const name of ['users', 'tags']) {
  const sublevel = copy.sublevel(name, { valueEncoding: 'json' });
  assert.deepEqual(await sublevel.get(`${name}:77`), { i: 77 });
  assert.equal((await sublevel.keys().all()).length, perSublevel);
}
await copy.close();
await real.close();

console.log(
  `${total.toLocaleString('en-US')} entries of classic-level 3.0.0 imported over ${kills} kills, equal byte for byte, sublevels included`,
);
