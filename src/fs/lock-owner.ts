/** Who holds a directory, as LOCK.owner tells it. Every field but `kernelLock` names the process. */
export interface LockOwner {
  readonly pid: number;
  /** When the process started, in the words of its operating system; tells a reused pid. */
  readonly processStart: string | undefined;
  readonly bootId: string | undefined;
  readonly pidNamespace: string | undefined;
  readonly host: string;
  /** 32 hex digits, new for each acquisition. */
  readonly nonce: string;
  /** Device and inode of the LOCK file on which a kernel lock is held too, where there is one. */
  readonly kernelLock: string | undefined;
}

/** What can be said about the processes of this host. */
export interface ProcessTable {
  /** False only when there is certainly no such process; undefined where that may not be asked. */
  isAlive(pid: number): boolean | undefined;
  startOf(pid: number): string | undefined;
}

/** `foreign`: it cannot be looked up: on another host, in another pid namespace, or for lack of a permission. */
export type OwnerState = 'alive' | 'dead' | 'foreign';

export function judgeOwner(owner: LockOwner, self: LockOwner, processes: ProcessTable): OwnerState {
  if (owner.host !== self.host) return 'foreign';
  if (differ(owner.bootId, self.bootId)) return 'dead';
  if (owner.pidNamespace !== self.pidNamespace) return 'foreign';
  const isAlive = processes.isAlive(owner.pid);
  if (isAlive === undefined) return 'foreign';
  if (!isAlive) return 'dead';
  return differ(owner.processStart, processes.startOf(owner.pid)) ? 'dead' : 'alive';
}

/** What is not known proves nothing. */
function differ(a: string | undefined, b: string | undefined): boolean {
  return a !== undefined && b !== undefined && a !== b;
}

export function isSameProcess(owner: LockOwner, self: LockOwner): boolean {
  return (
    owner.pid === self.pid &&
    owner.host === self.host &&
    owner.processStart === self.processStart &&
    owner.bootId === self.bootId &&
    owner.pidNamespace === self.pidNamespace
  );
}

/** Longer owner files are not ours, and are not read. */
export const maxOwnerBytes = 4096;
const maxTextLength = 255;
const maxPid = 0x7fff_ffff;

export function encodeLockOwner(owner: LockOwner): string {
  // Readable by people too: this file is what they look at when a database is locked.
  return `${JSON.stringify({ ...owner, host: owner.host.slice(0, maxTextLength) }, null, 1)}\n`;
}

/** The owner in the text of an owner file, or undefined: it may hold anything at all. */
export function decodeLockOwner(text: string): LockOwner | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof parsed !== 'object' || parsed === null) return undefined;
  const fields = parsed as Readonly<Record<string, unknown>>;
  const { pid, host, nonce } = fields;
  // Signals to 0 and to negative numbers reach whole groups of processes.
  if (typeof pid !== 'number' || !Number.isInteger(pid) || pid <= 0 || pid > maxPid) {
    return undefined;
  }
  if (!isText(host)) return undefined;
  // The nonce becomes part of a file name.
  if (typeof nonce !== 'string' || !/^[0-9a-f]{32}$/.test(nonce)) return undefined;
  for (const name of ['processStart', 'bootId', 'pidNamespace', 'kernelLock']) {
    if (fields[name] !== undefined && !isText(fields[name])) return undefined;
  }
  return {
    pid,
    processStart: fields.processStart as string | undefined,
    bootId: fields.bootId as string | undefined,
    pidNamespace: fields.pidNamespace as string | undefined,
    host,
    nonce,
    kernelLock: fields.kernelLock as string | undefined,
  };
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value.length <= maxTextLength;
}
