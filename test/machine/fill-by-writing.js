// Writes until there is no room, looks around, makes room, and goes on.
import { mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { open } from '../../dist/index.js';
import * as tools from './tools.js';

const { disk, isSync, durability, closesFull } = tools.settings;
const directory = `${disk}/db`;
const stored = new Set();
const work = { isSync, durability, stored };
const seen = {};

// Takes room and names, to be given back later.
writeFileSync(`${disk}/ballast`, Buffer.alloc(350_000));
const spares = Array.from({ length: 20 }, (_, i) => `${disk}/spare${i}`);
for (const spare of spares) mkdirSync(spare);

let db = await open(directory, tools.options);
seen.error = await tools.load(db, { ...work, count: 20_000 });
seen.isLoaded = stored.size > 200;
seen.lostWhileFull = await tools.countLost(db, stored, durability);
seen.isFailed = db.stats().failure !== undefined;
if (closesFull) {
  seen.close = await tools.outcome(() => db.close());
  seen.openFull = await tools.outcome(async () => (await open(directory, tools.options)).close());
  seen.lostReadOnly = await tools.countLostAfterOpening(directory, stored, durability, true);
}

tools.emptyDisk(disk);
for (const spare of spares) rmdirSync(spare);
if (!closesFull) {
  const more = { ...work, from: 100_000, count: 50 };
  seen.goesOn = seen.isFailed
    ? await tools.load(db, more)
    : await tools.outcomeInTime(async () => {
        const error = await tools.load(db, more);
        if (error !== 'ok') throw Object.assign(new Error(error), { code: error });
        await db.flush();
      });
  seen.lostWithRoom = await tools.countLost(db, stored, durability);
  seen.close = await tools.outcome(() => db.close());
}
seen.lostAfterOpening = await tools.countLostAfterOpening(directory, stored, durability);
db = await open(directory, tools.options);
// A compaction beside it can have all the room that there is, for a while.
seen.lastFlush = await tools.outcomeInTime(async () => {
  await db.put('last', 'x');
  await db.flush();
});
await db.close();
tools.tell({ ...seen, damages: await tools.damagesIn(directory) });
