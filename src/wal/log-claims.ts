import { corruption, type LsmError } from '../base/errors.js';
import type { ChainedLog } from './log-chain.js';
import type { LogReport } from './log-reader.js';

/** A log of the chain and how reading it ended. */
export interface ScannedLog {
  readonly log: ChainedLog;
  readonly report: LogReport;
}

/** The statement of a clean close: all logs were synced, and the last one ended here. */
export interface CleanClose {
  readonly logNumber: number;
  readonly syncedLength: number;
}

/** What of a chain counts: its first `count` logs; or the log that must not end where it does. */
export type ChainVerdict =
  { readonly count: number } | { readonly damaged: number; readonly error: LsmError };

/**
 * Decides, from where each log ends and from what the others state, whether a log
 * may end there. Only synced offsets are claims; that a log ends below the end its
 * successor states is what a crash may leave behind, and then all later logs are
 * void — unless one of those was synced beyond its header, or closed cleanly:
 * logs are synced oldest first, so everything before had been on disk.
 */
export function judgeChain(
  scanned: readonly ScannedLog[],
  cleanClose: CleanClose | undefined,
): ChainVerdict {
  let count = scanned.length;
  let isSyncedBelow = false;
  let damage: ChainVerdict | undefined;
  for (let i = scanned.length - 1; i >= 0; i--) {
    const { log, report } = scanned[i];
    const successor = i + 1 < scanned.length ? scanned[i + 1].log : undefined;
    const closedAt = cleanClose?.logNumber === log.number ? cleanClose.syncedLength : 0;
    const claim = Math.max(report.claim, successor?.links.previousSynced ?? 0, closedAt);
    const stated = successor?.links.previousEnd ?? report.end;
    const needed = isSyncedBelow ? Math.max(claim, stated) : claim;
    if (report.end < needed) damage = { damaged: i, error: damagedBelow(log, report, needed) };
    else if (report.end > stated) damage = { damaged: i, error: tooLong(log, report, stated) };
    else if (report.end < stated) count = i + 1;
    if (claim > log.headerBytes || closedAt > 0) isSyncedBelow = true;
  }
  return damage ?? { count };
}

function damagedBelow(log: ChainedLog, report: LogReport, needed: number): LsmError {
  const reason = report.reason === 'damage' ? report.detail : 'the log ends';
  const what = `${reason} below byte ${needed}, up to which this log had been synced,`;
  return corruption(what, log.path, report.damagedAt, undefined, report.damage);
}

function tooLong(log: ChainedLog, report: LogReport, stated: number): LsmError {
  const what = `records up to byte ${report.end} behind the end ${stated} that the next log states`;
  return corruption(what, log.path, stated);
}
