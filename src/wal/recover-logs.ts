import { corruption, type LsmError } from '../base/errors.js';
import { joinPath, logName } from '../base/file-names.js';
import type { Steps } from '../base/task.js';
import type { FileSystem } from '../fs/file-system.js';
import { followChain, type ChainedLog, type LogChainOptions } from './log-chain.js';
import { judgeChain, type CleanClose, type ScannedLog } from './log-claims.js';
import { withLogFile } from './log-file.js';
import { LogReader, type LogReport } from './log-reader.js';
import { LogReplayer, type ReplayedBatch } from './log-replayer.js';

export interface RecoverLogsOptions extends LogChainOptions {
  /** From the manifest, when the last session closed cleanly. */
  readonly cleanClose?: CleanClose | undefined;
  /**
   * Takes each batch, in the order of sequence numbers. What it is given is valid
   * until it returns, or until the steps that it returns are done.
   */
  readonly replay: (batch: ReplayedBatch) => Steps<void> | undefined;
}

/** What recovery found; it has changed nothing on disk. */
export interface LogReplay {
  /** The logs that count, oldest first. They are to be synced before anything is built on them. */
  readonly logs: readonly {
    readonly number: number;
    readonly path: string;
    readonly end: number;
  }[];
  /** Where the next log hangs on: the last log that counts and its end; 0 = there is none. */
  readonly last: { readonly number: number; readonly end: number };
  /** Logs in the directory in which nothing counts: not needed, never begun, or voided. */
  readonly voidLogs: readonly number[];
  readonly batches: number;
  readonly operations: number;
  /** Bytes of the records handed to `replay`. */
  readonly bytes: number;
  /** Records not handed over: copies that an interrupted recovery had made, and types that may be skipped. */
  readonly skippedRecords: number;
  /** The highest sequence number seen; 0 = none. */
  readonly highestSeq: number;
  /** What is cut off behind the end of the last log that counts. */
  readonly tornTail: TornTail | undefined;
  /** That log ends below the end its successor states, so that all later ones are void. */
  readonly endedEarly: { readonly number: number; readonly statedEnd: number } | undefined;
  /** The most that a header states of the manifest, for the caller to check; undefined without logs. */
  readonly manifestClaim: { readonly number: number; readonly syncedLength: number } | undefined;
}

export interface TornTail {
  readonly file: string;
  readonly offset: number;
  /** Up to the last byte that is not zero. */
  readonly bytes: number;
  readonly detail: string;
}

/** Reading again helps only against a writer that was appending meanwhile. */
const maxScans = 5;

/**
 * Replays the write-ahead logs: finds the chain, checks that no log ends where it
 * must not, then hands each batch to `replay`. Every log is read twice, because a
 * later one can show that an earlier one is damaged.
 *
 * May be used on the directory of a database that is open elsewhere.
 *
 * @throws LsmError `LSM_CORRUPTION` with file and offset, `LSM_UNSUPPORTED_FORMAT`,
 * `LSM_NOT_FOUND` when a log was removed meanwhile, or what `replay` throws.
 */
export function* recoverLogs(options: RecoverLogsOptions): Steps<LogReplay> {
  const { fs } = options;
  const chain = yield* followChain(options);
  checkCleanClose(options, chain.logs);
  const scanned = yield* scanChain(fs, chain.logs, options.cleanClose);
  const { count } = scanned;
  const counting = scanned.logs.slice(0, count);
  const replayer = new LogReplayer(options.replay);
  for (const { log, report } of counting) {
    yield* withLogFile(fs, log.path, (file) => replayer.replayLog(file, log, report));
  }

  const last = counting.at(-1);
  const kept = new Set(counting.map(({ log }) => log.number));
  const unbegun = chain.hasUnbegunStart ? options.manifestLogNumber : 0;
  let highestSeq = replayer.highestSeq;
  for (const log of chain.logs) highestSeq = Math.max(highestSeq, log.links.firstSeq - 1);
  return {
    logs: counting.map(({ log, report }) => ({
      number: log.number,
      path: log.path,
      end: report.end,
    })),
    last: { number: last?.log.number ?? unbegun, end: last?.report.end ?? 0 },
    voidLogs: options.logNumbers.filter((number) => !kept.has(number)).sort((a, b) => a - b),
    batches: replayer.batches,
    operations: replayer.operations,
    bytes: replayer.bytes,
    skippedRecords: replayer.skippedRecords,
    highestSeq,
    tornTail: last === undefined ? undefined : describeTail(last),
    endedEarly:
      last === undefined || count === chain.logs.length
        ? undefined
        : { number: last.log.number, statedEnd: chain.logs[count].links.previousEnd },
    manifestClaim: largestManifestClaim(chain.logs),
  };
}

/** A log that was closed cleanly must be there, unless the manifest has done with it since. */
function checkCleanClose(options: RecoverLogsOptions, logs: readonly ChainedLog[]): void {
  const { cleanClose, manifestLogNumber } = options;
  if (cleanClose === undefined || cleanClose.syncedLength === 0) return;
  const { logNumber } = cleanClose;
  if (logNumber < manifestLogNumber || logs.some((log) => log.number === logNumber)) return;
  const path = joinPath(options.directory, logName(logNumber));
  throw corruption('log that was closed cleanly is missing or without its header', path);
}

interface ScannedChain {
  readonly logs: readonly ScannedLog[];
  /** How many of them, from the first, count. */
  readonly count: number;
}

function* scanChain(
  fs: FileSystem,
  logs: readonly ChainedLog[],
  cleanClose: CleanClose | undefined,
): Steps<ScannedChain> {
  let endBefore = -1;
  for (let scan = 1; ; scan++) {
    const scanned: ScannedLog[] = [];
    for (const log of logs) scanned.push({ log, report: yield* scanLog(fs, log) });
    const verdict = judgeChain(scanned, cleanClose);
    if ('count' in verdict) return { logs: scanned, count: verdict.count };
    // While another process appends, a later part of the file may be newer than an
    // earlier part: then the second look finds the missing records.
    const { end } = scanned[verdict.damaged].report;
    if (end === endBefore || scan === maxScans) throw verdict.error satisfies LsmError;
    endBefore = end;
  }
}

function* scanLog(fs: FileSystem, log: ChainedLog): Steps<LogReport> {
  return yield* withLogFile(fs, log.path, function* (file) {
    const reader = new LogReader(file, {
      fileId: log.fileId,
      start: log.headerBytes,
      hasClaims: true,
      assemble: false,
    });
    for (let step = reader.advance(); step !== 'end'; step = reader.advance()) {
      if (step === 'wait') yield reader;
    }
    return reader.report;
  });
}

function describeTail({ log, report }: ScannedLog): TornTail | undefined {
  if (report.reason !== 'damage') return undefined;
  const bytes = report.usedEnd - report.end;
  return { file: log.path, offset: report.end, bytes, detail: report.detail };
}

function largestManifestClaim(logs: readonly ChainedLog[]): LogReplay['manifestClaim'] {
  let largest: { number: number; syncedLength: number } | undefined;
  for (const { links } of logs) {
    const number = links.manifestNumber;
    const syncedLength = links.manifestSynced;
    const isLarger =
      largest === undefined ||
      number > largest.number ||
      (number === largest.number && syncedLength > largest.syncedLength);
    if (isLarger) largest = { number, syncedLength };
  }
  return largest;
}
