// One measurement: a database is loaded, overwritten until its shape is steady,
// and then overwritten while everything is counted.
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { open } from '../../dist/index.js';
import { Random } from './random.mjs';
import { entryBytes, keyBytes, makeValues, workloads, writeKey } from './workloads.mjs';

const batchEntries = 100;
const getsPerMemtable = 100;

/**
 * `ratio`: raw bytes in the database for each byte of the memtable. The writer
 * waits for background work each 16th of a memtable, so that compactions are as
 * small, and as many, as the triggers ask for: the most that can be written. It
 * also makes the figures the same on any machine.
 */
export async function measure({ options, workload, ratio, passes, warmUp, executor, dir }) {
  const entries = Math.round((ratio * options.memtableBytes) / entryBytes);
  const path = mkdtempSync(join(dir, 'nori-amplification-'));
  const db = await open(path, { ...options, executor, durability: 'none' });
  try {
    const run = new Run(db, entries, workload, options.memtableBytes);
    await run.load();
    await run.overwrite(warmUp * entries);
    return await run.measured(passes * entries);
  } finally {
    await db.close();
    rmSync(path, { recursive: true, force: true });
  }
}

class Run {
  #db;
  #entries;
  #checkEvery;
  #random = new Random(1);
  #next;
  #values = makeValues();
  #keys = Array.from({ length: batchEntries }, () => new Uint8Array(keyBytes));
  #sinceCheck = 0;
  #flushes = 0;
  #onFlush = () => undefined;
  jobs = { readBytes: 0, writtenBytes: 0, ms: 0 };

  constructor(db, entries, workload, memtableBytes) {
    this.#db = db;
    this.#entries = entries;
    this.#checkEvery = Math.max(batchEntries, memtableBytes / 16 / entryBytes);
    this.#next = workloads[workload](entries, this.#random);
    db.on('flush', () => this.#flushes++);
    db.on('compaction', ({ trivialMove, readBytes, writtenBytes, durationMs }) => {
      if (trivialMove) return;
      this.jobs.readBytes += readBytes;
      this.jobs.writtenBytes += writtenBytes;
      this.jobs.ms += durationMs;
    });
  }

  async load() {
    let i = 0;
    await this.#put(this.#entries, () => i++);
  }

  async overwrite(count) {
    await this.#put(count, this.#next);
  }

  async measured(count) {
    const before = this.#db.stats();
    const space = [];
    const level0 = [];
    const reads = new Reads(this.#db, this.#entries, this.#next);
    this.jobs = { readBytes: 0, writtenBytes: 0, ms: 0 };
    this.#onFlush = () => {
      const { levels } = this.#db.stats();
      space.push(tableBytes(levels));
      level0.push(levels[0].tables);
      reads.sample();
    };
    const beginMs = performance.now();
    await this.#put(count, this.#next);
    const elapsedMs = performance.now() - beginMs;
    this.#onFlush = () => undefined;
    const after = this.#db.stats();
    const jobs = this.jobs;
    await this.#db.compactRange();
    const least = tableBytes(this.#db.stats().levels);
    return {
      entries: this.#entries,
      ...written(before, after),
      spaceAmplification: median(space) / least,
      largestSpaceAmplification: Math.max(...space) / least,
      level0: { median: median(level0), most: Math.max(...level0) },
      levels: after.levels.map(({ tables, bytes, rawBytes, targetBytes }) => {
        return { tables, bytes, rawBytes, targetBytes };
      }),
      reads: reads.result,
      compactionMBps: jobs.readBytes / 1e3 / jobs.ms,
      putsPerSecond: (count / elapsedMs) * 1000,
      elapsedMs,
    };
  }

  async #put(count, nextIndex) {
    for (let done = 0; done < count; done += batchEntries) {
      const batch = this.#keys.map((key) => {
        const value = this.#values[this.#random.below(this.#values.length)];
        return { type: 'put', key: writeKey(key, nextIndex()), value };
      });
      await this.#db.batch(batch);
      this.#sinceCheck += batchEntries;
      if (this.#sinceCheck < this.#checkEvery) continue;
      this.#sinceCheck = 0;
      await this.#settle();
    }
  }

  async #settle() {
    const flushes = this.#flushes;
    do await aMoment();
    while (this.#db.stats().background.running.length > 0);
    if (this.#flushes > flushes) this.#onFlush();
  }
}

/** Gets of keys as they are written, and of keys that are not there. */
class Reads {
  #db;
  #entries;
  #next;
  #key = new Uint8Array(keyBytes);
  #random = new Random(3);
  #present = { gets: 0, tables: 0, blocks: 0 };
  #absent = { gets: 0, tables: 0, blocks: 0 };

  constructor(db, entries, next) {
    this.#db = db;
    this.#entries = entries;
    this.#next = next;
  }

  sample() {
    this.#count(this.#present, () => this.#next());
    this.#count(this.#absent, () => this.#entries + this.#random.below(this.#entries));
  }

  get result() {
    const perGet = ({ gets, tables, blocks }) => ({ tables: tables / gets, blocks: blocks / gets });
    return { present: perGet(this.#present), absent: perGet(this.#absent) };
  }

  #count(sums, indexOf) {
    const before = countersOf(this.#db);
    for (let i = 0; i < getsPerMemtable; i++) this.#db.getSync(writeKey(this.#key, indexOf()));
    const after = countersOf(this.#db);
    sums.gets += getsPerMemtable;
    sums.tables += after.tables - before.tables;
    sums.blocks += after.blocks - before.blocks;
  }
}

function countersOf(db) {
  const { filter, blockReads } = db.stats();
  return { tables: filter.checks, blocks: blockReads.cached + blockReads.fromDisk };
}

function written(before, after) {
  const put = after.written.userBytes - before.written.userBytes;
  const byLevel = after.levels.map(
    ({ writtenBytes }, level) => (writtenBytes - (before.levels[level]?.writtenBytes ?? 0)) / put,
  );
  return {
    writeAmplification: byLevel.reduce((sum, each) => sum + each, 0),
    writtenByLevel: byLevel,
  };
}

const tableBytes = (levels) => levels.reduce((sum, { bytes }) => sum + bytes, 0);

function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[sorted.length >> 1];
}

const aMoment = () => new Promise((resolve) => setTimeout(resolve, 1));
