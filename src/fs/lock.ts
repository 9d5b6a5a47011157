import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '../base/clock.js';
import { LsmError, systemErrorCode, toLsmError } from '../base/errors.js';
import { joinPath, lockName, lockOwnerName } from '../base/file-names.js';
import type { DirectoryLock, LockOptions } from './file-system.js';
import {
  claimOwnerFile,
  readOwner,
  releaseOwnerFile,
  sweepClaims,
  unreadableOwner,
  type FoundOwner,
  type Refusal,
} from './lock-owner-file.js';
import {
  isSameProcess,
  judgeOwner,
  type LockOwner,
  type OwnerState,
  type ProcessTable,
} from './lock-owner.js';

/** What a lock needs to know of the machine, so that a test can stand in another one. */
export interface LockDetails {
  /** Where flock(1) may be; none means that there is no kernel lock. */
  readonly flockPaths: readonly string[];
  readonly host: string;
  readonly bootId: string | undefined;
  readonly pidNamespace: string | undefined;
  readonly processes: ProcessTable;
}

/**
 * Makes this the only writer of a directory, by three means, each for what the
 * others cannot see:
 *
 * - a registry of the directories that this thread holds, by device and inode;
 * - LOCK, with a kernel lock where the host has flock(1). It ends with the
 *   process, or with the worker thread, that holds it, however that ends;
 * - LOCK.owner, which names the owner, for hosts without flock(1), for other
 *   threads, and for the message.
 *
 * LOCK itself is never removed: whoever waits for a removed file waits for nothing.
 *
 * @throws LsmError `LSM_LOCKED` with the owner's pid and advice; `LSM_IO` where the directory cannot be written.
 */
export async function lockDirectory(
  directory: string,
  options: LockOptions = {},
  details: LockDetails = systemLockDetails(),
): Promise<DirectoryLock> {
  const deadline = systemClock.monotonicMs() + (options.timeoutMs ?? 0);
  for (let pauseMs = 20; ; pauseMs = Math.min(2 * pauseMs, 160)) {
    try {
      return tryLock(directory, options.overrideForeignOwner ?? false, details);
    } catch (error) {
      const leftMs = deadline - systemClock.monotonicMs();
      const isLocked = error instanceof LsmError && error.code === 'LSM_LOCKED';
      if (!isLocked || leftMs <= 0) throw lockError(error, directory);
      await sleep(Math.min(pauseMs, leftMs));
    }
  }
}

function tryLock(directory: string, override: boolean, details: LockDetails): DirectoryLock {
  const held = heldDirectories();
  const opened: number[] = [];
  const closeAll = (): void => {
    for (const fd of opened.splice(0)) fs.closeSync(fd);
  };
  try {
    const directoryId = identifyDirectory(directory, opened);
    if (held.has(directoryId)) throw lockedHere(directory);
    const lockPath = joinPath(directory, lockName);
    const { O_CREAT, O_RDWR, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = fs.constants;
    const fd = fs.openSync(lockPath, O_CREAT | O_RDWR | O_NOFOLLOW | O_NONBLOCK, 0o644);
    opened.push(fd);
    const kernelLock = takeKernelLock(fd, details.flockPaths);
    const self: LockOwner = {
      pid: process.pid,
      processStart: details.processes.startOf(process.pid),
      bootId: details.bootId,
      pidNamespace: details.pidNamespace,
      host: details.host,
      nonce: randomBytes(16).toString('hex'),
      kernelLock: kernelLock === 'held' ? identify(fs.fstatSync(fd, { bigint: true })) : undefined,
    };
    const judge = (owner: FoundOwner): OwnerState => {
      if (owner === unreadableOwner) return override ? 'dead' : 'foreign';
      const state = judgeOwner(owner, self, details.processes);
      if (state === 'foreign') return override ? 'dead' : 'foreign';
      // Its process lives, but the kernel lock that it held on this very file is
      // ours now: a worker thread that was terminated.
      const isAbandoned = owner.kernelLock !== undefined && owner.kernelLock === self.kernelLock;
      return isAbandoned ? 'dead' : state;
    };
    if (kernelLock === 'taken') {
      const owner = readOwner(joinPath(directory, lockOwnerName));
      throw locked(directory, self, { owner: owner ?? unreadableOwner, state: 'alive' });
    }
    const refusal = claimOwnerFile(directory, self, judge);
    if (refusal !== undefined) throw locked(directory, self, refusal);
    sweepClaims(directory, judge);
    held.add(directoryId);
    return {
      release: async () => {
        if (opened.length === 0) return;
        try {
          releaseOwnerFile(directory, self);
        } catch (error) {
          throw toLsmError(error, 'cannot remove the lock owner file', directory);
        } finally {
          closeAll();
          held.delete(directoryId);
        }
      },
    };
  } catch (error) {
    closeAll();
    throw error;
  }
}

/** Shared by every copy of this module that the thread has loaded. */
function heldDirectories(): Set<string> {
  const name = Symbol.for('nori-lsm.heldDirectories');
  const holder = globalThis as { [name]?: Set<string> };
  return (holder[name] ??= new Set());
}

/** Held open where that is possible: while it is, the inode number goes to no other directory. */
function identifyDirectory(directory: string, opened: number[]): string {
  if (process.platform === 'win32') return identify(fs.statSync(directory, { bigint: true }));
  const { O_RDONLY, O_DIRECTORY } = fs.constants;
  const fd = fs.openSync(directory, O_RDONLY | O_DIRECTORY);
  opened.push(fd);
  return identify(fs.fstatSync(fd, { bigint: true }));
}

function identify(stats: fs.BigIntStats): string {
  return `${stats.dev}:${stats.ino}`;
}

/**
 * Lets flock(1) lock a descriptor that it inherits: the lock belongs to the open
 * file, which stays open here when the tool has ended (2–3 ms).
 */
function takeKernelLock(fd: number, flockPaths: readonly string[]): 'held' | 'taken' | 'none' {
  for (const path of flockPaths) {
    if (!fs.existsSync(path)) continue;
    try {
      const { status } = spawnSync(path, ['-x', '-n', '3'], {
        stdio: ['ignore', 'ignore', 'ignore', fd],
      });
      if (status === 0) return 'held';
      if (status === 1) return 'taken';
    } catch {
      // Processes are forbidden here (Node's permission model); the owner file remains.
    }
  }
  return 'none';
}

function lockedHere(directory: string): LsmError {
  return new LsmError(
    'LSM_LOCKED',
    `${directory} is already open in this process (pid ${process.pid}); close it first, or share that handle`,
    { file: directory },
  );
}

function locked(directory: string, self: LockOwner, refusal: Refusal): LsmError {
  const { owner, state } = refusal;
  if (owner !== unreadableOwner && isSameProcess(owner, self)) return lockedHere(directory);
  const who =
    owner === unreadableOwner
      ? 'a process that LOCK.owner does not name'
      : owner.host === self.host && owner.pidNamespace === self.pidNamespace
        ? `process ${owner.pid}`
        : `process ${owner.pid} in another container or on another host (${JSON.stringify(owner.host)})`;
  const advice =
    state === 'foreign'
      ? 'whether it still runs cannot be seen from here; if it does not, open with overrideForeignOwner, or delete LOCK.owner'
      : 'close the database there, or stop that process';
  return new LsmError('LSM_LOCKED', `${directory} is locked by ${who}; ${advice}`, {
    file: joinPath(directory, lockOwnerName),
  });
}

function lockError(error: unknown, directory: string): LsmError {
  const code = systemErrorCode(error);
  if (code === 'EACCES' || code === 'EROFS' || code === 'EPERM') {
    const message = `cannot lock ${directory}: it is not writable (${code}); make it writable for this user, or open it read-only`;
    return new LsmError('LSM_IO', message, { file: directory, cause: error });
  }
  return toLsmError(error, `cannot lock ${directory}`, directory);
}

let cachedDetails: LockDetails | undefined;

export function systemLockDetails(): LockDetails {
  cachedDetails ??= {
    flockPaths: ['/usr/bin/flock', '/bin/flock'],
    host: hostname(),
    bootId: bootId(),
    pidNamespace: orUndefined(() => fs.readlinkSync('/proc/self/ns/pid')),
    processes: { isAlive, startOf },
  };
  return cachedDetails;
}

function bootId(): string | undefined {
  if (process.platform === 'darwin') {
    return output('/usr/sbin/sysctl', ['-n', 'kern.bootsessionuuid']);
  }
  return orUndefined(() => fs.readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim());
}

function isAlive(pid: number): boolean | undefined {
  try {
    process.kill(pid, 0);
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === 'ESRCH') return false;
    // Of another user. Any other refusal tells nothing: Deno without --allow-run.
    return code === 'EPERM' ? true : undefined;
  }
  // Killed, but its parent has not looked yet: it holds nothing any more.
  const state = processStatus(pid)?.[0];
  return state !== 'Z' && state !== 'X';
}

function startOf(pid: number): string | undefined {
  if (process.platform === 'darwin') return output('/bin/ps', ['-o', 'lstart=', '-p', String(pid)]);
  // Field 22: clock ticks between boot and start. The first field here is the third.
  return processStatus(pid)?.[19];
}

/** The fields of /proc/PID/stat behind the command's name, which may hold anything. */
function processStatus(pid: number): string[] | undefined {
  const text = orUndefined(() => fs.readFileSync(`/proc/${pid}/stat`, 'latin1'));
  return text?.slice(text.lastIndexOf(')') + 2).split(' ');
}

function output(path: string, parameters: readonly string[]): string | undefined {
  const result = orUndefined(() =>
    spawnSync(path, parameters, { encoding: 'latin1', env: { LC_ALL: 'C' } }),
  );
  return result?.status === 0 ? result.stdout.trim() : undefined;
}

function orUndefined<T>(attempt: () => T): T | undefined {
  try {
    return attempt();
  } catch {
    return undefined;
  }
}
