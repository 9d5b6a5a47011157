// Fills the disk to the last byte around a database and asks it for one thing after the other.
import { mkdirSync } from 'node:fs';
import { open } from '../../dist/index.js';
import * as tools from './tools.js';

const { disk } = tools.settings;
const directory = `${disk}/db`;
const stored = new Set();
const seen = {};

const openIt = () => open(directory, tools.options);
let db;
const openAndClose = async () => (await openIt()).close();

/** Files that nobody needs any more are gone afterwards. */
async function reopen() {
  await db.close();
  db = await openIt();
}

// Making a database.
mkdirSync(directory);
tools.fillDisk(disk);
seen.create = await tools.outcome(openAndClose);
tools.emptyDisk(disk);
seen.createWithRoom = await tools.outcome(openAndClose);

// Opening one that was closed.
db = await openIt();
await tools.load(db, { count: 300, stored });
await db.close();
const before = tools.filesIn(directory);
tools.fillDisk(disk);
seen.open = await tools.outcome(openAndClose);
seen.openChanges = JSON.stringify(tools.filesIn(directory)) !== JSON.stringify(before);
seen.lostReadOnly = await tools.countLostAfterOpening(directory, stored, 'os', true);
tools.emptyDisk(disk);
seen.openWithRoom = await tools.outcome(openAndClose);

// A table: the log has room, a table has not.
db = await openIt();
await tools.load(db, { from: 1000, count: 300, stored });
tools.fillDisk(disk, 16_384);
seen.flush = await tools.outcome(() => db.flush());
seen.writeBesides = await tools.load(db, { from: 2000, count: 10, stored });
seen.isFailed = db.stats().failure !== undefined;
tools.emptyDisk(disk);
seen.flushWithRoom = await tools.outcomeInTime(() => db.flush());

// A compaction.
for (let i = 0; i < 3; i++) {
  await tools.load(db, { from: 0, count: 300, stored });
  await db.flush();
}
await reopen();
tools.fillDisk(disk, 8192);
seen.compact = await tools.outcome(() => db.compactRange());
seen.lostWhileFull = await tools.countLost(db, stored);
tools.emptyDisk(disk);
seen.compactWithRoom = await tools.outcomeInTime(() => db.compactRange());
await reopen();

// The manifest: a new keyspace is an entry of it, and some hundred need another page.
tools.fillDisk(disk);
seen.keyspaces = await tools.outcome(async () => {
  for (let i = 0; i < 500; i++) await db.keyspace(`a keyspace with quite a long name ${i}`);
});
seen.writeAfter = await tools.outcome(() => db.put('k0', 'too late'));
seen.lostAfterFailure = await tools.countLost(db, stored);
seen.close = await tools.outcome(() => db.close());
seen.openAfter = await tools.outcome(openAndClose);
tools.emptyDisk(disk);
seen.lostAfterOpening = await tools.countLostAfterOpening(directory, stored);

// Closing: the log holds what is in no table.
db = await openIt();
await tools.load(db, { from: 3000, count: 300, stored });
tools.fillDisk(disk);
seen.closeFull = await tools.outcome(() => db.close());
tools.emptyDisk(disk);
seen.lostAtEnd = await tools.countLostAfterOpening(directory, stored);
tools.tell({ ...seen, damages: await tools.damagesIn(directory) });
