import { describe, test } from 'vitest';
import { Prng } from '../../src/base/prng.js';
import { MemoryFileSystem, RecordingFileSystem } from '../../src/fs.js';
import type { Database, Durability } from '../../src/index.js';
import { verifyDatabase } from '../../src/verify/verify-database.js';
import { reportCounts } from '../support/counts.js';
import { seedsOf, withSeed } from '../support/seeds.js';
import { chosenSteps, shrunkFailure } from '../support/shrink.js';
import { Ledger, type State } from './ledger.js';
import { checkPrefix } from './prefix.js';
import { directory, openDatabase, readState, Worker, writeBatch } from './worker.js';
import {
  anyWrites,
  chooseSteps,
  describeStep,
  makeWorkload,
  ValueNumbers,
  type Workload,
} from './workload.js';

/*
 * A process dies before the n-th call of the file system, for every n of every
 * workload, and a share of what was not synced survives. Whoever opens next must
 * find the state after some prefix of the batches that has everything whose
 * acknowledgement covers that crash, and be able to go on from there.
 *
 * One workload alone: NORI_SEED=3; one call of it: NORI_CALL=120 too. A failure
 * shrinks to the fewest steps with which a crash fails in the same way:
 * NORI_STEPS=2,5-7 repeats them.
 */
const testFile = 'test/crash/crashes.test.ts';
const stepsPerWorkload = 22;
/** Changes of the disk between two at which the recovery is crashed as well. */
const recoveryEvery = 199;
/** Calls between two at which the engine meets a disk that is gone. */
const deathEvery = 16;
const keeps = [0, 0.25, 0.5, 1];
/** A run that does not fail takes seconds. */
const shrinkLimits = { runs: 200, ms: 180_000 };
const onlyCall = process.env['NORI_CALL'];

const counts = { workloads: 0, calls: 0, crashes: 0, deaths: 0, secondCrashes: 0, opens: 0 };

interface Crash {
  readonly workload: Workload;
  readonly call: number;
  readonly keep: number;
}

function newDisk({ hasSync }: Workload): MemoryFileSystem {
  return new MemoryFileSystem({ sync: hasSync });
}

function newLedger({ universe }: Workload): Ledger {
  return new Ledger(new Int32Array(universe.size));
}

function describeCrash({ call, keep }: Crash): string {
  return `call ${call}, keep ${keep} (that call alone: NORI_CALL=${call} with NORI_SEED and NORI_STEPS)`;
}

/** The disk and the ledger as they are right before a call. */
interface Moment {
  readonly call: number;
  readonly disk: MemoryFileSystem;
  readonly ledger: Ledger;
  /** Whether something was changed, or made durable, since the moment before. */
  readonly isNew: boolean;
}

/** Does a workload once, with a copy of the disk before each call and one at the end. */
async function momentsOf(workload: Workload): Promise<Moment[]> {
  const moments: Moment[] = [];
  const disk = newDisk(workload);
  const ledger = newLedger(workload);
  let changes = -1;
  const note = (call: number): void => {
    const isNew = recording.changes.length !== changes;
    changes = recording.changes.length;
    moments.push({ call, disk: disk.clone(), ledger: ledger.copy(), isNew });
  };
  const recording = new RecordingFileSystem(disk, { beforeCall: (_, __, call) => note(call) });
  const worker = new Worker(recording, workload, ledger);
  await worker.run();
  note(recording.calls);
  counts.opens += worker.opens;
  return moments;
}

/** Works until call `call`; that one and all later ones fail, and the engine must see it through without hanging. */
async function workUntil(
  workload: Workload,
  call: number,
): Promise<{ disk: MemoryFileSystem; ledger: Ledger }> {
  const disk = newDisk(workload);
  const recording = new RecordingFileSystem(disk);
  recording.dieAt(call);
  const ledger = newLedger(workload);
  const worker = new Worker(recording, workload, ledger);
  try {
    await worker.run();
  } catch (error) {
    if (!recording.isDead) throw error;
  }
  counts.opens += worker.opens;
  return { disk, ledger };
}

async function openAndRead(
  disk: MemoryFileSystem,
  { workload, call }: Crash,
  candidates: readonly State[],
): Promise<{ db: Database; state: State }> {
  counts.opens++;
  const db = await openDatabase(disk, workload.settings, workload.seed * 7919 + call);
  return { db, state: await readState(db, workload.universe, candidates) };
}

const durabilities: readonly Durability[] = ['none', 'os', 'disk'];

/** More writes after a recovery, with what they promise. */
async function writeMore(db: Database, { workload, call }: Crash, ledger: Ledger): Promise<void> {
  const random = new Prng(workload.seed * 31 + call);
  const values = new ValueNumbers(1_000_000 + call * 1000);
  // What a database shows after it was opened is on disk.
  ledger.acknowledge(ledger.issued, 'disk');
  const count = random.below(5);
  for (let i = 0; i < count; i++) {
    const writes = anyWrites(random, workload.universe, values);
    const durability = durabilities[random.below(durabilities.length)];
    const batch = ledger.issue(writes);
    await writeBatch(db, workload.universe, writes, durability);
    ledger.acknowledge(batch, durability);
    if (random.chance(0.2)) {
      await db.flush();
      ledger.acknowledge(ledger.issued, 'disk');
    }
  }
}

async function checkSound(disk: MemoryFileSystem): Promise<void> {
  const report = await verifyDatabase(directory, { fs: disk });
  if (report.damages.length > 0) throw new Error(`damage: ${report.damages[0].what}`);
}

/** Opens what survived, goes on, and ends once more: by closing, or by another loss of process or power. */
async function checkSurvivor(
  survivor: MemoryFileSystem,
  crash: Crash,
  before: Ledger,
): Promise<void> {
  const { call, keep } = crash;
  const { db, state } = await openAndRead(survivor, crash, before.states);
  const ledger = checkPrefix(state, before, keep);
  await writeMore(db, crash, ledger);
  let disk = survivor;
  let nextKeep = 1;
  const end = call % 4;
  if (end < 2) {
    await db.close();
    ledger.acknowledge(ledger.issued, 'disk');
  } else {
    nextKeep = end === 2 ? 0 : 1;
    disk = survivor.crash({ keep: nextKeep, random: new Prng(call) });
    await db.close().catch(() => undefined);
  }
  const again = await openAndRead(disk, crash, ledger.states);
  checkPrefix(again.state, ledger, nextKeep);
  await again.db.close();
  if (disk.openFiles > 0) throw new Error(`${disk.openFiles} files were left open`);
  await checkSound(disk);
}

/**
 * The recovery of what survived dies too, at each of its calls. Where power had
 * been lost, the next one must find the same. Where only the process had died, the
 * disk has debts still: what the next one finds holds what was promised.
 */
async function crashRecovery(base: MemoryFileSystem, crash: Crash, before: Ledger): Promise<void> {
  const { workload } = crash;
  const first = await openAndRead(base.clone(), crash, before.states);
  const exact = checkPrefix(first.state, before, crash.keep);
  exact.acknowledge(0, 'disk');
  await first.db.close();
  const ledger = crash.keep < 1 ? exact : before;
  for (let call = 0, isDead = true; isDead; call++) {
    const disk = base.clone();
    const dying = new RecordingFileSystem(disk);
    dying.dieAt(call);
    counts.opens++;
    try {
      const db = await openDatabase(dying, workload.settings, workload.seed + call);
      isDead = false;
      await db.close().catch(() => undefined);
    } catch (error) {
      if (!dying.isDead) throw error;
    }
    const keep = keeps[call % keeps.length];
    const survivor = disk.crash({ keep, random: new Prng(crash.call * 1000 + call) });
    counts.secondCrashes++;
    const second = { ...crash, call: crash.call + call };
    try {
      const { db, state } = await openAndRead(survivor, second, ledger.states);
      checkPrefix(state, ledger, keep);
      await db.close();
      await checkSound(survivor);
    } catch (error) {
      throw new Error(
        `after a crash of the recovery at its call ${call} with keep ${keep}: ${messageOf(error)}`,
        {
          cause: error,
        },
      );
    }
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

/** Crashes in one moment: with one share kept, or with all of them. */
async function crashIn(workload: Workload, moment: Moment, options: CrashPlan): Promise<void> {
  const { call, disk, ledger } = moment;
  const chosen = options.allKeeps ? keeps : [keeps[call % keeps.length]];
  for (const keep of chosen) {
    const crash = { workload, call, keep };
    const random = new Prng(workload.seed * 1_000_003 + call * 10 + keep * 4);
    const survivor = disk.crash({ keep, random });
    const base = options.crashRecovery ? survivor.clone() : undefined;
    counts.crashes++;
    try {
      await checkSurvivor(survivor, crash, ledger);
      if (base !== undefined && (keep === 1 || keep === 0.25))
        await crashRecovery(base, crash, ledger);
    } catch (error) {
      throw new Error(`${describeCrash(crash)}: ${messageOf(error)}`, { cause: error });
    }
  }
}

interface CrashPlan {
  readonly allKeeps: boolean;
  readonly crashRecovery: boolean;
}

/** Every call once; where the disk is not as before, every fifth one with all shares. */
async function crashEverywhere(workload: Workload): Promise<void> {
  const moments = await momentsOf(workload);
  let changes = workload.seed;
  for (const moment of moments) {
    const { call, isNew } = moment;
    if (isNew) changes++;
    const crashRecovery = isNew && changes % recoveryEvery === 0;
    const allKeeps = (isNew && changes % 5 === 0) || crashRecovery;
    if (onlyCall === undefined || Number(onlyCall) === call) {
      counts.calls++;
      await crashIn(workload, moment, { allKeeps, crashRecovery });
      if (call % deathEvery === workload.seed % deathEvery) await dieFor(workload, call);
    }
  }
}

/** As a crash, but the engine lives on for a while with a disk that fails every call. */
async function dieFor(workload: Workload, call: number): Promise<void> {
  counts.deaths++;
  const { disk, ledger } = await workUntil(workload, call);
  await crashIn(
    workload,
    { call, disk, ledger, isNew: true },
    { allKeeps: false, crashRecovery: false },
  );
}

/** A failure is that of the fewest steps. */
async function crashShrinking(whole: Workload): Promise<void> {
  const all = chosenSteps() ?? [...whole.steps.keys()];
  try {
    await crashEverywhere(chooseSteps(whole, all));
  } catch (error) {
    // The calls of fewer steps have other numbers.
    if (onlyCall !== undefined) throw error;
    const { seed } = whole;
    throw await shrunkFailure(
      error,
      all,
      { seed, testFile },
      async (steps, say) => {
        for (const step of steps) say(`${step}: ${describeStep(whole.steps[step])}`);
        await crashEverywhere(chooseSteps(whole, steps));
      },
      shrinkLimits,
    );
  }
}

describe('a crash at any call', () => {
  test('loses nothing that was promised', { timeout: 3_600_000 }, async () => {
    for (const seed of seedsOf(20)) {
      await withSeed(seed, testFile, async () => {
        counts.workloads++;
        await crashShrinking(makeWorkload(seed, stepsPerWorkload));
      });
    }
    reportCounts('T3', 'a crash at any call', counts, {
      workloads: 20,
      crashes: 6_000,
      deaths: 200,
      secondCrashes: 600,
    });
  });
});
