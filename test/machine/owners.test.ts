import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { open, type Database } from '../../src/index.js';
import { ensureBuilt } from '../cli/command.js';
import { cannotMount, makePlace, pathOf, see, withBindMount } from './machine.js';

/** Who may write to a directory, and what is left by an owner, however it ends. */
const place = makePlace();
const ledger = join(place, 'ledger');
const children: ChildProcess[] = [];
const handles: Database<string, string>[] = [];
let count = 0;

beforeAll(ensureBuilt);
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  for (const db of handles.splice(0)) await db.close();
});

function newDirectory(): string {
  return join(place, `db${count++}`);
}

/** Another process that has the database open, and writes. */
async function startOwner(directory: string, how?: string): Promise<ChildProcess> {
  const settings = JSON.stringify({ directory, ledger, how });
  const child = spawn(process.execPath, [pathOf('owner'), settings], {
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  children.push(child);
  await once(child.stdout, 'data');
  return child;
}

async function openHere(
  directory: string,
  options: { readonly lockTimeoutMs?: number; readonly overrideForeignOwner?: boolean } = {},
): Promise<Database<string, string>> {
  const texts = { keyEncoding: 'utf8', valueEncoding: 'utf8' } as const;
  const db = await open(directory, { ...texts, ...options });
  handles.push(db);
  return db;
}

/** What was acknowledged is there, and nothing is missing before what is there. */
function checkNothingLost(db: Database<string, string>): void {
  const acknowledged = readFileSync(ledger, 'utf8').trim().split('\n').map(Number);
  expect(acknowledged.length).toBeGreaterThan(50);
  const last = acknowledged.reduce((a, b) => Math.max(a, b));
  const { length } = [...db.keysSync()];
  expect(length).toBeGreaterThan(last);
  for (let i = 0; i < length; i++) expect(db.hasSync(`k${i}`), `k${i}`).toBe(true);
}

const locked = { code: 'LSM_LOCKED' };

describe('a directory that another process has open', () => {
  it('is locked, whatever it is called, until that process closes it', async () => {
    const directory = newDirectory();
    const owner = await startOwner(directory);
    symlinkSync(directory, `${directory}-link`);
    for (const path of [directory, `${directory}/`, `${directory}/../db0`, `${directory}-link`]) {
      await expect(openHere(path)).rejects.toMatchObject(locked);
    }
    await expect(openHere(directory)).rejects.toThrow(`process ${owner.pid}`);
    // It can be seen from here that this owner lives.
    await expect(openHere(directory, { overrideForeignOwner: true })).rejects.toMatchObject(locked);
    await expect(openHere(directory, { lockTimeoutMs: 50 })).rejects.toMatchObject(locked);
    const reader = await open(directory, { readOnly: true });
    await reader.close();
    const waiting = openHere(directory, { lockTimeoutMs: 30_000 });
    owner.stdin!.write('end');
    checkNothingLost(await waiting);
  });

  it('is free when that process was killed, also for who waits already', async () => {
    const directory = newDirectory();
    const first = await startOwner(directory);
    first.kill('SIGKILL');
    await once(first, 'close');
    const db = await openHere(directory);
    checkNothingLost(db);
    await db.close();
    const second = await startOwner(directory);
    const waiting = openHere(directory, { lockTimeoutMs: 30_000 });
    second.kill('SIGKILL');
    checkNothingLost(await waiting);
  });

  it('stays locked while that process is stopped', async () => {
    const directory = newDirectory();
    const owner = await startOwner(directory);
    owner.kill('SIGSTOP');
    await expect(openHere(directory, { lockTimeoutMs: 50 })).rejects.toMatchObject(locked);
    owner.kill('SIGCONT');
    const waiting = openHere(directory, { lockTimeoutMs: 30_000 });
    owner.stdin!.write('end');
    checkNothingLost(await waiting);
  });
});

it('a directory that is open is locked for the same process, under each of its names', async () => {
  const directory = newDirectory();
  await openHere(directory);
  symlinkSync(directory, `${directory}-link`);
  await expect(openHere(directory)).rejects.toMatchObject(locked);
  await expect(openHere(`${directory}-link`)).rejects.toMatchObject(locked);
});

const bound =
  'a directory that is open is locked for who sees it at another mount point, or cannot write to it there';
it(cannotMount === undefined ? bound : `${bound} (${cannotMount})`, async () => {
  if (cannotMount !== undefined) return;
  const directory = newDirectory();
  const elsewhere = join(place, 'elsewhere');
  mkdirSync(elsewhere);
  const db = await openHere(directory);
  const seeThere = (): unknown =>
    see('mounted', { directory: elsewhere }, withBindMount(directory, elsewhere));
  expect(seeThere()).toMatchObject({ open: 'LSM_LOCKED', readOnly: 'ok' });
  await db.close();
  expect(seeThere()).toMatchObject({ open: 'ok', openProtected: 'LSM_IO', readOnly: 'ok' });
});

describe('what a process has been told is stored', () => {
  it.each(['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGKILL'] as const)(
    'is there after %s',
    async (signal) => {
      const directory = newDirectory();
      const owner = await startOwner(directory);
      owner.kill(signal);
      const [code, by] = (await once(owner, 'close')) as [number | null, string | null];
      expect([code, by]).toEqual([null, signal]);
      checkNothingLost(await openHere(directory));
    },
  );

  it.each([
    ['exit', 0],
    ['throw', 1],
    ['reject', 1],
  ])('is there after the program ended itself (%s), with the last tick', async (how, status) => {
    const directory = newDirectory();
    const owner = await startOwner(directory, how);
    if (owner.exitCode === null) await once(owner, 'close');
    expect(owner.exitCode).toBe(status);
    const db = await openHere(directory);
    checkNothingLost(db);
    // Not acknowledged yet: written while the process exits.
    expect(db.hasSync('k1007')).toBe(true);
  });

  it('is there after a listener of SIGTERM has closed it', async () => {
    const directory = newDirectory();
    const owner = await startOwner(directory, 'listener');
    owner.kill('SIGTERM');
    if (owner.exitCode === null) await once(owner, 'close');
    expect(owner.exitCode).toBe(0);
    const db = await openHere(directory);
    expect(db.recovery.tornLog).toBeUndefined();
    checkNothingLost(db);
  });
});
