import { afterAll, expect, test } from 'vitest';
import { concatBytes } from '../../src/base/bytes.js';
import { isLsmError, LsmError, type LsmErrorCode } from '../../src/base/errors.js';
import { Prng } from '../../src/base/prng.js';
import { MemoryFileSystem } from '../../src/fs.js';
import type { Database } from '../../src/index.js';
import { reportCounts } from '../support/counts.js';
import { oneSeed } from '../support/seeds.js';
import type { RandomSettings } from '../support/random-options.js';
import { isValueOf, Universe } from '../support/universe.js';
import { Ledger, sameState, type State } from '../crash/ledger.js';
import { openDatabase, readState, writeBatch } from '../crash/worker.js';
import { ValueNumbers } from '../crash/workload.js';

/*
 * T5: a log or manifest that ends at any byte, as a crash may leave it: cut there,
 * or with zeros or noise behind. What is read is right, or a typed error that names a file;
 * where a log ends above what was synced, whole batches are there up to that place.
 */
const seed = oneSeed();
const settings: RandomSettings = {
  memtableBytes: 64 * 1024,
  blockSizeBytes: 256,
  compression: 'none',
  syncIntervalMs: 0,
};
const damageCodes: readonly LsmErrorCode[] = ['LSM_CORRUPTION', 'LSM_UNSUPPORTED_FORMAT'];

const counts = { tornLogs: 0, damagedLogs: 0, tornManifests: 0, recovered: 0, refused: 0 };

afterAll(() => {
  const floors = {
    tornLogs: 2000,
    damagedLogs: 300,
    tornManifests: 1500,
    recovered: 1500,
    refused: 500,
  };
  reportCounts('T5', 'torn logs and manifests', counts, floors);
});

function openIt(fs: MemoryFileSystem, readOnly = false): Promise<Database> {
  return openDatabase(fs, { ...settings, readOnly }, seed);
}

interface Written {
  readonly fs: MemoryFileSystem;
  readonly universe: Universe;
  readonly ledger: Ledger;
}

function begin(): Written {
  const universe = new Universe(new Prng(seed), 12);
  const ledger = new Ledger(new Int32Array(universe.size));
  return { fs: new MemoryFileSystem(), universe, ledger };
}

/** Adds batches of short values; `afterEach` hears of each one. */
async function write(
  db: Database,
  { universe, ledger }: Written,
  batches: number,
  afterEach: () => void = () => undefined,
): Promise<void> {
  const random = new Prng(seed + ledger.issued);
  const values = new ValueNumbers(1 + 1000 * ledger.issued);
  for (let i = 0; i < batches; i++) {
    const length = 1 + random.below(3);
    const writes = Array.from({ length }, (): [number, number] => {
      const key = random.below(universe.size);
      return [key, random.chance(0.3) ? 0 : values.nextShort()];
    });
    ledger.issue(writes);
    await writeBatch(db, universe, writes, 'os');
    afterEach();
  }
}

function filesOf(fs: MemoryFileSystem): [path: string, bytes: Uint8Array][] {
  return [...fs.snapshotFiles()].filter(([, bytes]) => bytes.length > 0);
}

/** The newest log that has begun. */
function activeLog(fs: MemoryFileSystem): string {
  const logs = filesOf(fs).map(([path]) => path);
  return logs
    .filter((path) => path.endsWith('.log'))
    .sort()
    .at(-1)!;
}

/** A copy with one file changed. */
function withFile(fs: MemoryFileSystem, path: string, bytes: Uint8Array): MemoryFileSystem {
  const files = fs.snapshotFiles();
  // A log that is only prepared for later is empty, and stays.
  return MemoryFileSystem.from(files.set(path, bytes));
}

/** Opens and reads everything: the state, or the damage that was reported. */
async function readAll(
  fs: MemoryFileSystem,
  { universe, ledger }: Written,
  readOnly: boolean,
): Promise<State | LsmError> {
  let db: Database | undefined;
  try {
    db = await openIt(fs, readOnly);
    const state = await readState(db, universe, ledger.states);
    for (const [key, bytes] of universe.keys.entries()) {
      const value = db.getSync(bytes);
      const isSame = value === undefined ? state[key] === 0 : isValueOf(state[key], value);
      expect(isSame, `get and scan of key ${key} agree`).toBe(true);
    }
    await db.close();
    expect(fs.openFiles).toBe(0);
    counts.recovered++;
    return state;
  } catch (error) {
    await db?.close().catch(() => undefined);
    if (!isLsmError(error) || !damageCodes.includes(error.code)) throw error;
    expect(error.file, error.message).toBeDefined();
    counts.refused++;
    return error;
  }
}

test(`a log torn at any byte gives the batches before it (NORI_SEED=${seed})`, async () => {
  const written = begin();
  const { fs, ledger } = written;
  const db = await openIt(fs);
  const log = activeLog(fs);
  const header = fs.readBytes(log).length;
  const ends: number[] = [header];
  await write(db, written, 12, () => ends.push(fs.readBytes(log).length));
  const whole = fs.crash({ keep: 1, random: new Prng(seed) });
  await db.close().catch(() => undefined);
  const bytes = whole.readBytes(log);
  expect(bytes.length).toBe(ends.at(-1));
  const random = new Prng(seed);
  for (let length = 0; length <= bytes.length; length++) {
    const cut = bytes.slice(0, length);
    const zeros = new Uint8Array(bytes.length + 40);
    zeros.set(cut);
    const noise = Uint8Array.from({ length: bytes.length - length + 20 }, () => random.u32());
    for (const [variant, torn] of [cut, zeros, concatBytes([cut, noise])].entries()) {
      counts.tornLogs++;
      const readOnly = (length + variant) % 2 === 0;
      const found = await readAll(withFile(whole, log, torn), written, readOnly);
      if (found instanceof LsmError) {
        // The header was synced before the first record: a damaged one is no crash.
        expect(length, found.message).toBeLessThan(header);
        continue;
      }
      // Zeros and noise may be what was torn off.
      const isWhole = (end: number): boolean =>
        Buffer.compare(torn.subarray(0, end), bytes.subarray(0, end)) === 0;
      const batches = Math.max(0, ends.filter(isWhole).length - 1);
      expect(sameState(found, ledger.states[batches]), `${length} bytes of the log`).toBe(true);
    }
  }
});

test(`a log torn below what was synced is damage (NORI_SEED=${seed})`, async () => {
  const written = begin();
  const { fs, ledger } = written;
  const db = await openIt(fs);
  const log = activeLog(fs);
  await write(db, written, 4);
  await db.sync();
  const synced = fs.readBytes(log).length;
  // The first record after a sync states it.
  const ends: number[] = [];
  await write(db, written, 4, () => ends.push(fs.readBytes(log).length));
  const whole = fs.crash({ keep: 1, random: new Prng(seed) });
  await db.close().catch(() => undefined);
  const bytes = whole.readBytes(log);
  for (let at = 0; at < bytes.length; at++) {
    counts.damagedLogs++;
    const torn = bytes.slice();
    torn[at] ^= 0x10;
    const found = await readAll(withFile(whole, log, torn), written, at % 2 === 0);
    if (at < synced) {
      expect(found instanceof LsmError, `byte ${at} of ${synced} synced ones`).toBe(true);
    } else if (!(found instanceof LsmError)) {
      const batches = 4 + ends.filter((end) => end <= at).length;
      expect(sameState(found, ledger.states[batches]), `byte ${at}`).toBe(true);
    }
  }
});

test(`a manifest torn at any byte gives all or a typed error (NORI_SEED=${seed})`, async () => {
  const written = begin();
  const { fs, ledger } = written;
  const db = await openIt(fs);
  for (let i = 0; i < 3; i++) {
    await write(db, written, 6);
    await db.flush();
  }
  await write(db, written, 6);
  const whole = fs.crash({ keep: 1, random: new Prng(seed) });
  await db.close().catch(() => undefined);
  const [manifest, bytes] = filesOf(whole).find(([path]) => path.includes('MANIFEST-'))!;
  const random = new Prng(seed);
  let recovered = 0;
  for (let length = 0; length <= bytes.length; length++) {
    const cut = bytes.slice(0, length);
    const noise = Uint8Array.from({ length: 40 }, () => random.u32());
    const zeros = new Uint8Array(bytes.length + 40);
    zeros.set(cut);
    for (const torn of [cut, zeros, concatBytes([cut, noise])]) {
      counts.tornManifests++;
      const damaged = withFile(whole, manifest, torn);
      const found = await readAll(damaged, written, length % 2 === 0);
      if (found instanceof LsmError) continue;
      recovered++;
      expect(sameState(found, ledger.current), `${length} bytes of the manifest`).toBe(true);
    }
  }
  expect(recovered).toBeGreaterThan(0);
});
