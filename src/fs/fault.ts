import { invalidArgument } from '../base/errors.js';
import type { FileOperation } from './recording-file-system.js';
import { systemError, type SystemErrorCode } from './system-error.js';

/** Which calls meet a fault, and what becomes of them. */
export interface FaultRule {
  /** Names of calls; a synchronous one has the name of its twin. Default: all that can meet this fault. */
  readonly operation?: FileOperation | readonly FileOperation[];
  /** Must match the path; of a rename or link, one of both. Default: any. */
  readonly path?: RegExp;
  /** The first of the matching calls that meets the fault, counted from 1. Default 1. */
  readonly nth?: number;
  /** `forever`: every matching call after it too, until the fault is lifted. Default `once`. */
  readonly times?: 'once' | 'forever';
  /**
   * The call fails with this error and has no effect, apart from `close` and `unlock`: those let go
   * all the same, as an operating system does. EMFILE meets only calls that open something,
   * ENOSPC only those that need space.
   */
  readonly error?: SystemErrorCode;
  /** The call fails but was done, as when its answer got lost: for calls that open nothing. */
  readonly isDone?: boolean;
  /**
   * For reads and writes. A write stores only its first `bytes`, then fails with `error` (default
   * ENOSPC). A read answers no more than so many, as if the file ended there: that is
   * what the contract of `File.read` means by fewer.
   */
  readonly bytes?: number;
  /** An asynchronous call waits for so many turns of the event loop first. A synchronous one cannot. */
  readonly turns?: number;
  /** An asynchronous call waits until the fault is lifted. A synchronous one cannot. */
  readonly isHeld?: boolean;
  /** Called when a call meets the fault, before anything becomes of it. */
  readonly onMet?: (call: FaultyCall) => void;
}

/** A call that met a fault. */
export interface FaultyCall {
  /** Its name; that of its twin when it was synchronous. */
  readonly operation: FileOperation;
  /** Of the file or directory; of a rename or link, what it was called before. */
  readonly path: string;
  /** Its number among all calls, counted from 0. */
  readonly index: number;
}

const opening: readonly FileOperation[] = [
  'create',
  'open',
  'list',
  'lock',
  'make-directory',
  'sync-directory',
];
const needingSpace: readonly FileOperation[] = [
  'create',
  'write',
  'truncate',
  'sync',
  'make-directory',
  'rename',
  'link',
  'sync-directory',
  'lock',
];

/** Calls whose caller would never get what was opened for it. */
const givingBack: readonly FileOperation[] = ['create', 'open', 'lock'];

/** Whether such a call can meet a fault of this kind. */
export function canMeet(rule: FaultRule, operation: FileOperation): boolean {
  const { error, bytes, isDone } = rule;
  if (bytes !== undefined && operation !== 'write') {
    if (operation !== 'read' || error !== undefined) return false;
  }
  if (isDone && givingBack.includes(operation)) return false;
  if (error === 'EMFILE') return opening.includes(operation);
  return error !== 'ENOSPC' || needingSpace.includes(operation);
}

/** A rule at work in a `FaultFileSystem`. */
export class Fault {
  /** As it was injected. */
  readonly rule: FaultRule;
  /** Resolves when the first call meets the fault. */
  readonly reached: Promise<void>;
  readonly #operations: readonly FileOperation[] | undefined;
  readonly #nth: number;
  readonly #calls: FaultyCall[] = [];
  readonly #lifted: Promise<void>;
  #reach!: () => void;
  #lift!: () => void;
  #isLifted = false;
  #count = 0;

  /** @throws LsmError `LSM_INVALID_ARGUMENT` when no call can meet such a fault. */
  constructor(rule: FaultRule) {
    this.rule = rule;
    this.#nth = rule.nth ?? 1;
    const { operation } = rule;
    this.#operations =
      operation === undefined ? undefined : typeof operation === 'string' ? [operation] : operation;
    const impossible = this.#operations?.find((one) => !canMeet(rule, one));
    if (impossible !== undefined) throw invalidArgument(`no ${impossible} can meet this fault`);
    this.reached = new Promise((resolve) => {
      this.#reach = resolve;
    });
    this.#lifted = new Promise((resolve) => {
      this.#lift = resolve;
    });
  }

  /** The calls that met it, in their order. */
  get calls(): readonly FaultyCall[] {
    return this.#calls;
  }

  /** Ends it for good: calls that it holds go on, and later ones do not meet it. */
  lift(): void {
    this.#isLifted = true;
    this.#lift();
  }

  /** Counts a call that matches, and says whether it meets the fault; `to` is where a rename or link leads. */
  meets(call: FaultyCall, to?: string): boolean {
    if (this.#isLifted || !this.#matches(call, to)) return false;
    this.#count++;
    const isLate = this.#count > this.#nth && this.rule.times !== 'forever';
    if (this.#count < this.#nth || isLate) return false;
    this.#calls.push(call);
    this.#reach();
    this.rule.onMet?.(call);
    return true;
  }

  /** How long an asynchronous call waits; undefined for not at all. */
  wait(): Promise<void> | undefined {
    if (this.rule.isHeld) return this.#lifted;
    return this.rule.turns ? passTurns(this.rule.turns) : undefined;
  }

  /** What the call throws, if it does. */
  errorOf({ operation, path }: FaultyCall): Error | undefined {
    const isShortWrite = operation === 'write' && this.rule.bytes !== undefined;
    const code = this.rule.error ?? (isShortWrite ? 'ENOSPC' : undefined);
    return code && systemError(code, operation, path);
  }

  /** Whether a call that fails is done all the same. */
  isDone({ operation }: FaultyCall): boolean {
    return this.rule.isDone === true || operation === 'close' || operation === 'unlock';
  }

  #matches({ operation, path }: FaultyCall, to?: string): boolean {
    const pattern = this.rule.path;
    if (!(this.#operations?.includes(operation) ?? canMeet(this.rule, operation))) return false;
    if (pattern === undefined || isMatch(pattern, path)) return true;
    return to !== undefined && isMatch(pattern, to);
  }
}

/** Patterns may be global or sticky and then remember where they were. */
function isMatch(pattern: RegExp, path: string): boolean {
  pattern.lastIndex = 0;
  return pattern.test(path);
}

async function passTurns(turns: number): Promise<void> {
  for (let i = 0; i < turns; i++) {
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
}
