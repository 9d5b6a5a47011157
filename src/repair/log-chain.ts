import { noFileId, sameFileId, type FileId } from '../base/checksum.js';
import { isLsmError, toLsmError, type LsmError } from '../base/errors.js';
import { joinPath, logName } from '../base/file-names.js';
import { runAsync } from '../base/task.js';
import type { FileSystem } from '../fs/file-system.js';
import { idInDamagedHeader } from './damaged-header.js';
import { readLogHeader } from '../wal/log-file.js';
import { decodeLogLinks, logHeaderBytes, type LogLinks } from '../wal/log-format.js';

/** A log that may hold records of this database. */
export interface FoundLog {
  readonly number: number;
  readonly name: string;
  readonly path: string;
  readonly fileId: FileId;
  /** Where its first record begins. */
  readonly start: number;
  /** Undefined when its header is damaged. */
  readonly links: LogLinks | undefined;
  readonly damage: LsmError | undefined;
}

/** A log of the chain, and what its successor states. */
export interface LinkedLog extends FoundLog {
  /** Where it ended, says its successor: what stands behind never counted. */
  readonly statedEnd: number | undefined;
  /** The first number that its successor may hold. */
  readonly nextFirstSeq: number | undefined;
  /** Up to here it was on disk when it was closed cleanly; 0: it was not. */
  readonly closedAt: number;
}

export interface FoundChain {
  /** Oldest first. */
  readonly logs: readonly LinkedLog[];
  /** A log that another one continues, and that is needed, is not there. */
  readonly missing: number | undefined;
}

/** What begins each log of these numbers; those that never began and those of others are left out. */
export async function findLogs(
  fs: FileSystem,
  directory: string,
  numbers: readonly number[],
  databaseId: FileId,
): Promise<FoundLog[]> {
  const logs: FoundLog[] = [];
  for (const number of numbers) {
    const log = await findLog(fs, directory, number, databaseId);
    if (log !== undefined) logs.push(log);
  }
  return logs.sort((a, b) => a.number - b.number);
}

async function findLog(
  fs: FileSystem,
  directory: string,
  number: number,
  databaseId: FileId,
): Promise<FoundLog | undefined> {
  const name = logName(number);
  const path = joinPath(directory, name);
  const file = await fs.open(path);
  try {
    const header = await runAsync(readLogHeader(file));
    if (header === undefined || !sameFileId(header.databaseId, databaseId)) return undefined;
    const { fileId, size: start } = header;
    const links = decodeLogLinks(header, path);
    return { number, name, path, fileId, start, links, damage: undefined };
  } catch (error) {
    if (!isLsmError(error, 'LSM_CORRUPTION')) throw toLsmError(error, `reading ${path}`, path);
    const bytes = new Uint8Array(logHeaderBytes);
    const length = await file.read(bytes, 0, bytes.length, 0);
    if (length < logHeaderBytes) return undefined;
    // The id may be right all the same: the first record that checks out with it shows.
    // Where nothing tells that the log is of this database, no record does.
    const fileId = idInDamagedHeader(bytes, 'log', databaseId) ?? noFileId;
    return { number, name, path, fileId, start: logHeaderBytes, links: undefined, damage: error };
  } finally {
    await file.close();
  }
}

/** By number of the log: up to where it was synced when it was closed cleanly. */
export type CleanCloses = ReadonlyMap<number, number>;

/**
 * The logs that count, from the highest one back to `oldest` (0: as far as they
 * go). As recovery does it, but behind a damaged header the log below is taken.
 */
export function linkLogs(
  logs: readonly FoundLog[],
  oldest: number,
  closes: CleanCloses = new Map(),
): FoundChain {
  const chain: LinkedLog[] = [];
  let at = logs.length - 1;
  let statedEnd: number | undefined;
  let nextFirstSeq: number | undefined;
  while (at >= 0 && logs[at].number >= oldest) {
    const log = logs[at];
    const closedAt = closes.get(log.number) ?? 0;
    chain.unshift({ ...log, statedEnd, nextFirstSeq, closedAt });
    statedEnd = log.links?.previousEnd;
    nextFirstSeq = log.links?.firstSeq;
    if (log.number === oldest || log.links?.previousLog === 0) break;
    if (log.links === undefined) {
      at--;
      continue;
    }
    const { previousLog } = log.links;
    const before = logs.findLastIndex(({ number }, i) => i < at && number === previousLog);
    if (before < 0) {
      const isNeeded = oldest > 0 && previousLog >= oldest && log.links.previousEnd > 0;
      return { logs: chain, missing: isNeeded ? previousLog : undefined };
    }
    at = before;
  }
  return { logs: chain, missing: chain.length === 0 && oldest > 0 ? oldest : undefined };
}
