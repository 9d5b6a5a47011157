import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { Prng } from '../../src/base/prng.js';
import { open } from '../../src/index.js';
import { verifyDatabase } from '../../src/verify/verify-database.js';
import { ensureBuilt } from '../cli/command.js';
import { reportCounts } from '../support/counts.js';
import { randomSettings, type RandomSettings } from '../support/random-options.js';
import { seedsOf, withSeed } from '../support/seeds.js';
import type { Content, Ledger } from './ledger.js';
import { endless, kinds } from './plans.js';
import { checkPrefix, checkSame } from './prefix.js';
import { workUntilKilled } from './process.js';
import { keyNumber, valueNumber } from './values.js';

/*
 * One seed is the life of one database on the real disk: process after process
 * opens it, writes, and is killed, in the middle of whatever it is doing; each finds
 * the state after a prefix of the batches of the one before it, with everything
 * that was acknowledged to that one. The seed decides what is done and which kills
 * are tried; the moments are the machine's.
 *
 * A failure keeps the directory and the ledger, and says where they are.
 */
const testFile = 'test/kill/kill.test.ts';
const lives = 5;
const roundsPerLife = 11;
/** Lives that are lived at once. */
const lanes = 2;

const counts = {
  rounds: 0,
  kills: 0,
  duringOpen: 0,
  duringLoad: 0,
  duringKeyspaceChange: 0,
  duringClose: 0,
  duringFlush: 0,
  duringCompaction: 0,
  batches: 0,
  acknowledged: 0,
  lost: 0,
  recoveries: 0,
  verifications: 0,
};

beforeAll(ensureBuilt);

test(
  'kill -9 at any moment loses nothing that was acknowledged',
  { timeout: 3_600_000 },
  async () => {
    const seeds = seedsOf(lives);
    const lane = async (): Promise<void> => {
      for (const seed of seeds) await withSeed(seed, testFile, () => live(seed));
    };
    const ends = await Promise.allSettled(Array.from({ length: lanes }, lane));
    for (const end of ends) if (end.status === 'rejected') throw end.reason;
    reportCounts('T7', 'kill -9', counts, {
      kills: 50,
      duringOpen: 8,
      duringCompaction: 5,
      duringFlush: 5,
      duringClose: 2,
      acknowledged: 1_000,
    });
    expect(counts.lost).toBe(0);
  },
);

async function live(seed: number): Promise<void> {
  const place = mkdtempSync(join(tmpdir(), `nori-kill-${seed}-`));
  try {
    await new Life(seed, place).run();
  } catch (error) {
    const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
    throw new Error(`the database and the ledger are in ${place}\n${reason}`, { cause: error });
  }
  rmSync(place, { recursive: true });
}

class Life {
  readonly #random: Prng;
  readonly #seed: number;
  readonly #directory: string;
  readonly #ledgerFile: string;
  readonly #settings: RandomSettings;
  /** What the last process found that came so far as to say it. */
  #before: Content = new Map();
  /** What that process did, and those after it that did not come so far. */
  #ledger: Ledger | undefined;
  /** What is in the database, when somebody has looked since. */
  #known: Content | undefined;

  constructor(seed: number, place: string) {
    this.#seed = seed;
    this.#random = new Prng(seed * 613);
    this.#directory = join(place, 'db');
    this.#ledgerFile = join(place, 'ledger');
    // Small, so that flushes and compactions are always under way.
    const small = { memtableBytes: 64 * 1024, l0CompactionTrigger: 1, maxWalBytes: 256 * 1024 };
    this.#settings = { ...randomSettings(this.#random), ...small };
  }

  async run(): Promise<void> {
    for (let round = 0; round < roundsPerLife; round++) {
      await this.#round(round);
      if (round % 3 === 2) await this.#look();
    }
    await this.#look();
    const db = await open(this.#directory, { ...texts, executor: 'inline' });
    await db.close();
    await checkSound(this.#directory);
  }

  async #round(round: number): Promise<void> {
    const { make, batches = endless } = kinds[(this.#seed * roundsPerLife + round) % kinds.length];
    const options = {
      directory: this.#directory,
      settings: this.#settings,
      seed: this.#seed * 1000 + round,
      firstValue: 1 + round * 1_000_000,
      batches,
    };
    const { ledger, wasKilled } = await workUntilKilled(
      options,
      make(this.#random),
      this.#ledgerFile,
    );
    note(ledger, wasKilled);
    if (ledger.found === undefined) return;
    counts.recoveries++;
    this.#check(ledger.found);
    this.#before = ledger.found;
    this.#ledger = ledger;
    this.#known = undefined;
  }

  /** Reads everything beside the engine that recovers, and lets the files be checked. */
  async #look(): Promise<void> {
    if (this.#ledger === undefined) return;
    counts.verifications++;
    await checkSound(this.#directory);
    const found = await readAll(this.#directory);
    this.#check(found);
    this.#known = found;
  }

  #check(found: Content): void {
    if (this.#known !== undefined) checkSame(this.#known, found);
    try {
      if (this.#ledger !== undefined) checkPrefix(this.#before, this.#ledger, found);
    } catch (error) {
      counts.lost++;
      throw error;
    }
  }
}

const texts = { keyEncoding: 'utf8', valueEncoding: 'utf8' } as const;

async function readAll(directory: string): Promise<Content> {
  const db = await open(directory, { ...texts, readOnly: true });
  const content = new Map<string, ReadonlyMap<number, number>>();
  for (const name of db.keyspaces()) {
    const values = new Map<number, number>();
    const keyspace = await db.keyspace(name, texts);
    for await (const [key, value] of keyspace.entries())
      values.set(keyNumber(key), valueNumber(value));
    content.set(name === db.name ? '' : name, values);
  }
  await db.close();
  return content;
}

async function checkSound(directory: string): Promise<void> {
  const { damages } = await verifyDatabase(directory);
  if (damages.length > 0) throw new Error(`damage: ${damages[0].what} in ${damages[0].file}`);
}

function note(ledger: Ledger, wasKilled: boolean): void {
  counts.rounds++;
  counts.batches += ledger.batches;
  counts.acknowledged += ledger.acknowledged;
  if (!wasKilled) return;
  counts.kills++;
  const { phase, flushes, compactions } = ledger.death;
  if (phase === 'open') counts.duringOpen++;
  if (phase === 'load') counts.duringLoad++;
  if (phase === 'keyspace') counts.duringKeyspaceChange++;
  if (phase === 'close') counts.duringClose++;
  if (flushes > 0) counts.duringFlush++;
  if (compactions > 0) counts.duringCompaction++;
}
