import { LsmError, type LsmErrorCode } from '../index.js';

/** What the process's exit code says; docs/cli.md and `nori --help` list them. */
export const exitCodes = {
  ok: 0,
  /** The key is not there, or a line of the input is malformed. */
  no: 1,
  /** Damage was found. */
  damage: 2,
  usage: 64,
  /** An input file or a database is missing, or is something else. */
  noInput: 66,
  /** A bug of ours. */
  internal: 70,
  cannotCreate: 73,
  io: 74,
  /** Locked or busy: the same command may work later. */
  tryLater: 75,
  interrupted: 130,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** An end of the command that is told to the user in one line: what, then what to do. */
export class Failure extends Error {
  readonly exitCode: ExitCode;

  constructor(exitCode: ExitCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'Failure';
    this.exitCode = exitCode;
  }
}

export function usage(message: string): Failure {
  return new Failure(exitCodes.usage, message);
}

interface Answer {
  readonly exitCode: ExitCode;
  readonly advice: string;
}

const answers: Readonly<Record<LsmErrorCode, Answer>> = {
  LSM_CORRUPTION: {
    exitCode: exitCodes.damage,
    advice:
      "nothing was changed; 'nori verify DIR' lists all damage, 'nori repair DIR' saves what can be read",
  },
  LSM_LOCKED: {
    exitCode: exitCodes.tryLater,
    advice: 'or wait with --set lockTimeoutMs=5000',
  },
  LSM_BUSY: { exitCode: exitCodes.tryLater, advice: 'try again' },
  LSM_CLOSED: { exitCode: exitCodes.internal, advice: 'please report this' },
  LSM_ABORTED: { exitCode: exitCodes.interrupted, advice: 'run it again' },
  LSM_READ_ONLY: { exitCode: exitCodes.internal, advice: 'please report this' },
  LSM_FAILED: {
    exitCode: exitCodes.io,
    advice: 'check the disk, then run it again: what was acknowledged is stored',
  },
  LSM_INVALID_ARGUMENT: { exitCode: exitCodes.usage, advice: "see 'nori --help'" },
  LSM_TOO_LARGE: {
    exitCode: exitCodes.no,
    advice: 'keys may have 65,535 bytes, values 256 MiB',
  },
  LSM_NO_SPACE: { exitCode: exitCodes.io, advice: 'make room on the disk and run it again' },
  LSM_TOO_MANY_FILES: {
    exitCode: exitCodes.io,
    advice: "raise the limit of open files ('ulimit -n')",
  },
  LSM_IO: { exitCode: exitCodes.io, advice: 'check the disk and the permissions' },
  LSM_NOT_FOUND: {
    exitCode: exitCodes.noInput,
    advice: "'nori put' and 'nori load' make a new one",
  },
  LSM_EXISTS: { exitCode: exitCodes.cannotCreate, advice: 'choose another directory' },
  LSM_NOT_A_DATABASE: {
    exitCode: exitCodes.noInput,
    advice: 'nothing was changed',
  },
  LSM_UNSUPPORTED_FORMAT: {
    exitCode: exitCodes.noInput,
    advice: 'nothing was changed',
  },
  LSM_UNSUPPORTED: { exitCode: exitCodes.io, advice: 'use another file system' },
};

const adviceOfSystemError: Readonly<Record<string, Answer>> = {
  ENOENT: { exitCode: exitCodes.noInput, advice: 'check the path' },
  ENOTDIR: { exitCode: exitCodes.noInput, advice: 'check the path: a part of it is a file' },
  EISDIR: { exitCode: exitCodes.noInput, advice: 'name a file, not a directory' },
  EACCES: { exitCode: exitCodes.cannotCreate, advice: 'check who may read and write there' },
  EPERM: { exitCode: exitCodes.cannotCreate, advice: 'check who may read and write there' },
  ENOSPC: { exitCode: exitCodes.io, advice: 'make room on the disk' },
  EROFS: { exitCode: exitCodes.cannotCreate, advice: 'the file system is read-only' },
};

function systemAnswer(error: unknown): Answer | undefined {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    const { code } = cause as { code?: unknown };
    if (typeof code === 'string' && Object.hasOwn(adviceOfSystemError, code)) {
      return adviceOfSystemError[code];
    }
  }
  return undefined;
}

function isSystemError(error: unknown): error is Error & { readonly syscall: string } {
  return error instanceof Error && typeof (error as { syscall?: unknown }).syscall === 'string';
}

/** Node's `EACCES: permission denied, mkdir '/x'` without its leading code. */
function withoutCode(message: string): string {
  return message.replace(/\bE[A-Z0-9]+: /, '');
}

/** Any error as a failure that says what to do. What we do not know is a bug of ours. */
export function toFailure(error: unknown): Failure {
  if (error instanceof Failure) return error;
  if (error instanceof LsmError) {
    const { exitCode, advice } =
      (error.code === 'LSM_IO' ? systemAnswer(error) : undefined) ?? answers[error.code];
    return new Failure(exitCode, `${withoutCode(error.message)}; ${advice}`, error);
  }
  if (isSystemError(error)) {
    const { exitCode, advice } = systemAnswer(error) ?? answers.LSM_IO;
    return new Failure(exitCode, `${withoutCode(error.message)}; ${advice}`, error);
  }
  const message = error instanceof Error ? error.message : String(error);
  return new Failure(
    exitCodes.internal,
    `unexpected: ${message}; please report this with the output of NORI_DEBUG=1`,
    error,
  );
}

/** One line for stderr, whatever the message holds; with NORI_DEBUG=1 the stacks follow. */
export function describeFailure(failure: Failure, isDebugging: boolean): string {
  let text = `nori: ${failure.message.replace(/\s*\n\s*/g, ' ')}\n`;
  if (isDebugging) {
    for (let cause: unknown = failure; cause instanceof Error; cause = cause.cause) {
      text += `${cause.stack}\n`;
    }
  }
  return text;
}
