import type { MessagePort } from 'node:worker_threads';
import { LsmError, type ChecksumDamage, type LsmErrorCode } from '../base/errors.js';
import { withOwnKeys, type JobResult, type JobSettings } from './job-settings.js';

/** What the worker is started with. */
export interface WorkerData {
  /** Jobs come in and results go out here. */
  readonly port: MessagePort;
  /** Nice value the thread gives itself; Linux only, where it concerns that thread alone. */
  readonly niceness: number;
  /** The words below, shared. */
  readonly words: Int32Array;
}

/** Words shared by both threads as long as the worker lives. */
export const threadWords = 3;
/** Counts up as long as the worker gets on with its job. */
export const progressWord = 0;
/** 1 while the worker computes, 0 while it loads, waits for a job, or for the operating system. */
export const isComputingWord = 1;
/** 1 once the worker ends; one that is terminated, or runs out of memory, cannot say so. */
export const hasEndedWord = 2;

/** To the worker. */
export interface JobMessage {
  readonly id: number;
  readonly settings: JobSettings;
  /** The words below, shared. */
  readonly shared: Int32Array;
}

/** Words shared by both threads for one job. */
export const isDoneWord = 0;
export const isCancelledWord = 1;
export const jobWords = 2;

export function sharedInts(length: number): Int32Array {
  return new Int32Array(new SharedArrayBuffer(4 * length));
}

/** From the worker. */
export type WorkerMessage =
  | { readonly type: 'ready'; readonly priorityError: string | undefined }
  | { readonly type: 'done'; readonly id: number; readonly result: JobResult }
  | { readonly type: 'failed'; readonly id: number; readonly error: PlainError };

/** An error as plain data: structured clone keeps neither class nor code. */
export interface PlainError {
  /** Undefined for what is no `LsmError`: a bug. */
  readonly code: LsmErrorCode | undefined;
  readonly name: string;
  readonly message: string;
  readonly file: string | undefined;
  readonly offset: number | undefined;
  readonly damage: ChecksumDamage | undefined;
  readonly stack: string | undefined;
  readonly cause: PlainError | undefined;
}

export function encodeError(error: unknown): PlainError {
  if (!(error instanceof Error)) {
    const message = String(error);
    return { ...noDetails, name: 'Error', message };
  }
  const { name, message, stack } = error;
  const cause = error.cause === undefined ? undefined : encodeError(error.cause);
  if (!(error instanceof LsmError)) {
    // The operating system's code is worth more than its text.
    const systemCode = (error as { code?: unknown }).code;
    const isNamed = typeof systemCode !== 'string' || message.includes(systemCode);
    return {
      ...noDetails,
      name,
      message: isNamed ? message : `${systemCode}: ${message}`,
      stack,
      cause,
    };
  }
  const { code, file, offset, damage } = error;
  return { code, name, message, file, offset, damage, stack, cause };
}

const noDetails = {
  code: undefined,
  file: undefined,
  offset: undefined,
  damage: undefined,
  stack: undefined,
  cause: undefined,
};

export function decodeError(plain: PlainError): Error {
  const { code, message, file, offset, damage } = plain;
  const cause = plain.cause === undefined ? undefined : decodeError(plain.cause);
  const error =
    code === undefined
      ? new Error(message, cause === undefined ? undefined : { cause })
      : new LsmError(code, message, { file, offset, damage, cause });
  error.name = plain.name;
  if (plain.stack !== undefined) error.stack = plain.stack;
  return error;
}

/** The result with keys that own their bytes, ready to be cloned. */
export function packResult(result: JobResult): JobResult {
  return { ...result, tables: result.tables.map(withOwnKeys) };
}
