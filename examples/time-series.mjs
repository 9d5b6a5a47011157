// Measurements by sensor and time: the key says it all, scans do the rest.
//
// A key is the sensor, a slash and the time as ISO text, so that one sensor's
// values lie next to each other in the order of time. Hourly means go into a
// keyspace of their own, which stays when old values are deleted.
//
//     node examples/time-series.mjs [directory]
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { open } from 'nori-lsm';

/** Eight bytes for each value, instead of a number as text. */
const float64 = {
  name: 'float64',
  encode: (number) => new Uint8Array(Float64Array.of(number).buffer),
  decode: (bytes) => new DataView(bytes.buffer, bytes.byteOffset).getFloat64(0, true),
};

const minuteMs = 60_000;
const days = 7;
const beginMs = Date.UTC(2026, 0, 1);
const sensors = ['cellar/temperature', 'roof/temperature', 'roof/wind'];

function keyOf(sensor, timeMs) {
  return `${sensor}/${new Date(timeMs).toISOString()}`;
}

/** What a sensor might say: a wave by the time of day, and some noise. */
function measure(sensor, timeMs) {
  const hour = (timeMs / (60 * minuteMs)) % 24;
  const swing = sensor.startsWith('roof') ? 8 : 1;
  return 10 + swing * Math.sin(((hour - 9) / 24) * 2 * Math.PI) + Math.random();
}

async function record(db) {
  let count = 0;
  for (let timeMs = beginMs; timeMs < beginMs + days * 24 * 60 * minuteMs; timeMs += minuteMs) {
    const batch = db.batch();
    for (const sensor of sensors) batch.put(keyOf(sensor, timeMs), measure(sensor, timeMs));
    await batch.commit();
    count += sensors.length;
  }
  return count;
}

/** Mean of each hour, for all sensors: one scan, written in batches of 24 hours. */
async function summarize(db, hourly) {
  let batch = db.batch();
  let [hour, sum, count] = ['', 0, 0];
  const finishHour = () => {
    if (count > 0) batch.put(hour, sum / count, { keyspace: hourly });
  };
  for await (const [key, value] of db.entries()) {
    const keyHour = key.slice(0, -':00:00.000Z'.length);
    if (keyHour !== hour) {
      finishHour();
      [hour, sum, count] = [keyHour, 0, 0];
      if (batch.length >= 24) {
        await batch.commit();
        batch = db.batch();
      }
    }
    sum += value;
    count++;
  }
  finishHour();
  await batch.commit();
}

/** Deletes what is older than `timeMs`, a thousand keys at a time. */
async function forgetBefore(db, timeMs) {
  let deleted = 0;
  for (const sensor of sensors) {
    const old = db.keys({ gte: `${sensor}/`, lt: keyOf(sensor, timeMs) });
    for (let keys; (keys = await old.nextMany(1000)).length > 0; deleted += keys.length) {
      await db.batch(keys.map((key) => ({ type: 'delete', key })));
    }
  }
  return deleted;
}

const directory = process.argv[2] ?? mkdtempSync(join(tmpdir(), 'nori-series-'));
const db = await open(directory, { keyEncoding: 'utf8', valueEncoding: float64 });
try {
  console.log(`recorded ${await record(db)} values of ${sensors.length} sensors`);

  const noon = { gte: 'roof/wind/2026-01-03T12', lt: 'roof/wind/2026-01-03T13' };
  const values = [];
  for await (const value of db.values(noon)) values.push(value);
  console.log(`roof/wind had ${values.length} values from noon on, the third day`);

  const [[newest]] = await db
    .entries({ prefix: 'roof/wind/', reverse: true, limit: 1 })
    .nextMany(1);
  console.log(`the newest of them: ${newest}`);

  const hourly = await db.keyspace('hourly');
  await summarize(db, hourly);
  const means = await hourly.values({ prefix: 'roof/temperature/2026-01-02' }).nextMany(24);
  console.log(
    `roof/temperature, day 2, by hour: ${means.map((mean) => mean.toFixed(0)).join(' ')}`,
  );

  const deleted = await forgetBefore(db, beginMs + 6 * 24 * 60 * minuteMs);
  await db.compactRange(); // the space comes back by itself too, a little later
  console.log(`deleted ${deleted} values that are older than a day; the hours stay`);
  const { levels, keyspaces } = db.stats();
  const bytes = levels.reduce((sum, level) => sum + level.bytes, 0);
  console.log(`${bytes} bytes of tables in ${keyspaces.length} keyspaces`);
} finally {
  await db.close();
  if (process.argv[2] === undefined) rmSync(directory, { recursive: true });
}
