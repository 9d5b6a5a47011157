import { isLsmError, LsmError, type LsmErrorCode } from '../index.js';

/** An error with one of the codes of abstract-level; `cause` is ours, with the file and what to do. */
export class LevelError extends Error {
  readonly code: string;

  constructor(code: string, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}

/** The codes that classic-level gives the same thing. */
const levelCodes: Partial<Readonly<Record<LsmErrorCode, string>>> = {
  LSM_CORRUPTION: 'LEVEL_CORRUPTION',
  LSM_LOCKED: 'LEVEL_LOCKED',
  LSM_CLOSED: 'LEVEL_DATABASE_NOT_OPEN',
  LSM_FAILED: 'LEVEL_IO_ERROR',
  LSM_NO_SPACE: 'LEVEL_IO_ERROR',
  LSM_TOO_MANY_FILES: 'LEVEL_IO_ERROR',
  LSM_IO: 'LEVEL_IO_ERROR',
  LSM_ABORTED: 'LEVEL_ABORTED',
};

/** Gives an error of ours the code that programs of the Level world know; one that has none there stays as it is. */
export function toLevelError(error: unknown): unknown {
  if (!(error instanceof LsmError)) return error;
  const code = levelCodes[error.code];
  if (code === undefined) return error;
  const mapped = new LevelError(code, error.message, error);
  if (code === 'LEVEL_ABORTED') mapped.name = 'AbortError';
  return mapped;
}

/** Of `open`: what `createIfMissing` and `errorIfExists` say no to, in the words that programs look for. */
export function toOpenError(error: unknown, location: string): unknown {
  if (isLsmError(error, 'LSM_NOT_FOUND')) {
    const message = `${location} does not exist (createIfMissing is false)`;
    return new LevelError(error.code, message, error);
  }
  if (isLsmError(error, 'LSM_EXISTS')) {
    return new LevelError(error.code, `${location} exists (errorIfExists is true)`, error);
  }
  return toLevelError(error);
}

/** What reads of an iterator reject with whose signal was aborted. */
export function aborted(signal: AbortSignal): LevelError {
  const error = new LevelError('LEVEL_ABORTED', 'Operation has been aborted', signal.reason);
  error.name = 'AbortError';
  return error;
}

/** For `catch` of a promise. */
export function rethrow(error: unknown): never {
  throw toLevelError(error);
}
