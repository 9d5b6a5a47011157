/**
 * The closed list of error codes. A code says what kind of thing went wrong and
 * therefore what a caller can do; the message says what exactly. docs/errors.md
 * gives the advice for each.
 */
export type LsmErrorCode =
  | 'LSM_CORRUPTION'
  | 'LSM_LOCKED'
  | 'LSM_CLOSED'
  | 'LSM_READ_ONLY'
  | 'LSM_FAILED'
  | 'LSM_BUSY'
  | 'LSM_INVALID_ARGUMENT'
  | 'LSM_TOO_LARGE'
  | 'LSM_NO_SPACE'
  | 'LSM_TOO_MANY_FILES'
  | 'LSM_IO'
  | 'LSM_NOT_FOUND'
  | 'LSM_EXISTS'
  | 'LSM_NOT_A_DATABASE'
  | 'LSM_UNSUPPORTED_FORMAT'
  | 'LSM_UNSUPPORTED'
  | 'LSM_ABORTED';

/** A bit of a file. */
export interface FlippedBit {
  /** Offset of its byte in the file. */
  readonly offset: number;
  /** 0 is the lowest of the eight. */
  readonly bit: number;
}

/** What is known of a place whose checksum does not match. */
export interface ChecksumDamage {
  /** The checksum that stands in the file; absent where damage hides what it covers. */
  readonly expected?: number;
  /** The checksum of the bytes as they are. */
  readonly found?: number;
  /**
   * The only bit whose flip explains the damage; null when no single one does. Absent
   * where it was not looked for: in more than 64 KiB.
   */
  readonly flippedBit?: FlippedBit | null;
}

/** What an `LsmError` knows besides its code and message. */
export interface LsmErrorDetails {
  /** Path of the file concerned. */
  readonly file?: string;
  /** Byte offset in that file. */
  readonly offset?: number;
  /** Of a checksum that does not match. */
  readonly damage?: ChecksumDamage | undefined;
  /** The error that led to this one. */
  readonly cause?: unknown;
}

/** Every error this package throws for bad input, bad data or a failing disk. */
export class LsmError extends Error {
  /** What kind of thing went wrong: what a program decides by. */
  readonly code: LsmErrorCode;
  /** Path of the file or directory concerned, where there is one. */
  readonly file: string | undefined;
  /** Byte offset in that file, where it is known. */
  readonly offset: number | undefined;
  /** Of `LSM_CORRUPTION`: the checksums that differ, and whether one flipped bit explains it. */
  readonly damage: ChecksumDamage | undefined;

  constructor(code: LsmErrorCode, message: string, details: LsmErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'LsmError';
    this.code = code;
    this.file = details.file;
    this.offset = details.offset;
    this.damage = details.damage;
  }
}

/** True when `error` is an `LsmError`, and has `code` where one is given. */
export function isLsmError(error: unknown, code?: LsmErrorCode): error is LsmError {
  return error instanceof LsmError && (code === undefined || error.code === code);
}

/** Damaged bytes in a file; `what` names the structure and what was expected. */
export function corruption(
  what: string,
  file: string,
  offset?: number,
  cause?: unknown,
  damage?: ChecksumDamage,
): LsmError {
  const place = offset === undefined ? file : `${file} at byte ${offset}`;
  return new LsmError('LSM_CORRUPTION', `${what} in ${place}${describeFlip(damage)}`, {
    file,
    ...(offset === undefined ? {} : { offset }),
    cause,
    damage,
  });
}

/** The end of a message: whether one bit explains the damage. Empty where that is not known. */
export function describeFlip(damage: ChecksumDamage | undefined): string {
  const flipped = damage?.flippedBit;
  if (flipped === undefined) return '';
  if (flipped === null) return '; no single flipped bit explains it';
  return `; one flipped bit explains it: bit ${flipped.bit} of byte ${flipped.offset}`;
}

export function invalidArgument(message: string): LsmError {
  return new LsmError('LSM_INVALID_ARGUMENT', message);
}

interface SystemError extends Error {
  readonly code: string;
  readonly path?: string;
}

function isSystemError(error: unknown): error is SystemError {
  return error instanceof Error && typeof (error as { code?: unknown }).code === 'string';
}

/** The operating system's error code (`ENOENT`, …), or undefined. */
export function systemErrorCode(error: unknown): string | undefined {
  return isSystemError(error) ? error.code : undefined;
}

const codeOfSystemError: Readonly<Record<string, LsmErrorCode>> = {
  ENOSPC: 'LSM_NO_SPACE',
  EDQUOT: 'LSM_NO_SPACE',
  EMFILE: 'LSM_TOO_MANY_FILES',
  ENFILE: 'LSM_TOO_MANY_FILES',
};

/** Gives an operating system error one of our codes; an `LsmError` stays as it is. */
export function toLsmError(error: unknown, doing: string, file?: string): LsmError {
  if (error instanceof LsmError) return error;
  const systemCode = systemErrorCode(error);
  const code = (systemCode === undefined ? undefined : codeOfSystemError[systemCode]) ?? 'LSM_IO';
  const reason = error instanceof Error ? error.message : String(error);
  return new LsmError(code, `${doing}: ${reason}`, {
    ...(file === undefined ? {} : { file }),
    cause: error,
  });
}
