import { isLsmError, type ChecksumDamage } from '../base/errors.js';
import { joinPath, logName } from '../base/file-names.js';
import { runAsync } from '../base/task.js';
import type { File, FileSystem } from '../fs/file-system.js';
import type { DamageFact } from '../inspect/facts.js';
import { correctedFragment } from '../inspect/damaged-fragments.js';
import { readBeginning } from '../inspect/lenient-header.js';
import { walkFragments } from '../inspect/walk-records.js';
import { BatchReader } from '../wal/batch-reader.js';
import { BatchRecord } from '../wal/batch-record.js';
import { readLogHeader } from '../wal/log-file.js';
import { decodeLogLinks, fragmentHeaderBytes, type LogLinks } from '../wal/log-format.js';
import type { AffectedPlace } from './damage.js';

/** Bytes of a log in which no record checks out. */
export interface LogGap extends AffectedPlace {
  readonly offset: number;
  readonly what: string;
  readonly checksum: ChecksumDamage | undefined;
  /** A crash leaves nothing like it: one bit of a record that was whole is flipped. */
  readonly isRot: boolean;
  /** Nothing that checks out follows in this log. */
  readonly isTail: boolean;
}

/** A log, read to its end over every damage. */
export interface WalkedLog {
  readonly number: number;
  readonly path: string;
  readonly headerBytes: number;
  /** Undefined when the header is damaged, or the log never began. */
  readonly links: LogLinks | undefined;
  /** The largest synced offset that one of its records states. */
  readonly claim: number;
  readonly gaps: readonly LogGap[];
  /** Of its header. */
  readonly damage: DamageFact | undefined;
}

/** Finds every gap in a log, and which writes are in it as far as the records around it tell. */
export async function walkLog(
  fs: FileSystem,
  directory: string,
  number: number,
  nameOf: (keyspaceId: number) => string | undefined,
): Promise<WalkedLog> {
  const path = joinPath(directory, logName(number));
  const file = await fs.open(path);
  try {
    const beginning = await readBeginning(file, 'log');
    const { meant: header, fileId, start, damage } = beginning!;
    const links = header && attempt<LogLinks>(() => decodeLogLinks(header, path));
    // Without its id nothing in a file checks out.
    if (damage !== undefined && header === undefined) {
      const none = { number, path, headerBytes: start, links, claim: 0, gaps: [] };
      return { ...none, damage: (await hasBegun(file)) ? damage : undefined };
    }
    const record = new BatchRecord();
    const gaps: LogGap[] = [];
    /** Gaps behind the last record that was read: what follows them is not known yet. */
    let open: LogGap[] = [];
    let claim = 0;
    let nextSeq = links?.firstSeq;
    const close = (lastSeq: number | undefined, isTail: boolean): void => {
      for (const gap of open) gaps.push({ ...gap, lastSeq: gap.lastSeq ?? lastSeq, isTail });
      open = [];
    };
    for await (const found of walkFragments(file, fileId, start)) {
      if (found.type === 'walk-end') break;
      if (found.type === 'record') {
        const { bytes, offset } = found;
        if (!attempt(() => record.decode(bytes, 0, bytes.length, path, offset))) continue;
        close(record.firstSeq - 1, false);
        nextSeq = record.firstSeq + record.count;
        if (record.syncedOffset <= offset) claim = Math.max(claim, record.syncedOffset);
        continue;
      }
      const { offset, what, checksum } = found;
      const meant = await correctedFragment(file, offset, checksum);
      const lost = meant && attempt(() => affectedBy(meant, path, offset, nameOf));
      // Zeros from the flipped bit on may be what a crash has left out.
      const end = offset + (found.bytes ?? 0);
      const isRot = meant !== undefined && end > (checksum!.flippedBit?.offset ?? end);
      const isUnused = isRot && meant.length === fragmentHeaderBytes;
      const affected = isUnused ? {} : { firstSeq: nextSeq, ...lost };
      open.push({ ...affected, offset, what, checksum, isRot, isTail: true });
    }
    close(undefined, true);
    return { number, path, headerBytes: start, links, claim, gaps, damage };
  } finally {
    await file.close();
  }
}

/** A crash may leave any part of the first header: recovery takes that for a log without records. */
async function hasBegun(file: File): Promise<boolean> {
  try {
    return (await runAsync(readLogHeader(file))) !== undefined;
  } catch (error) {
    if (isLsmError(error, 'LSM_CORRUPTION')) return true;
    throw error;
  }
}

/** What a batch in one fragment wrote. */
function affectedBy(
  fragment: Uint8Array,
  path: string,
  offset: number,
  nameOf: (keyspaceId: number) => string | undefined,
): AffectedPlace | undefined {
  const record = new BatchRecord();
  const end = fragment.length;
  if (!record.decode(fragment, fragmentHeaderBytes, end, path, offset)) return undefined;
  const { firstSeq, count } = record;
  const reader = new BatchReader();
  reader.reset(fragment, record.operationsStart, end, count, path, offset);
  const ids = new Set<number>();
  while (reader.next()) ids.add(reader.keyspaceId);
  const keyspace = ids.size === 1 ? nameOf([...ids][0]) : undefined;
  return { firstSeq, lastSeq: firstSeq + count - 1, keyspace };
}

/** What only damage refuses is undefined. */
function attempt<T>(decode: () => T): T | undefined {
  try {
    return decode();
  } catch (error) {
    if (isLsmError(error)) return undefined;
    throw error;
  }
}

/**
 * Up to where each log must be whole, because a record, the log behind it or the
 * clean close says so: the same rule as that of recovery (wal/log-claims.ts), for as much
 * as can be read.
 */
export function neededEnds(
  logs: readonly WalkedLog[],
  cleanClose: { readonly logNumber: number; readonly syncedLength: number } | undefined,
): number[] {
  const needed: number[] = [];
  let isSyncedBelow = false;
  for (let i = logs.length - 1; i >= 0; i--) {
    const log = logs[i];
    const links = logs.slice(i + 1).find((each) => each.links?.previousLog === log.number)?.links;
    const closedAt = cleanClose?.logNumber === log.number ? cleanClose.syncedLength : 0;
    const claim = Math.max(log.claim, links?.previousSynced ?? 0, closedAt);
    needed[i] = isSyncedBelow ? Math.max(claim, links?.previousEnd ?? 0) : claim;
    if (claim > log.headerBytes || closedAt > 0) isSyncedBelow = true;
  }
  return needed;
}
