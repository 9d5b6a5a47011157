// Owns a database and writes to it until it is told to end, or ends as `how` says.
// `ledger` has one line for each acknowledged write.
import { openSync, writeSync } from 'node:fs';
import { open } from '../../dist/index.js';
import * as tools from './tools.js';

const { directory, ledger, how } = tools.settings;
const file = openSync(ledger, 'w');
const db = await open(directory, tools.options);
let isEnding = false;

async function end() {
  isEnding = true;
  await db.close();
  process.exit(0);
}

process.stdin.once('data', () => void end());
if (how === 'listener') process.once('SIGTERM', () => void end());

for (let i = 0; !isEnding; i++) {
  const done = db.put(`k${i}`, tools.valueOf(i)).then(
    () => void writeSync(file, `${i}\n`),
    (error) => {
      if (error.code !== 'LSM_CLOSED') throw error;
    },
  );
  if (i === 100) console.log('writing');
  // In the middle of a tick: nothing of it has been handed to the system.
  if (i === 1007 && how === 'exit') process.exit(0);
  if (i === 1007 && how === 'throw') throw new Error('thrown on purpose');
  if (i === 1007 && how === 'reject') void Promise.reject(new Error('rejected on purpose'));
  if (i % 50 === 0) await done;
  if (i % 500 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
}
