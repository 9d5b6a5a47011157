import { expect, test } from 'vitest';
import { isLsmError } from '../../src/base/errors.js';
import { Prng } from '../../src/base/prng.js';
import { FaultFileSystem } from '../../src/fs/fault-file-system.js';
import { MemoryFileSystem, RecordingFileSystem } from '../../src/fs.js';
import { open, type Database } from '../../src/index.js';
import { verifyDatabase } from '../../src/verify/verify-database.js';
import { reportCounts } from '../support/counts.js';
import { JumpingClock } from '../support/jumping-clock.js';
import { randomSettings } from '../support/random-options.js';
import { seedsOf, withSeed } from '../support/seeds.js';
import { Ledger } from './ledger.js';
import { checkPrefix } from './prefix.js';
import { directory, openDatabase, readState, writeBatch } from './worker.js';
import { anyWrites, ValueNumbers, type Workload } from './workload.js';
import { Universe } from '../support/universe.js';

/*
 * A process makes checkpoints while it writes, and dies before the n-th call of
 * the file system, for every n. The database must be as after any other crash;
 * a copy whose promise had resolved must be there, whole, and any other one must
 * be whole too, or refused. One seed: NORI_SEED=3; one call of it: NORI_CALL=120 too.
 */
const testFile = 'test/crash/checkpoint.test.ts';
const keeps = [0, 0.25, 0.5, 1];
const onlyCall = process.env['NORI_CALL'];

const counts = { crashes: 0, deaths: 0, whole: 0, refused: 0, absent: 0 };

interface Copy {
  readonly path: string;
  /** Batches written before the call: all of them are in it. */
  readonly floor: number;
  isDone: boolean;
}

interface Moment {
  readonly call: number;
  readonly disk: MemoryFileSystem;
  readonly ledger: Ledger;
  readonly copies: readonly Copy[];
}

function makeWorkload(seed: number): Workload {
  const random = new Prng(seed);
  const universe = new Universe(random, 8 + random.below(20));
  return { seed, universe, settings: randomSettings(random), hasSync: seed % 5 !== 0, steps: [] };
}

/** Writes, and makes checkpoints at the same time; ends with the first error. */
class Worker {
  readonly copies: Copy[] = [];
  readonly ledger: Ledger;
  readonly #fs: RecordingFileSystem;
  readonly #workload: Workload;

  constructor(fs: RecordingFileSystem, workload: Workload) {
    this.#fs = fs;
    this.#workload = workload;
    this.ledger = new Ledger(new Int32Array(workload.universe.size));
  }

  async run(): Promise<void> {
    const { settings, seed } = this.#workload;
    const db = await openDatabase(this.#fs, settings, seed);
    try {
      await this.#work(db);
    } finally {
      await db.close();
    }
  }

  async #work(db: Database): Promise<void> {
    const { seed, universe } = this.#workload;
    const random = new Prng(seed * 31);
    const values = new ValueNumbers();
    const pending: Promise<unknown>[] = [];
    const begin = (work: Promise<unknown>): void => {
      pending.push(work);
      work.catch(() => undefined);
    };
    for (let i = 0; i < 24; i++) {
      if (i % 8 === 5) begin(this.#checkpoint(db, `/copies/${i}`));
      const writes = anyWrites(random, universe, values);
      const durability = random.chance(0.3) ? 'disk' : 'os';
      const batch = this.ledger.issue(writes);
      const done = writeBatch(db, universe, writes, durability).then(() =>
        this.ledger.acknowledge(batch, durability),
      );
      if (random.chance(0.7)) await done;
      else begin(done);
    }
    await Promise.all(pending);
    await this.#checkpoint(db, '/copies/last');
  }

  async #checkpoint(db: Database, path: string): Promise<void> {
    const floor = this.ledger.issued - db.stats().stalls.waiting;
    const copy: Copy = { path, floor, isDone: false };
    this.copies.push(copy);
    await db.checkpoint(path);
    copy.isDone = true;
    // What it flushed on its way is in tables.
    this.ledger.acknowledge(floor, 'disk');
  }
}

async function momentsOf(workload: Workload): Promise<Moment[]> {
  const moments: Moment[] = [];
  const disk = new MemoryFileSystem({ sync: workload.hasSync });
  const note = (call: number): void => {
    const copies = worker.copies.map((copy) => ({ ...copy }));
    moments.push({ call, disk: disk.clone(), ledger: worker.ledger.copy(), copies });
  };
  const recording = new RecordingFileSystem(disk, { beforeCall: (_, __, call) => note(call) });
  const worker = new Worker(recording, workload);
  await worker.run();
  note(recording.calls);
  return moments;
}

/** The process lives on for a while with a disk that fails every call. */
async function dieAt(workload: Workload, call: number): Promise<Moment> {
  const disk = new MemoryFileSystem({ sync: workload.hasSync });
  const recording = new RecordingFileSystem(disk);
  recording.dieAt(call);
  const worker = new Worker(recording, workload);
  try {
    await worker.run();
  } catch (error) {
    if (!recording.isDead) throw error;
    if (!isLsmError(error)) throw new Error('an error without a type', { cause: error });
  }
  return { call, disk, ledger: worker.ledger, copies: worker.copies };
}

async function crashIn(workload: Workload, moment: Moment): Promise<void> {
  const { call, disk, ledger, copies } = moment;
  const keep = keeps[call % keeps.length];
  const survivor = disk.crash({ keep, random: new Prng(workload.seed * 1_000_003 + call) });
  counts.crashes++;
  for (const copy of copies) await checkCopy(survivor, workload, ledger, copy);
  const db = await openDatabase(survivor, workload.settings, workload.seed + call);
  checkPrefix(await readState(db, workload.universe, ledger.states), ledger, keep);
  await db.close();
  const report = await verifyDatabase(directory, { fs: survivor });
  if (report.damages.length > 0) throw new Error(`damage: ${report.damages[0].what}`);
}

async function checkCopy(
  disk: MemoryFileSystem,
  { universe, seed }: Workload,
  ledger: Ledger,
  { path, floor, isDone }: Copy,
): Promise<void> {
  let db: Database;
  try {
    db = await open(path, {
      fs: disk,
      createIfMissing: false,
      keyEncoding: 'view',
      valueEncoding: 'view',
      executor: 'inline',
      clock: new JumpingClock(),
      random: new Prng(seed),
    });
  } catch (error) {
    if (isDone)
      throw new Error(`the checkpoint ${path} was made, and is refused`, { cause: error });
    if (isLsmError(error, 'LSM_NOT_FOUND')) counts.absent++;
    else if (isLsmError(error, 'LSM_CORRUPTION')) counts.refused++;
    else throw error;
    return;
  }
  const state = await readState(db, universe, ledger.states);
  if (ledger.find(state, floor) < 0) throw new Error(`the checkpoint ${path} is no prefix`);
  await db.close();
  const report = await verifyDatabase(path, { fs: disk });
  if (report.damages.length > 0) throw new Error(`${path} has damage: ${report.damages[0].what}`);
  counts.whole++;
}

async function crashEverywhere(workload: Workload): Promise<void> {
  for (const moment of await momentsOf(workload)) {
    const { call } = moment;
    if (onlyCall !== undefined && Number(onlyCall) !== call) continue;
    try {
      await crashIn(workload, moment);
      if (call % 8 !== workload.seed % 8) continue;
      counts.deaths++;
      await crashIn(workload, await dieAt(workload, call));
    } catch (error) {
      throw new Error(`at call ${call} (NORI_CALL=${call})`, { cause: error });
    }
  }
}

test(
  'a crash while checkpoints are made loses nothing, and leaves no half of one',
  { timeout: 3_600_000 },
  async () => {
    for (const seed of seedsOf(2)) {
      await withSeed(seed, testFile, () => crashEverywhere(makeWorkload(seed)));
    }
    reportCounts('T3', 'checkpoints', counts, {
      crashes: 600,
      whole: 600,
      refused: 120,
      absent: 250,
    });
  },
);

/** What a failed checkpoint may leave is refused, or whole. */
async function checkLeft(disk: MemoryFileSystem, where: string): Promise<void> {
  try {
    const left = await open('/copy', { fs: disk, readOnly: true, valueEncoding: 'utf8' });
    expect([...left.valuesSync()], where).toEqual(['1']);
    await left.close();
  } catch (error) {
    if (isLsmError(error, 'LSM_NOT_FOUND') || isLsmError(error, 'LSM_CORRUPTION')) return;
    throw error;
  }
}

const errors = ['EIO', 'ENOSPC', 'EMFILE', 'EACCES'] as const;

test('a call that fails at the place of the copy is an error of the checkpoint alone', async () => {
  let failed = 0;
  for (let n = 1, isMet = true; isMet; n++) {
    isMet = false;
    for (const error of errors) {
      for (const times of ['once', 'forever'] as const) {
        const memory = new MemoryFileSystem();
        const disk = new FaultFileSystem(memory);
        const db = await openDatabase(disk, {}, 1);
        await db.put('a', Buffer.from('1'));
        const fault = disk.inject({ path: /^\/copy/, nth: n, error, times });
        const made = await db.checkpoint('/copy').then(
          () => undefined,
          (reason: unknown) => reason,
        );
        isMet ||= fault.calls.length > 0;
        const where = `${error} ${times} at call ${n}: ${fault.calls[0]?.operation}`;
        fault.lift();
        if (made !== undefined) {
          failed++;
          expect(isLsmError(made), where).toBe(true);
          await checkLeft(memory, where);
        }
        await db.put('b', Buffer.from('2'));
        await db.checkpoint('/second');
        await db.close();
        expect(memory.openFiles, where).toBe(0);
        for (const path of ['/db', '/second', ...(made === undefined ? ['/copy'] : [])]) {
          expect((await verifyDatabase(path, { fs: memory })).damages, where).toEqual([]);
        }
      }
    }
  }
  expect(failed).toBeGreaterThan(80);
});
