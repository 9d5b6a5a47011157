// What the interface of abstract-level costs: the same operations through our own
// API, through nori-lsm/level, and on classic-level. Prints nanoseconds per
// operation and the two ratios.
//
//   node bench/level-overhead.mjs [--entries 100000] [--rounds 15] [--only TEXT]
//
// Rounds alternate between the three, so that a machine that slows down does so for
// all; each figure is the median of its rounds. Strings in, strings out, as is the
// default of abstract-level; 16-byte keys, 100-byte values.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

const dist = new URL(process.env.NORI_DIST ?? '../dist/', import.meta.url);
const { open } = await import(new URL('index.js', dist).href);
const { NoriLevel } = await import(new URL('level.js', dist).href);
const { ClassicLevel } = await import('classic-level');

const { values: args } = parseArgs({
  options: {
    entries: { type: 'string', default: '100000' },
    rounds: { type: 'string', default: '15' },
    only: { type: 'string', default: '' },
  },
});
const entries = Number(args.entries);
const rounds = Number(args.rounds);

const keys = Array.from({ length: entries }, (_, i) => `key:${String(i).padStart(12, '0')}`);
const value = 'v'.repeat(100);
/** Every key once, in an order that looks random: the step has no divisor in common with the count. */
const order = Array.from({ length: entries }, (_, i) => (i * 7919) % entries);

const perBatch = 100;
const perRead = 1000;

/** How each operation is written in either interface, about `count` of them. Reads come first: of a store at rest. */
const operations = {
  getSync: {
    ours: (db, count) => {
      for (let i = 0; i < count; i++) db.getSync(keys[order[i]]);
    },
  },
  get: {
    ours: async (db, count) => {
      for (let i = 0; i < count; i++) await db.get(keys[order[i]]);
    },
  },
  [`nextv(${perRead})`]: {
    ours: async (db) => {
      const iterator = db.entries();
      while ((await iterator.nextMany(perRead)).length > 0);
    },
    level: async (db) => {
      const iterator = db.iterator();
      while ((await iterator.nextv(perRead)).length > 0);
      await iterator.close();
    },
  },
  [`keys().nextv(${perRead})`]: {
    ours: async (db) => {
      const iterator = db.keys();
      while ((await iterator.nextMany(perRead)).length > 0);
    },
    level: async (db) => {
      const iterator = db.keys();
      while ((await iterator.nextv(perRead)).length > 0);
      await iterator.close();
    },
  },
  'nextv(100) of ranges': {
    ours: async (db, count) => {
      for (let i = 0; i < count; i += 100) {
        const iterator = db.entries({ gte: keys[i] });
        await iterator.nextMany(100);
        await iterator.close();
      }
    },
    level: async (db, count) => {
      for (let i = 0; i < count; i += 100) {
        const iterator = db.iterator({ gte: keys[i] });
        await iterator.nextv(100);
        await iterator.close();
      }
    },
  },
  'for await': {
    ours: async (db) => {
      for await (const entry of db.entries()) void entry;
    },
    level: async (db) => {
      for await (const entry of db.iterator()) void entry;
    },
  },
  put: {
    ours: async (db, count) => {
      for (let i = 0; i < count; i++) await db.put(keys[order[i]], value);
    },
    count: 10_000,
  },
  [`batch of ${perBatch}`]: {
    ours: async (db, count) => {
      for (let i = 0; i < count; i += perBatch) {
        const batch = [];
        for (let j = i; j < i + perBatch; j++) batch.push({ type: 'put', key: keys[j], value });
        await db.batch(batch);
      }
    },
    count: 50_000,
  },
  [`chained batch of ${perBatch}`]: {
    ours: async (db, count) => {
      for (let i = 0; i < count; i += perBatch) {
        const batch = db.batch();
        for (let j = i; j < i + perBatch; j++) batch.put(keys[j], value);
        await batch.commit();
      }
    },
    level: async (db, count) => {
      for (let i = 0; i < count; i += perBatch) {
        const batch = db.batch();
        for (let j = i; j < i + perBatch; j++) batch.put(keys[j], value);
        await batch.write();
      }
    },
    count: 50_000,
  },
};

function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[sorted.length >> 1];
}

async function fill(db) {
  for (let i = 0; i < entries; i += 1000) {
    await db.batch(keys.slice(i, i + 1000).map((key) => ({ type: 'put', key, value })));
  }
}

const directory = mkdtempSync(join(tmpdir(), 'nori-level-overhead-'));
try {
  const strings = { keyEncoding: 'utf8', valueEncoding: 'utf8' };
  // As large a cache as ours, so that it is the interfaces that are compared.
  const large = { cacheSize: 64 * 1024 * 1024 };
  const contestants = [
    { name: 'ours', db: await open(join(directory, 'ours'), strings) },
    { name: 'level', db: new NoriLevel(join(directory, 'level')) },
    { name: 'level', db: new ClassicLevel(join(directory, 'classic'), large) },
  ];
  for (const { db } of contestants) {
    await fill(db);
    if (db.flush !== undefined) await db.flush();
    else await db.compactRange(keys[0], keys[entries - 1]);
  }
  await contestants[0].db.compactRange();

  console.log(
    `node ${process.version}, ${entries} entries, median of ${rounds} rounds, ns per operation`,
  );
  console.log(
    'operation'.padEnd(24) +
      ['own API', 'NoriLevel', 'classic', 'NoriLevel/own', 'classic/NoriLevel']
        .map((head) => head.padStart(19))
        .join(''),
  );
  for (const [name, operation] of Object.entries(operations)) {
    if (!name.includes(args.only)) continue;
    const count = Math.min(entries, operation.count ?? entries);
    const times = contestants.map(() => []);
    for (let round = -2; round < rounds; round++) {
      for (const [i, contestant] of contestants.entries()) {
        const run = operation[contestant.name] ?? operation.ours;
        const began = performance.now();
        await run(contestant.db, count);
        // The first rounds compile.
        if (round >= 0) times[i].push(((performance.now() - began) * 1e6) / count);
      }
    }
    const [own, level, classic] = times.map(median);
    const figures = [own.toFixed(0), level.toFixed(0), classic.toFixed(0)];
    figures.push((level / own).toFixed(2), (classic / level).toFixed(2));
    console.log(name.padEnd(24) + figures.map((figure) => figure.padStart(19)).join(''));
  }
  for (const { db } of contestants) await db.close();
} finally {
  rmSync(directory, { recursive: true, force: true });
}
