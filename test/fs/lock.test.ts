import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { LsmError } from '../../src/base/errors.js';
import type { DirectoryLock, LockOptions } from '../../src/fs/file-system.js';
import { claimOwnerFile, type FoundOwner } from '../../src/fs/lock-owner-file.js';
import { encodeLockOwner, judgeOwner, type LockOwner } from '../../src/fs/lock-owner.js';
import { lockDirectory, systemLockDetails, type LockDetails } from '../../src/fs/lock.js';
import { buildFileSystem } from './built.js';

let built: string;
let directory: string;
const children: ChildProcess[] = [];
const workers: Worker[] = [];

beforeAll(async () => {
  built = await buildFileSystem();
  fs.chmodSync(built, 0o755);
});
afterAll(() => fs.rmSync(built, { recursive: true, force: true }));
beforeEach(() => {
  directory = fs.mkdtempSync(join(tmpdir(), 'nori-lock-'));
});
afterEach(async () => {
  for (const child of children.splice(0)) await kill(child);
  for (const worker of workers.splice(0)) await worker.terminate();
  fs.chmodSync(directory, 0o755);
  fs.rmSync(directory, { recursive: true, force: true });
});

const hasFlock = systemLockDetails().flockPaths.some((path) => fs.existsSync(path));
const withoutFlock: LockDetails = { ...systemLockDetails(), flockPaths: [] };

/** A program that locks the directory, says what came of it, and lets go when told. */
function program(useFlock: boolean, options: LockOptions = {}): string {
  const module = JSON.stringify(pathToFileURL(join(built, 'fs/lock.js')).href);
  return `
    import(${module}).then(async ({ lockDirectory, systemLockDetails }) => {
      const details = ${useFlock ? 'systemLockDetails()' : '{ ...systemLockDetails(), flockPaths: [] }'};
      const lock = await lockDirectory(${JSON.stringify(directory)}, ${JSON.stringify(options)}, details);
      tell('locked');
      whenTold(async () => { await lock.release(); tell('released'); });
    }).catch((error) => tell(error.code + ' ' + error.message));
  `;
}

/** Starts the program in another process; settles with its first line. */
async function inProcess(
  useFlock: boolean,
  options: LockOptions = {},
): Promise<{ child: ChildProcess; said: string }> {
  const code = `
    const tell = (line) => console.log(line);
    const whenTold = (run) => process.stdin.once('data', run);
    const forever = setInterval(() => undefined, 1000);
    ${program(useFlock, options)}
  `;
  const child = spawn(process.execPath, ['-e', code], { stdio: ['pipe', 'pipe', 'inherit'] });
  children.push(child);
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  return { child, said: line.toString().trim() };
}

async function inWorker(useFlock: boolean): Promise<{ worker: Worker; said: string }> {
  const code = `
    const { parentPort } = require('node:worker_threads');
    const tell = (line) => parentPort.postMessage(line);
    const whenTold = (run) => parentPort.once('message', run);
    ${program(useFlock)}
  `;
  const worker = new Worker(code, { eval: true });
  workers.push(worker);
  const [said] = (await once(worker, 'message')) as [string];
  return { worker, said };
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}

async function refusal(attempt: Promise<DirectoryLock>): Promise<LsmError> {
  const error = await attempt.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof LsmError)) throw new Error(`expected a refusal, got ${String(error)}`);
  expect(error.message).not.toContain('\n');
  return error;
}

function ownerPath(): string {
  return join(directory, 'LOCK.owner');
}

function readOwnerFile(): LockOwner {
  return JSON.parse(fs.readFileSync(ownerPath(), 'utf8')) as LockOwner;
}

/** An owner file such as this process would write, with some fields changed. */
async function plantOwner(changes: Partial<LockOwner>): Promise<void> {
  const lock = await lockDirectory(directory, {}, withoutFlock);
  const owner = readOwnerFile();
  await lock.release();
  fs.writeFileSync(ownerPath(), encodeLockOwner({ ...owner, ...changes }));
}

/** A process id that was in use and is free now. */
function deadPid(): number {
  return spawnSync('true').pid;
}

const variants: [string, boolean][] = [
  ['with flock where the host has it', true],
  ['without flock', false],
];

describe.each(variants)('a directory lock %s', (_, useFlock) => {
  const details = (): LockDetails => (useFlock ? systemLockDetails() : withoutFlock);
  const lock = (options?: LockOptions): Promise<DirectoryLock> =>
    lockDirectory(directory, options, details());

  it('is held once in a process, and leaves only LOCK behind', async () => {
    const held = await lock();
    expect(fs.readdirSync(directory).sort()).toEqual(['LOCK', 'LOCK.owner']);
    const error = await refusal(lock());
    expect(error.code).toBe('LSM_LOCKED');
    expect(error.message).toContain(`pid ${process.pid}`);
    expect(error.message).toContain('close it first');
    await held.release();
    expect(fs.readdirSync(directory)).toEqual(['LOCK']);
    await (await lock()).release();
  });

  it('sees through another path to the same directory', async () => {
    const link = `${directory}-link`;
    fs.symlinkSync(directory, link);
    try {
      const held = await lock();
      const error = await refusal(lockDirectory(link, {}, details()));
      expect(error.code).toBe('LSM_LOCKED');
      await held.release();
    } finally {
      fs.unlinkSync(link);
    }
  });

  it('holds although somebody removes its files', async () => {
    const held = await lock();
    for (const name of fs.readdirSync(directory)) fs.unlinkSync(join(directory, name));
    expect((await refusal(lock())).code).toBe('LSM_LOCKED');
    await held.release();
  });

  it('does not touch what another owner put in its place', async () => {
    const held = await lock();
    const other = encodeLockOwner({ ...readOwnerFile(), nonce: 'f'.repeat(32) });
    fs.writeFileSync(ownerPath(), other);
    await held.release();
    expect(fs.readFileSync(ownerPath(), 'utf8')).toBe(other);
  });

  it('keeps out other threads of the process', async () => {
    const held = await lock();
    const { said } = await inWorker(useFlock);
    expect(said).toMatch(/^LSM_LOCKED /);
    expect(said).toContain(`pid ${process.pid}`);
    await held.release();
    const { worker, said: then } = await inWorker(useFlock);
    expect(then).toBe('locked');
    const error = await refusal(lock());
    expect(error.code).toBe('LSM_LOCKED');
    const released = once(worker, 'message');
    worker.postMessage('go');
    expect(await released).toEqual(['released']);
    await (await lock()).release();
  });

  it('keeps out other processes until they release', async () => {
    const { child, said } = await inProcess(useFlock);
    expect(said).toBe('locked');
    const error = await refusal(lock());
    expect(error.code).toBe('LSM_LOCKED');
    expect(error.message).toContain(`process ${child.pid}`);
    const forced = await refusal(lock({ overrideForeignOwner: true }));
    expect(forced.code).toBe('LSM_LOCKED');
    const waiting = lock({ timeoutMs: 60_000 });
    child.stdin!.write('go');
    await (await waiting).release();
  });

  it('makes another process wait for this one', async () => {
    const held = await lock();
    const { said } = await inProcess(useFlock);
    expect(said).toMatch(/^LSM_LOCKED /);
    expect(said).toContain(`process ${process.pid}`);
    const waiting = inProcess(useFlock, { timeoutMs: 60_000 });
    await held.release();
    expect((await waiting).said).toBe('locked');
  });

  it('ends with a killed owner', async () => {
    const { child, said } = await inProcess(useFlock);
    expect(said).toBe('locked');
    await kill(child);
    expect(fs.existsSync(ownerPath())).toBe(true);
    await (await lock()).release();
    expect(fs.readdirSync(directory)).toEqual(['LOCK']);
  });

  it('ends with a killed owner that its parent has not buried', async () => {
    // The shell starts the owner and becomes a program that waits for nobody.
    const code = `
      const tell = (line) => console.log(line);
      const whenTold = () => setInterval(() => undefined, 1000);
      ${program(useFlock)}
    `;
    const script = '"$0" -e "$1" & exec sleep 600';
    const parent = spawn('/bin/sh', ['-c', script, process.execPath, code], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    children.push(parent);
    expect(String(await once(parent.stdout, 'data'))).toBe('locked\n');
    process.kill(readOwnerFile().pid, 'SIGKILL');
    await (await lock({ timeoutMs: 60_000 })).release();
  });

  it('passes from a pid that belongs to another process now', async () => {
    await plantOwner({ processStart: '1' });
    await (await lock()).release();
  });

  it('passes from an owner of before the last start of the machine', async () => {
    await plantOwner({ bootId: 'another boot', pidNamespace: 'pid:[1]' });
    await (await lock()).release();
  });

  it.each([
    ['host', { host: 'elsewhere' }, '"elsewhere"'],
    ['pid namespace', { pidNamespace: 'pid:[1]' }, 'another container'],
  ])('does not pass from another %s, unless told so', async (_name, changes, named) => {
    const pid = deadPid();
    await plantOwner({ ...changes, pid });
    const before = fs.readFileSync(ownerPath());
    const error = await refusal(lock());
    expect(error.code).toBe('LSM_LOCKED');
    expect(error.message).toContain(`process ${pid}`);
    expect(error.message).toContain(named);
    expect(error.message).toContain('overrideForeignOwner');
    expect(fs.readFileSync(ownerPath())).toEqual(before);
    expect(fs.readdirSync(directory).sort()).toEqual(['LOCK', 'LOCK.owner']);
    await (await lock({ overrideForeignOwner: true })).release();
    await (await lock()).release();
  });

  const hostile: [string, (path: string) => void][] = [
    ['nothing', (path) => fs.writeFileSync(path, '')],
    ['no JSON', (path) => fs.writeFileSync(path, '{"pid":')],
    ['null', (path) => fs.writeFileSync(path, 'null')],
    ['zeros', (path) => fs.writeFileSync(path, new Uint8Array(100))],
    ['deep JSON', (path) => fs.writeFileSync(path, '['.repeat(4000))],
    ['many bytes', (path) => fs.truncateSync(fill(path), 1 << 30)],
    ['a path for a nonce', (path) => plant(path, { nonce: '../../victim' })],
    ['pid 0', (path) => plant(path, { pid: 0 })],
    ['pid -1', (path) => plant(path, { pid: -1 })],
    ['a huge pid', (path) => plant(path, { pid: 2 ** 31 })],
    ['half a pid', (path) => plant(path, { pid: 1.5 })],
    ['a number for a host', (path) => plant(path, { host: 5 })],
    ['a long boot id', (path) => plant(path, { bootId: 'x'.repeat(256) })],
    ['a directory', (path) => fs.mkdirSync(path)],
    ['a link', (path) => fs.symlinkSync('/etc/hostname', path)],
    ['a FIFO', (path) => expect(spawnSync('mkfifo', [path]).status).toBe(0)],
  ];
  function fill(path: string): string {
    fs.writeFileSync(path, '');
    return path;
  }
  function plant(path: string, changes: Record<string, unknown>): void {
    const owner = { pid: deadPid(), host: systemLockDetails().host, nonce: '0'.repeat(32) };
    fs.writeFileSync(path, JSON.stringify({ ...owner, ...changes }));
  }
  it.each(hostile)('is not given away by an owner file with %s', async (_name, make) => {
    make(ownerPath());
    const error = await refusal(lock());
    expect(error.code).toBe('LSM_LOCKED');
    expect(error.message).toContain('LOCK.owner');
    expect(error.message.length).toBeLessThan(400);
    expect(fs.readdirSync(directory).sort()).toEqual(['LOCK', 'LOCK.owner']);
  });

  it('passes from an unreadable owner when told so', async () => {
    fs.writeFileSync(ownerPath(), 'garbage');
    await (await lock({ overrideForeignOwner: true })).release();
    expect(fs.readdirSync(directory)).toEqual(['LOCK']);
  });

  it('shows a hostile host on one line', async () => {
    await plantOwner({ host: 'a\nb\u001b[31m' });
    expect((await refusal(lock())).message).toContain('"a\\nb\\u001b[31m"');
  });

  it('goes to one of many contenders for a dead owner', async () => {
    await plantOwner({ pid: deadPid() });
    const contenders = await Promise.all(Array.from({ length: 5 }, () => inProcess(useFlock)));
    const winners = contenders.filter(({ said }) => said === 'locked');
    expect(winners).toHaveLength(1);
    expect(readOwnerFile().pid).toBe(winners[0].child.pid);
    for (const { said } of contenders) expect(said).toMatch(/^(locked|LSM_LOCKED )/);
  });

  it('follows a link nowhere when it makes LOCK', async () => {
    const victim = join(directory, 'victim');
    fs.symlinkSync(victim, join(directory, 'LOCK'));
    expect((await refusal(lock())).code).toBe('LSM_IO');
    expect(fs.existsSync(victim)).toBe(false);
  });

  it('names a missing directory', async () => {
    const error = await refusal(lockDirectory(join(directory, 'nothing'), {}, details()));
    expect(error.code).toBe('LSM_IO');
    expect(error.message).toContain('nothing');
  });

  it('leaves no descriptor behind', async () => {
    const descriptors = (): number =>
      fs.existsSync('/proc/self/fd') ? fs.readdirSync('/proc/self/fd').length : 0;
    await (await lock()).release();
    const before = descriptors();
    await plantOwner({ host: 'elsewhere' });
    for (let i = 0; i < 10; i++) await refusal(lock());
    fs.unlinkSync(ownerPath());
    for (let i = 0; i < 10; i++) {
      const held = await lock();
      await refusal(lock());
      await held.release();
    }
    expect(descriptors()).toBe(before);
  });
});

describe('a lock whose thread was terminated', () => {
  it('is free where the kernel knows, and taken where it cannot', async () => {
    const { worker, said } = await inWorker(true);
    expect(said).toBe('locked');
    await worker.terminate();
    const attempt = lockDirectory(directory);
    if (hasFlock) await (await attempt).release();
    else expect((await refusal(attempt)).code).toBe('LSM_LOCKED');
  });

  it('is taken without flock: its process still lives', async () => {
    const { worker, said } = await inWorker(false);
    expect(said).toBe('locked');
    await worker.terminate();
    expect((await refusal(lockDirectory(directory))).code).toBe('LSM_LOCKED');
  });
});

describe('a directory that cannot be written', () => {
  it('is a clear error, and stays as it was', () => {
    fs.writeFileSync(join(directory, 'CURRENT'), 'x');
    fs.chmodSync(directory, 0o555);
    const code = `
      const tell = (line) => console.log(line);
      const whenTold = () => undefined;
      ${program(true)}
    `;
    // Root may write anywhere.
    const user = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};
    const { stdout } = spawnSync(process.execPath, ['-e', code], { encoding: 'utf8', ...user });
    expect(stdout).toMatch(/^LSM_IO cannot lock .*not writable \(EACCES\).*open it read-only\n$/);
    expect(fs.readdirSync(directory)).toEqual(['CURRENT']);
  });
});

describe('the succession of owners', () => {
  const base: LockOwner = {
    pid: process.pid,
    processStart: undefined,
    bootId: undefined,
    pidNamespace: undefined,
    host: 'here',
    nonce: '',
    kernelLock: undefined,
  };
  const owner = (name: string): LockOwner => ({ ...base, nonce: name.repeat(32) });
  const dead = owner('d');
  const deadSuccessor = owner('e');
  const a = owner('a');
  const b = owner('b');
  const isDead = (found: FoundOwner): boolean =>
    found !== 'unreadable' && [dead.nonce, deadSuccessor.nonce].includes(found.nonce);
  const judge = (found: FoundOwner): 'dead' | 'alive' => (isDead(found) ? 'dead' : 'alive');
  const put = (name: string, content: LockOwner): void =>
    fs.writeFileSync(join(directory, name), encodeLockOwner(content));

  /** Runs `meanwhile` just after `a` has judged for the n-th time. */
  const claimWith = (n: number, meanwhile: () => void): ReturnType<typeof claimOwnerFile> =>
    claimOwnerFile(directory, a, (found) => {
      const state = judge(found);
      if (--n === 0) meanwhile();
      return state;
    });

  it.each([1, 2])('ends in one winner when another is faster at point %i', (n) => {
    put('LOCK.owner', dead);
    const refused = claimWith(n, () => expect(claimOwnerFile(directory, b, judge)).toBeUndefined());
    expect(refused).toMatchObject({ owner: { nonce: b.nonce }, state: 'alive' });
    expect(readOwnerFile().nonce).toBe(b.nonce);
    expect(fs.readdirSync(directory)).toEqual(['LOCK.owner']);
  });

  it.each([1, 2])('takes an owner file that was released meanwhile, at point %i', (n) => {
    put('LOCK.owner', dead);
    const refused = claimWith(n, () => {
      expect(claimOwnerFile(directory, b, judge)).toBeUndefined();
      fs.unlinkSync(ownerPath());
    });
    expect(refused).toBeUndefined();
    expect(readOwnerFile().nonce).toBe(a.nonce);
    expect(fs.readdirSync(directory)).toEqual(['LOCK.owner']);
  });

  it('ends in one winner when a chain of claims was followed too late', () => {
    put('LOCK.owner', dead);
    put(`LOCK.owner.${dead.nonce}`, deadSuccessor);
    // At its third judgement this one has read the chain; the other one ends it first.
    const refused = claimWith(3, () => {
      expect(claimOwnerFile(directory, b, judge)).toBeUndefined();
    });
    expect(refused).toMatchObject({ owner: { nonce: b.nonce }, state: 'alive' });
    expect(readOwnerFile().nonce).toBe(b.nonce);
  });

  it('goes on where a successor died before it was done', async () => {
    put('LOCK.owner', dead);
    put(`LOCK.owner.${dead.nonce}`, deadSuccessor);
    expect(claimOwnerFile(directory, a, judge)).toBeUndefined();
    expect(readOwnerFile().nonce).toBe(a.nonce);
  });

  it('respects a successor that is not done yet', () => {
    put('LOCK.owner', dead);
    put(`LOCK.owner.${dead.nonce}`, b);
    expect(claimOwnerFile(directory, a, judge)).toMatchObject({ owner: { nonce: b.nonce } });
    expect(readOwnerFile().nonce).toBe(dead.nonce);
  });

  it('comes to an end where claims lead in a circle', () => {
    put('LOCK.owner', dead);
    put(`LOCK.owner.${dead.nonce}`, dead);
    expect(claimOwnerFile(directory, a, judge)).toMatchObject({ state: 'alive' });
  });

  it('leaves no claims of the dead behind', async () => {
    const pid = deadPid();
    await plantOwner({ pid, nonce: '1'.repeat(32) });
    const first = readOwnerFile();
    put(`LOCK.owner.${first.nonce}`, { ...first, nonce: '2'.repeat(32) });
    put(`LOCK.owner.${'3'.repeat(32)}.tmp`, { ...first, nonce: '3'.repeat(32) });
    fs.writeFileSync(join(directory, 'LOCK.owner.bak'), 'the user made this');
    const lock = await lockDirectory(directory);
    expect(fs.readdirSync(directory).sort()).toEqual(['LOCK', 'LOCK.owner', 'LOCK.owner.bak']);
    await lock.release();
  });
});

describe('judgeOwner', () => {
  const self: LockOwner = {
    pid: 10,
    processStart: '100',
    bootId: 'boot',
    pidNamespace: 'pid:[1]',
    host: 'here',
    nonce: '0'.repeat(32),
    kernelLock: undefined,
  };
  const alive = { isAlive: () => true, startOf: () => '100' };
  const gone = { isAlive: () => false, startOf: () => undefined };
  const unknown = { isAlive: () => true, startOf: () => undefined };
  const forbidden = { isAlive: () => undefined, startOf: () => undefined };

  it.each([
    ['itself', {}, alive, 'alive'],
    ['gone', {}, gone, 'dead'],
    ['another with that pid', { processStart: '99' }, alive, 'dead'],
    ['start not known now', {}, unknown, 'alive'],
    ['start not known then', { processStart: undefined }, alive, 'alive'],
    ['another boot', { bootId: 'older' }, alive, 'dead'],
    ['boot not known', { bootId: undefined }, gone, 'dead'],
    ['another host', { host: 'there' }, gone, 'foreign'],
    ['another host and boot', { host: 'there', bootId: 'older' }, gone, 'foreign'],
    ['processes may not be looked up', {}, forbidden, 'foreign'],
    ['processes may not be looked up, another boot', { bootId: 'older' }, forbidden, 'dead'],
    ['another pid namespace', { pidNamespace: 'pid:[2]' }, gone, 'foreign'],
    ['pid namespace not known', { pidNamespace: undefined }, gone, 'foreign'],
    ['another boot and pid namespace', { bootId: 'older', pidNamespace: 'x' }, alive, 'dead'],
  ] as const)('%s', (_, changes, processes, state) => {
    expect(judgeOwner({ ...self, ...changes }, self, processes)).toBe(state);
  });
});
