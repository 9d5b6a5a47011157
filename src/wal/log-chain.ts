import { sameFileId, type FileId } from '../base/checksum.js';
import { corruption } from '../base/errors.js';
import { joinPath, logName } from '../base/file-names.js';
import type { Steps } from '../base/task.js';
import type { FileSystem } from '../fs/file-system.js';
import { readLogHeader, withLogFile } from './log-file.js';
import { decodeLogLinks, type LogLinks } from './log-format.js';

/** What recovery knows before it reads a log. */
export interface LogChainOptions {
  readonly fs: FileSystem;
  readonly directory: string;
  readonly databaseId: FileId;
  /** Numbers of the logs that are in the directory, in any order. */
  readonly logNumbers: readonly number[];
  /** The oldest log that the manifest needs; 0 = all there are. */
  readonly manifestLogNumber: number;
}

/** A log with a whole header. */
export interface ChainedLog {
  readonly number: number;
  readonly path: string;
  readonly fileId: FileId;
  readonly headerBytes: number;
  readonly links: LogLinks;
}

export interface LogChain {
  /** Oldest first; each names the one before it. */
  readonly logs: readonly ChainedLog[];
  /** The log that the manifest needs is there, but never began, so that nothing is in it. */
  readonly hasUnbegunStart: boolean;
}

/**
 * Follows the logs back, from the highest that has begun to the one that the
 * manifest needs. What is not met on this way is void.
 *
 * @throws LsmError `LSM_CORRUPTION` when a header on the way is damaged or a log
 * is missing, `LSM_UNSUPPORTED_FORMAT` on a log of a newer version.
 */
export function* followChain(options: LogChainOptions): Steps<LogChain> {
  const { manifestLogNumber: oldest } = options;
  const candidates = options.logNumbers.filter((number) => number >= oldest);
  candidates.sort((a, b) => b - a);
  if (oldest > 0 && candidates.at(-1) !== oldest) {
    throw corruption('log that the manifest needs is missing', pathOf(options, oldest));
  }
  let newest: ChainedLog | undefined;
  for (const number of candidates) {
    newest = yield* readLog(options, number);
    if (newest !== undefined) break;
  }
  if (newest === undefined) return { logs: [], hasUnbegunStart: oldest > 0 };

  const logs = [newest];
  let first = newest;
  while (first.number !== oldest && first.links.previousLog !== 0) {
    const { previousLog, previousEnd } = first.links;
    if (previousLog >= first.number || previousLog < oldest) throw notReached(first, oldest);
    if (!candidates.includes(previousLog)) {
      const what = `log is missing that ${logName(first.number)} continues, found`;
      throw corruption(what, pathOf(options, previousLog));
    }
    const previous = yield* readLog(options, previousLog);
    if (previous === undefined) {
      if (previousLog === oldest && previousEnd === 0) return { logs, hasUnbegunStart: true };
      const what = `log without a header, which ${logName(first.number)} continues, found`;
      throw corruption(what, pathOf(options, previousLog), 0);
    }
    logs.unshift(previous);
    first = previous;
  }
  if (oldest > 0 && first.number !== oldest) throw notReached(first, oldest);
  return { logs, hasUnbegunStart: false };
}

function notReached(log: ChainedLog, oldest: number): Error {
  const what = `log chain that does not lead to ${logName(oldest)}, which the manifest needs,`;
  return corruption(what, log.path, 0);
}

function pathOf(options: LogChainOptions, number: number): string {
  return joinPath(options.directory, logName(number));
}

/** The log's header; undefined when it never began. */
function* readLog(options: LogChainOptions, number: number): Steps<ChainedLog | undefined> {
  const path = pathOf(options, number);
  const header = yield* withLogFile(options.fs, path, readLogHeader);
  if (header === undefined) return undefined;
  if (!sameFileId(header.databaseId, options.databaseId)) {
    throw corruption('log of another database', path, 20);
  }
  const links = decodeLogLinks(header, path);
  const { previousEnd, previousSynced } = links;
  if (previousSynced > previousEnd) throw corruption('log header with impossible links', path, 52);
  return { number, path, fileId: header.fileId, headerBytes: header.size, links };
}
