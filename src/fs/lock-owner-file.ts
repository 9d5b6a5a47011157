import * as fs from 'node:fs';
import { systemErrorCode } from '../base/errors.js';
import { joinPath, lockOwnerName } from '../base/file-names.js';
import {
  decodeLockOwner,
  encodeLockOwner,
  maxOwnerBytes,
  type LockOwner,
  type OwnerState,
} from './lock-owner.js';

/** An owner file that is there, whose content is not an owner. */
export const unreadableOwner = 'unreadable';
export type FoundOwner = LockOwner | typeof unreadableOwner;

export interface Refusal {
  readonly owner: FoundOwner;
  readonly state: OwnerState;
}

/** No crowd of contenders and no hostile directory makes more rounds than this. */
const maxRounds = 32;

/**
 * Makes LOCK.owner name `self`, or tells who has it. Works without a kernel
 * lock, by exclusive creation alone:
 *
 * - A free directory goes to whoever creates LOCK.owner (by linking a file that
 *   was written and synced before, so that nobody reads half of it).
 * - A dead owner with nonce N goes to whoever creates `LOCK.owner.N`, the claim
 *   on N. If that one died too before it was done, its own nonce is claimed, and
 *   so on: the chain of claims ends in the successor.
 * - The successor makes sure that LOCK.owner still begins the chain (it may have
 *   read it long ago), and renames its claim over it. Nobody else may replace
 *   LOCK.owner, nor does anybody ever move the claim of another.
 */
export function claimOwnerFile(
  directory: string,
  self: LockOwner,
  judge: (owner: FoundOwner) => OwnerState,
): Refusal | undefined {
  const ownerPath = joinPath(directory, lockOwnerName);
  // Whoever only waits writes nothing.
  const present = readOwner(ownerPath);
  if (present !== undefined) {
    const state = judge(present);
    if (state !== 'dead') return { owner: present, state };
  }
  const draft = `${ownerPath}.${self.nonce}.tmp`;
  const content = encodeLockOwner(self);
  try {
    writeNew(draft, content);
    let refusal: Refusal = { owner: unreadableOwner, state: 'alive' };
    for (let round = 0; round < maxRounds; round++) {
      if (placeNew(draft, ownerPath, content)) return undefined;
      const first = readOwner(ownerPath);
      if (first === undefined) continue;
      refusal = { owner: first, state: judge(first) };
      if (refusal.state !== 'dead') return refusal;
      const claim = claimPath(ownerPath, first);
      const end = placeAtEnd(draft, claim, content, ownerPath, judge);
      if (typeof end === 'object') return end;
      if (end === undefined) continue;
      const still = readOwner(ownerPath);
      if (still !== undefined && nonceOf(still) === nonceOf(first)) {
        fs.renameSync(end, ownerPath);
        return undefined;
      }
      removeIfPresent(end);
    }
    return { ...refusal, state: 'alive' };
  } finally {
    removeIfPresent(draft);
  }
}

/** Claims the last dead owner of the chain; undefined when the chain changed meanwhile. */
function placeAtEnd(
  draft: string,
  firstClaim: string,
  content: string,
  ownerPath: string,
  judge: (owner: FoundOwner) => OwnerState,
): string | Refusal | undefined {
  let claim = firstClaim;
  for (let length = 0; length < maxRounds; length++) {
    if (placeNew(draft, claim, content)) return claim;
    const owner = readOwner(claim);
    if (owner === undefined) return undefined;
    const state = judge(owner);
    if (state !== 'dead') return { owner, state };
    claim = claimPath(ownerPath, owner);
  }
  return undefined;
}

/** Takes the owner file away if it is still `self`'s. */
export function releaseOwnerFile(directory: string, self: LockOwner): void {
  const path = joinPath(directory, lockOwnerName);
  const owner = readOwner(path);
  if (owner !== undefined && nonceOf(owner) === self.nonce) removeIfPresent(path);
}

/** Removes what dead contenders left; to be called by the owner. */
export function sweepClaims(directory: string, judge: (owner: FoundOwner) => OwnerState): void {
  for (const name of fs.readdirSync(directory)) {
    if (!name.startsWith(`${lockOwnerName}.`)) continue;
    const path = joinPath(directory, name);
    const owner = readOwner(path);
    if (owner !== undefined && owner !== unreadableOwner && judge(owner) === 'dead') {
      removeIfPresent(path);
    }
  }
}

export function readOwner(path: string): FoundOwner | undefined {
  let fd: number;
  try {
    // Neither a link out of the directory nor a FIFO that never answers.
    const { O_RDONLY, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = fs.constants;
    fd = fs.openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  } catch (error) {
    const code = systemErrorCode(error);
    // Nobody can have made a file of that name.
    if (code === 'ENAMETOOLONG') throw error;
    return code === 'ENOENT' ? undefined : unreadableOwner;
  }
  try {
    if (!fs.fstatSync(fd).isFile()) return unreadableOwner;
    const bytes = Buffer.alloc(maxOwnerBytes + 1);
    const length = fs.readSync(fd, bytes, 0, bytes.length, 0);
    if (length > maxOwnerBytes) return unreadableOwner;
    return decodeLockOwner(bytes.toString('utf8', 0, length)) ?? unreadableOwner;
  } catch {
    return unreadableOwner;
  } finally {
    fs.closeSync(fd);
  }
}

function nonceOf(owner: FoundOwner): string {
  return owner === unreadableOwner ? unreadableOwner : owner.nonce;
}

function claimPath(ownerPath: string, owner: FoundOwner): string {
  return `${ownerPath}.${nonceOf(owner)}`;
}

function writeNew(path: string, content: string): void {
  const fd = fs.openSync(path, 'wx', 0o644);
  try {
    fs.writeFileSync(fd, content);
    fs.fdatasyncSync(fd);
  } finally {
    fs.closeSync(fd);
  }
}

/** Gives the draft a second name; false when that name is taken. */
function placeNew(draft: string, path: string, content: string): boolean {
  try {
    try {
      fs.linkSync(draft, path);
    } catch (error) {
      if (!hasNoLinks(error)) throw error;
      // A file that is read before it is written counts as unreadable, hence as taken.
      writeNew(path, content);
    }
    return true;
  } catch (error) {
    if (systemErrorCode(error) === 'EEXIST') return false;
    throw error;
  }
}

/** FAT, and some network file systems. */
function hasNoLinks(error: unknown): boolean {
  const code = systemErrorCode(error);
  return code === 'EPERM' || code === 'ENOTSUP' || code === 'EOPNOTSUPP' || code === 'ENOSYS';
}

function removeIfPresent(path: string): void {
  try {
    fs.unlinkSync(path);
  } catch (error) {
    if (systemErrorCode(error) !== 'ENOENT') throw error;
  }
}
