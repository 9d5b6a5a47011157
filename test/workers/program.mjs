// Writes, flushes and compacts a database whose workers die, and prints what
// became of it. argv: directory, how (`async` or `sync`).
import { readdirSync } from 'node:fs';
import { open } from '../../dist/index.js';

const [directory, how] = process.argv.slice(2);
const events = [];
const refusals = [];
const options = { keyEncoding: 'utf8', valueEncoding: 'utf8', memtableBytes: 64 * 1024 };
const db = await open(directory, {
  ...options,
  l0CompactionTrigger: 2,
  listeners: {
    backgroundError: ({ during, error, fatal }) =>
      events.push({ during, fatal, code: error.code, message: error.message }),
  },
});
const taken = new Map();
for (let i = 0; i < 150; i++) {
  const [key, value] = [`key ${i % 100}`, `${i}`.padEnd(3000)];
  try {
    if (how === 'sync') db.putSync(key, value);
    else await db.put(key, value);
    taken.set(key, value);
  } catch (error) {
    // An overwritten key has its value of before.
    refusals.push({ code: error.code, message: error.message });
    if (db.getSync(key) !== taken.get(key))
      throw new Error('a refused write had an effect', { cause: error });
    break;
  }
}
// Who awaits it hears of a failure; the next try is the one that goes well.
const failures = [];
async function tryTwice(work) {
  try {
    await work();
  } catch (error) {
    failures.push(error.code);
    await work();
  }
}
await tryTwice(() => db.flush());
await tryTwice(() => db.compactRange());
const wrong = [...taken].filter(([key, value]) => db.getSync(key) !== value).length;
const { background } = db.stats();
await db.close();
const again = await open(directory, { ...options, executor: 'inline' });
const lost = [...taken].filter(([key, value]) => again.getSync(key) !== value).length;
const damages = (await again.verify()).damages.length;
const tables = again.stats().levels.reduce((sum, level) => sum + level.tables, 0);
const { orphansRemoved } = again.recovery;
await again.close();
const files = readdirSync(directory).filter((name) => name.endsWith('.sst')).length;
console.log(
  JSON.stringify({
    ...{ events, refusals, failures, taken: taken.size, wrong, lost, damages },
    ...{ orphansRemoved, extraTables: files - tables, background },
  }),
);
