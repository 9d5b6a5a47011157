import { expect, test } from 'vitest';
import { Prng } from '../../src/base/prng.js';
import { MemoryFileSystem, RecordingFileSystem } from '../../src/fs.js';
import { open, type Durability } from '../../src/index.js';
import { reportCounts } from '../support/counts.js';
import { seedsOf, withSeed } from '../support/seeds.js';
import { accounts, Bank, keyOf, mustBe, placeOf, total, balanceOf, valueAt } from './bank.js';
import type { BankDatabase, Moment } from './bank.js';
import { bankSettings, keyspacesOf } from './session.js';

/*
 * T9: a batch is all or nothing, in however many keyspaces, also when the power
 * fails in the middle of it, of a flush or of a compaction: what is found is the
 * state after one transfer, none of those before is missing that was promised,
 * and the total is what it always was.
 */
const testFile = 'test/isolation/crash.test.ts';
const transfers = 250;
const crashesPerSeed = 25;
const durabilities: readonly Durability[] = ['none', 'none', 'os', 'os', 'disk'];
const directory = '/bank';

/** The disk right before a call, and which transfers were called and promised then. */
interface Crash {
  readonly call: number;
  readonly disk: MemoryFileSystem;
  readonly called: number;
  readonly storedOs: number;
  readonly storedDisk: number;
}

const counts = { transfers: 0, crashes: 0, withLaterWrites: 0, withLostWrites: 0 };

/** One text for all accounts, to compare states by. */
function textOf(moment: Moment): string {
  return Array.from({ length: accounts }, (_, account) => valueAt(moment, account) ?? '').join(
    '\n',
  );
}

/** Does transfers, with copies of the disk at some calls; returns also the state after each of them. */
async function run(seed: number): Promise<{ crashes: Crash[]; states: string[] }> {
  const random = new Prng(seed);
  const disk = new MemoryFileSystem({ sync: seed % 4 !== 0 });
  const bank = new Bank();
  const states: string[] = [];
  const crashes: Crash[] = [];
  let storedOs = -1;
  let storedDisk = -1;
  const fs = new RecordingFileSystem(disk, {
    beforeCall: (_operation, _path, call) => {
      if (states.length === 0 || crashes.length >= crashesPerSeed) return;
      if (!random.chance(0.02)) return;
      crashes.push({ call, disk: disk.clone(), called: states.length - 1, storedOs, storedDisk });
    },
  });
  const db: BankDatabase = await open(directory, { ...bankSettings, fs });
  const keyspaces = await keyspacesOf(db);
  for (const operations of bank.open(keyspaces)) await db.batch(operations);
  await db.sync();
  states.push(textOf(bank.now()));
  storedOs = storedDisk = 0;
  const pending: Promise<unknown>[] = [];
  for (let i = 1; i <= transfers; i++) {
    const operations = bank.transfer(random, keyspaces);
    const durability = durabilities[random.below(durabilities.length)];
    states.push(textOf(bank.now()));
    const stored = db.batch(operations, { durability }).then(() => {
      if (durability !== 'none') storedOs = Math.max(storedOs, i);
      if (durability === 'disk') storedDisk = Math.max(storedDisk, i);
    });
    pending.push(stored);
    if (random.chance(0.3)) await stored;
    if (random.chance(0.05)) pending.push(db.flush());
    if (random.chance(0.02)) pending.push(keyspaces[random.below(3)].compactRange());
  }
  await Promise.all(pending);
  await db.close();
  counts.transfers += transfers;
  return { crashes, states };
}

/** Opens what is left after a crash, and finds which of the states it is. */
async function check(crash: Crash, states: readonly string[], random: Prng): Promise<void> {
  const keep = [0, 0.25, 0.5, 1][random.below(4)];
  const left = crash.disk.crash({ keep, random });
  const db: BankDatabase = await open(directory, { ...bankSettings, fs: left });
  const keyspaces = await keyspacesOf(db);
  const values: (string | undefined)[] = [];
  for (let account = 0; account < accounts; account++) {
    values.push(await keyspaces[placeOf(account)].get(keyOf(account)));
  }
  await db.close();
  const where = `call ${crash.call}, ${keep * 100} % kept`;
  const sum = values.reduce((before, value) => before + balanceOf(value), 0);
  mustBe(sum, total, `${where}: total`);
  const least = keep === 1 ? crash.storedOs : crash.storedDisk;
  const text = values.map((value) => value ?? '').join('\n');
  const found = states.lastIndexOf(text, crash.called);
  if (found < least) {
    const what = found < 0 ? 'no state after a transfer' : `the state after transfer ${found}`;
    throw new Error(`${where}: ${what}, and transfer ${least} had been promised`);
  }
  counts.crashes++;
  if (found > least) counts.withLaterWrites++;
  if (found < crash.called) counts.withLostWrites++;
}

test('a crash leaves the state after one transfer', { timeout: 3_600_000 }, async () => {
  for (const seed of seedsOf(6)) {
    await withSeed(seed, testFile, async () => {
      const { crashes, states } = await run(seed);
      expect(crashes.length).toBeGreaterThan(0);
      const random = new Prng(seed ^ 0xc4a5);
      for (const crash of crashes) await check(crash, states, random);
    });
  }
  reportCounts('T9', 'crashes of a bank', counts, {
    transfers: 1500,
    crashes: 110,
    withLaterWrites: 15,
    withLostWrites: 15,
  });
});
