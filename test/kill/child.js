// Opens the database, says in the ledger what it found, and writes until it is
// killed or told to close. Whatever it does, it says so in the ledger before;
// what was acknowledged, it says there when it has heard of it.
import { writeSync } from 'node:fs';
import { open } from '../../dist/index.js';
import { Prng } from '../../dist/testing.js';
import { note } from './ledger-writer.js';
import { keyNumber, keyText, valueNumber, valueText } from './values.js';

const { directory, settings, seed, firstValue, batches } = JSON.parse(process.argv[2]);
const random = new Prng(seed);
const texts = { keyEncoding: 'utf8', valueEncoding: 'utf8' };
const keys = 150;
const names = ['a', 'b', 'c'];
let value = firstValue;
let issued = 0;
const pending = [];
let iterators = [];
/** Handles by name; '' is the default keyspace. */
const keyspaces = new Map();

function enter(phase) {
  globalThis.killPhase = phase;
  note(phase);
}

function pick(choices) {
  return choices[random.below(choices.length)];
}

function contentOf(keyspace) {
  const content = {};
  for (const [key, text] of keyspace.entriesSync()) content[keyNumber(key)] = valueNumber(text);
  return content;
}

enter('open');
const db = await open(directory, { ...settings, ...texts });
globalThis.killPhase = 'load';
keyspaces.set('', db);
for (const name of db.keyspaces()) {
  if (name !== db.name) keyspaces.set(name, await db.keyspace(name, texts));
}
const found = [...keyspaces].map(([name, keyspace]) => [name, contentOf(keyspace)]);
note(`load ${JSON.stringify(Object.fromEntries(found))}`);
writeSync(1, 'opened\n');

function anyWrites() {
  const count = random.chance(0.5) ? 1 : 1 + random.below(8);
  return Array.from({ length: count }, () => ({
    name: pick([...keyspaces.keys()]),
    key: random.below(keys),
    value: random.chance(0.15) ? 0 : value++,
  }));
}

function operationsOf(writes) {
  return writes.map(({ name, key, value }) => {
    const where = { key: keyText(key), keyspace: keyspaces.get(name) };
    return value === 0
      ? { type: 'del', ...where }
      : { type: 'put', ...where, value: valueText(value) };
  });
}

async function write() {
  const writes = anyWrites();
  const durability = random.chance(0.03) ? 'disk' : pick(['none', 'os', 'os', 'os']);
  const n = ++issued;
  note(`issue ${n} ${writes.map(({ name, key, value }) => `${name}:${key}=${value}`).join(' ')}`);
  const acknowledged = () => {
    if (durability !== 'none') note(`ack ${n}`);
  };
  if (random.chance(0.3)) {
    writeOneSync(writes, durability);
    acknowledged();
    return;
  }
  const done = writeOne(writes, durability).then(acknowledged);
  if (random.chance(0.3) || pending.length >= 40) {
    await done;
    await settle();
  } else pending.push(done);
}

function writeOne(writes, durability) {
  const [{ name, key, value }] = writes;
  if (writes.length > 1) return db.batch(operationsOf(writes), { durability });
  const keyspace = keyspaces.get(name);
  if (value === 0) return keyspace.delete(keyText(key), { durability });
  return keyspace.put(keyText(key), valueText(value), { durability });
}

function writeOneSync(writes, durability) {
  const [{ name, key, value }] = writes;
  const keyspace = keyspaces.get(name);
  if (writes.length > 1) db.batchSync(operationsOf(writes), { durability });
  else if (value === 0) keyspace.deleteSync(keyText(key), { durability });
  else keyspace.putSync(keyText(key), valueText(value), { durability });
}

async function settle() {
  await Promise.all(pending.splice(0));
}

/** Runs beside the writes, one at a time: what takes long must not keep them waiting. */
let aside;

function beginAside(work) {
  aside ??= work().finally(() => (aside = undefined));
}

/** A drop turns writes away that wait for room: none is under way when it begins. */
async function changeKeyspaces() {
  const name = pick(names);
  await settle();
  beginAside(() => (keyspaces.has(name) ? drop(name) : make(name)));
}

async function drop(name) {
  keyspaces.delete(name);
  globalThis.killPhase = 'keyspace';
  note(`drop ${name}`);
  await db.dropKeyspace(name);
  note(`dropped ${name}`);
  globalThis.killPhase = 'load';
}

async function make(name) {
  globalThis.killPhase = 'keyspace';
  note(`make ${name}`);
  const keyspace = await db.keyspace(name, texts);
  note(`made ${name}`);
  keyspaces.set(name, keyspace);
  globalThis.killPhase = 'load';
}

async function barrier(call, covered = issued) {
  await call();
  note(`ack ${covered}`);
}

/** Unlike the others it does not cover writes that wait for room. */
function compact() {
  const covered = issued - db.stats().stalls.waiting;
  // A drop would turn it away.
  return barrier(() => db.compactRange(), covered);
}

async function step() {
  const choice = random.below(1000);
  if (choice < 900) await write();
  else if (choice < 905) beginAside(() => barrier(() => db.flush()));
  else if (choice < 910) beginAside(compact);
  else if (choice < 915) beginAside(() => barrier(() => db.sync()));
  else if (choice < 930) await changeKeyspaces();
  else if (choice < 940) iterators.push(pick([...keyspaces.values()]).keysSync());
  else if (choice < 950) for (const iterator of iterators.splice(0)) iterator.close();
  else if (choice < 955) await settle();
  else await new Promise((resolve) => setImmediate(resolve));
}

while (issued < batches) await step();
await settle();
await aside;
enter('close');
iterators = [];
await barrier(() => db.close());
note('closed');
