// A process that may open few files writes many tables and reads them all.
import { spawnSync } from 'node:child_process';
import { readdirSync, readlinkSync } from 'node:fs';
import { open } from '../../dist/index.js';
import * as tools from './tools.js';

const { place, limit, spare } = tools.settings;
const directory = `${place}/db`;
const options = { ...tools.options, tableBytes: 16 * 1024, blockCacheBytes: 0 };
const stored = new Set();
const seen = {};

/** Only the soft limit: it can be raised again. */
function limitFiles(count) {
  const args = ['--pid', String(process.pid), `--nofile=${count}:`];
  if (spawnSync('prlimit', args, { stdio: 'ignore' }).status !== 0)
    throw new Error('prlimit does not work here');
}

/** Those of the database; a thread that could not start may leave others behind. */
function filesOpenHere() {
  const open = readdirSync('/proc/self/fd').map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return 'closed meanwhile';
    }
  });
  return open.filter((path) => path.startsWith(place)).length;
}

// Node itself needs some eighty to load the modules of a package; they are there now.
await (await open(`${place}/first`, options)).close();
limitFiles(limit ?? readdirSync('/proc/self/fd').length + spare);

const db = await open(directory, options);
seen.load = await tools.load(db, { count: 4000, stored });
seen.compact = await tools.outcome(() => db.compactRange());
seen.hasManyTables = db.stats().levels.reduce((sum, { tables }) => sum + tables, 0) > 32;
seen.gets = await tools.outcome(async () => {
  if ((await tools.countLost(db, stored)) > 0) throw new Error('lost');
});
seen.getsAtOnce = await tools.outcome(async () => {
  const values = await Promise.all([...stored].map((i) => db.get(`k${i}`)));
  if (values.includes(undefined)) throw new Error('lost');
});
seen.scan = await tools.outcome(async () => {
  const found = new Set();
  for await (const key of db.keys()) found.add(key);
  for (const i of stored) if (!found.has(`k${i}`)) throw new Error('lost');
});
seen.readOnly = await tools.outcome(async () => {
  const reader = await open(directory, { ...options, readOnly: true });
  await reader.close();
});
seen.writeOn = await tools.load(db, { from: 10_000, count: 500, stored });
seen.close = await tools.outcome(() => db.close());
seen.leftOpen = filesOpenHere();
limitFiles(1024);
seen.lostAfterOpening = await tools.countLostAfterOpening(directory, stored);
tools.tell({ ...seen, damages: await tools.damagesIn(directory) });
