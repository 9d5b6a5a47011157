// As somebody who is not root: a directory that may not be written to, from the
// beginning, or from now on.
import { chmodSync, mkdirSync, readdirSync } from 'node:fs';
import { open } from '../../dist/index.js';
import * as tools from './tools.js';

const home = `${tools.settings.place}/home`;
const directory = `${home}/db`;
const options = { ...tools.options, executor: 'inline' };
const stored = new Set();
const seen = {};

await tools.becomeNobody();
seen.isRoot = process.getuid() === 0;
mkdirSync(home);
let db = await open(directory, options);
await tools.load(db, { count: 500, stored });
await db.close();
const before = tools.filesIn(directory);

chmodSync(directory, 0o555);
seen.open = await tools.outcome(() => open(directory, options));
seen.lostReadOnly = await tools.countLostAfterOpening(directory, stored, 'os', true);
seen.isUnchanged = JSON.stringify(tools.filesIn(directory)) === JSON.stringify(before);

chmodSync(directory, 0o000);
seen.openHidden = await tools.outcome(() => open(directory, options));
seen.openHiddenReadOnly = await tools.outcome(() =>
  open(directory, { ...options, readOnly: true }),
);
chmodSync(directory, 0o755);

chmodSync(home, 0o555);
seen.create = await tools.outcome(() => open(`${home}/other`, options));
seen.isNothingMade = readdirSync(home).join() === 'db';
chmodSync(home, 0o755);

for (const name of readdirSync(directory)) chmodSync(`${directory}/${name}`, 0o444);
seen.openFiles = await tools.outcome(() => open(directory, options));
for (const name of readdirSync(directory)) chmodSync(`${directory}/${name}`, 0o644);

for (const isSync of [false, true]) {
  const found = {};
  const from = isSync ? 10_000 : 5000;
  db = await open(directory, options);
  await tools.load(db, { from, count: 100, isSync, stored });
  chmodSync(directory, 0o555);
  found.write = await tools.load(db, { from: from + 100, count: 10, isSync, stored });
  found.flush = await tools.outcome(() => db.flush());
  found.writeOn = await tools.load(db, { from: from + 200, count: 4000, isSync, stored });
  found.lost = await tools.countLost(db, stored);
  found.isFailed = db.stats().failure !== undefined;
  chmodSync(directory, 0o755);
  found.goesOn = await tools.outcomeInTime(() => db.flush());
  found.writeAgain = await tools.load(db, { from: from + 4300, count: 10, isSync, stored });
  found.close = await tools.outcome(() => db.close());
  found.lostAfterOpening = await tools.countLostAfterOpening(directory, stored);
  seen[isSync ? 'sync' : 'async'] = found;
}

// The lock cannot be given back.
db = await open(directory, options);
chmodSync(directory, 0o555);
seen.close = await tools.outcome(() => db.close());
chmodSync(directory, 0o755);
seen.lostAtEnd = await tools.countLostAfterOpening(directory, stored);
tools.tell({ ...seen, damages: await tools.damagesIn(directory) });
