/** Names of the files in a database directory. Names come from numbers only, never from stored text. */

export const currentName = 'CURRENT';
export const currentTemporaryName = 'CURRENT.tmp';
export const lockName = 'LOCK';
export const lockOwnerName = 'LOCK.owner';
/** Tables that recovery set aside; never deleted by recovery itself. */
export const lostDirectoryName = 'lost';

/**
 * True for LOCK, LOCK.owner, and what somebody who was about to take the lock
 * leaves behind when it is killed: a draft, or a claim on a dead owner's place.
 */
export function isLockName(name: string): boolean {
  return /^LOCK(?:\.owner(?:\.(?:[0-9a-f]{32}|unreadable)(?:\.tmp)?)?)?$/.test(name);
}

export type NumberedKind = 'manifest' | 'log' | 'table';

export interface NumberedFile {
  readonly kind: NumberedKind;
  readonly number: number;
}

function pad(number: number): string {
  return String(number).padStart(6, '0');
}

export function tableName(number: number): string {
  return `${pad(number)}.sst`;
}

export function logName(number: number): string {
  return `${pad(number)}.log`;
}

export function manifestName(number: number): string {
  return `MANIFEST-${pad(number)}`;
}

/** The kind and number in `name`, or undefined when the name is not one that we write. */
export function parseFileName(name: string): NumberedFile | undefined {
  const match = /^(?:(MANIFEST)-(\d{6,16})|(\d{6,16})\.(sst|log))$/.exec(name);
  if (match === null) return undefined;
  const kind: NumberedKind =
    match[1] !== undefined ? 'manifest' : match[4] === 'sst' ? 'table' : 'log';
  const number = Number(match[2] ?? match[3]);
  if (!Number.isSafeInteger(number)) return undefined;
  const expected =
    kind === 'manifest'
      ? manifestName(number)
      : kind === 'table'
        ? tableName(number)
        : logName(number);
  return expected === name ? { kind, number } : undefined;
}

export function joinPath(directory: string, name: string): string {
  return directory.endsWith('/') ? directory + name : `${directory}/${name}`;
}
