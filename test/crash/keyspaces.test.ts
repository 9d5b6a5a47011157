import { test } from 'vitest';
import { Prng } from '../../src/base/prng.js';
import { MemoryFileSystem, RecordingFileSystem } from '../../src/fs.js';
import type { Database, Durability } from '../../src/index.js';
import { verifyDatabase } from '../../src/verify/verify-database.js';
import { reportCounts } from '../support/counts.js';
import { seedsOf, withSeed } from '../support/seeds.js';
import { chosenSteps, shrunkFailure } from '../support/shrink.js';
import {
  checkPresence,
  handlesOf,
  KeyspaceWorker,
  openWorkload,
  operationsOf,
  readKeyspaces,
  type Presence,
} from './keyspace-worker.js';
import {
  anyKeyspaceWrites,
  keyspaceCount,
  makeKeyspaceWorkload,
  type KeyspaceWorkload,
} from './keyspace-workload.js';
import { Ledger } from './ledger.js';
import { checkPrefix } from './prefix.js';
import { directory } from './worker.js';
import { chooseSteps, describeStep, ValueNumbers } from './workload.js';

/*
 * Twenty keyspaces, batches across them, and crashes at random calls of the file
 * system: what is found in all of them together is the state after one prefix of
 * all batches. Whatever is durable of one keyspace, in a table, is never ahead of
 * what is durable of another one, in a log.
 *
 * One workload alone: NORI_SEED=3; more of them: NORI_RUNS=1000. A failure shrinks
 * to the fewest steps: NORI_STEPS=2,5-7 repeats them.
 */
const testFile = 'test/crash/keyspaces.test.ts';
const stepsPerWorkload = 60;
const keeps = [0, 0, 0.25, 0.5, 1];

const counts = { workloads: 0, calls: 0, crashes: 0, inChanges: 0, recoveryCrashes: 0 };

/** The disk, the ledger and who is there, right before a call. */
interface Moment {
  readonly call: number;
  readonly disk: MemoryFileSystem;
  readonly ledger: Ledger;
  readonly presence: Presence;
}

/** Does a workload once, with copies at random calls, more of them while keyspaces are made and dropped. */
async function momentsOf(workload: KeyspaceWorkload): Promise<Moment[]> {
  const random = new Prng(workload.seed ^ 0xc4a5);
  const moments: Moment[] = [];
  const disk = new MemoryFileSystem({ sync: workload.hasSync });
  const ledger = new Ledger(new Int32Array(keyspaceCount * workload.universe.size));
  const note = (call: number): void => {
    moments.push({
      call,
      disk: disk.clone(),
      ledger: ledger.copy(),
      presence: [...worker.presence],
    });
  };
  const recording = new RecordingFileSystem(disk, {
    beforeCall: (_, __, call) => {
      counts.calls++;
      if (!random.chance(worker.isChanging ? 0.15 : 0.07)) return;
      if (worker.isChanging) counts.inChanges++;
      note(call);
    },
  });
  const worker = new KeyspaceWorker(recording, workload, ledger);
  await worker.run();
  note(recording.calls);
  return moments;
}

const durabilities: readonly Durability[] = ['none', 'os', 'disk'];

/** More writes after a recovery, with what they promise. */
async function writeMore(
  db: Database,
  workload: KeyspaceWorkload,
  ledger: Ledger,
  random: Prng,
): Promise<void> {
  const values = new ValueNumbers(1_000_000 + random.below(1_000_000));
  // What a database shows after it was opened is on disk.
  ledger.acknowledge(ledger.issued, 'disk');
  const keyspaces = await handlesOf(db);
  const alive = new Set([...keyspaces.keys()].filter((number) => keyspaces[number] !== undefined));
  const count = random.below(5);
  for (let i = 0; i < count; i++) {
    const writes = anyKeyspaceWrites(random, workload.universe, alive, values);
    const durability = durabilities[random.below(durabilities.length)];
    const batch = ledger.issue(writes);
    await db.batch(operationsOf(workload, keyspaces, writes), { durability });
    ledger.acknowledge(batch, durability);
  }
}

/** Opens what survived, goes on, and ends once more: by closing, or by another loss of process or power. */
async function checkSurvivor(
  survivor: MemoryFileSystem,
  workload: KeyspaceWorkload,
  { call, ledger: before, presence }: Moment,
  keep: number,
): Promise<void> {
  const random = new Prng(workload.seed * 7919 + call);
  const db = await openWorkload(survivor, workload, call);
  const ledger = checkPrefix(await readKeyspaces(db, workload, before.states), before, keep);
  checkPresence(db, presence);
  await writeMore(db, workload, ledger, random);
  let disk = survivor;
  const end = random.below(3);
  if (end === 0) {
    await db.close();
    ledger.acknowledge(ledger.issued, 'disk');
  } else {
    disk = survivor.crash({ keep: end - 1, random });
    await db.close().catch(() => undefined);
  }
  const again = await openWorkload(disk, workload, call + 1);
  const nextKeep = end === 0 ? 1 : end - 1;
  checkPrefix(await readKeyspaces(again, workload, ledger.states), ledger, nextKeep);
  checkPresence(again, presence);
  await again.close();
  if (disk.openFiles > 0) throw new Error(`${disk.openFiles} files were left open`);
  const report = await verifyDatabase(directory, { fs: disk });
  if (report.damages.length > 0) throw new Error(`damage: ${report.damages[0].what}`);
}

/** The recovery of what survived dies as well, at a random one of its calls. */
async function crashRecovery(
  base: MemoryFileSystem,
  workload: KeyspaceWorkload,
  moment: Moment,
  keep: number,
): Promise<void> {
  const random = new Prng(workload.seed * 31 + moment.call);
  const dying = new RecordingFileSystem(base);
  dying.dieAt(random.below(80));
  try {
    const db = await openWorkload(dying, workload, moment.call);
    await db.close();
  } catch (error) {
    if (!dying.isDead) throw error;
  }
  counts.recoveryCrashes++;
  const nextKeep = keeps[random.below(keeps.length)];
  const survivor = base.crash({ keep: nextKeep, random });
  await checkSurvivor(survivor, workload, moment, Math.min(keep, nextKeep));
}

async function crashIn(workload: KeyspaceWorkload, moment: Moment): Promise<void> {
  const random = new Prng(workload.seed * 1_000_003 + moment.call);
  const keep = keeps[random.below(keeps.length)];
  const survivor = moment.disk.crash({ keep, random });
  counts.crashes++;
  const base = random.chance(0.3) ? survivor.clone() : undefined;
  try {
    await checkSurvivor(survivor, workload, moment, keep);
    if (base !== undefined) await crashRecovery(base, workload, moment, keep);
  } catch (error) {
    const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
    throw new Error(`call ${moment.call}, keep ${keep}: ${reason}`, { cause: error });
  }
}

async function crashAtRandom(workload: KeyspaceWorkload): Promise<void> {
  for (const moment of await momentsOf(workload)) await crashIn(workload, moment);
}

/** A failure is that of the fewest steps. */
async function crashShrinking(whole: KeyspaceWorkload): Promise<void> {
  const all = chosenSteps() ?? [...whole.steps.keys()];
  try {
    await crashAtRandom(chooseSteps(whole, all));
  } catch (error) {
    const { seed } = whole;
    throw await shrunkFailure(error, all, { seed, testFile }, async (steps, say) => {
      for (const step of steps) say(`${step}: ${describeStep(whole.steps[step])}`);
      await crashAtRandom(chooseSteps(whole, steps));
    });
  }
}

test(
  'a crash at random calls leaves one prefix of all batches in twenty keyspaces',
  { timeout: 3_600_000 },
  async () => {
    for (const seed of seedsOf(6)) {
      await withSeed(seed, testFile, async () => {
        counts.workloads++;
        await crashShrinking(makeKeyspaceWorkload(seed, stepsPerWorkload));
      });
    }
    reportCounts('T3', 'twenty keyspaces', counts, {
      crashes: 250,
      inChanges: 30,
      recoveryCrashes: 60,
    });
  },
);
