import { corruption } from '../base/errors.js';
import { logName } from '../base/file-names.js';
import { runAsync } from '../base/task.js';
import type { FileSystem } from '../fs/file-system.js';
import { appendEncodedBatch } from '../wal/batch-record.js';
import { closeQuietly } from '../wal/close-quietly.js';
import type { LogWriter } from '../wal/log-writer.js';
import { BatchStream, type LogGap } from './batch-stream.js';
import type { FoundChain, LinkedLog } from './log-chain.js';
import type { Outputs } from './outputs.js';

const flushBytes = 1024 * 1024;

/** A place of a log that is lost. */
export interface LostRecords {
  readonly path: string;
  readonly offset: number | undefined;
  readonly bytes: number | undefined;
  readonly what: string;
  /** The first sequence number that is missing, and the last where that is known. */
  readonly firstSeq: number;
  readonly lastSeq: number | undefined;
}

/** What the logs hold, damaged or not. */
export interface ScannedLogs {
  readonly chain: FoundChain;
  readonly scans: readonly LogScan[];
  readonly keyspaceIds: ReadonlySet<number>;
  readonly highestSeq: number;
}

interface LogScan {
  readonly log: LinkedLog;
  /** 0 when it holds no batch. */
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly gaps: readonly LogGap[];
}

/** Reads all logs of the chain; changes nothing. */
export async function scanLogs(fs: FileSystem, chain: FoundChain): Promise<ScannedLogs> {
  const scans: LogScan[] = [];
  const keyspaceIds = new Set<number>();
  let highestSeq = 0;
  for (const log of chain.logs) {
    highestSeq = Math.max(highestSeq, (log.links?.firstSeq ?? 1) - 1);
    const stream = await BatchStream.open(fs, log);
    try {
      let firstSeq = 0;
      while (await stream.advance()) firstSeq ||= stream.firstSeq;
      scans.push({ log, firstSeq, lastSeq: stream.lastSeq, gaps: stream.gaps });
      for (const id of stream.keyspaceIds) keyspaceIds.add(id);
      highestSeq = Math.max(highestSeq, stream.lastSeq);
    } finally {
      await stream.close();
    }
  }
  return { chain, scans, keyspaceIds, highestSeq };
}

export interface SalvagedLogs {
  readonly batches: number;
  readonly lost: readonly LostRecords[];
  /** Undefined in a dry run. */
  readonly logNumber: number | undefined;
}

/**
 * Copies every batch to one new log, in the order of sequence numbers, each once.
 * Batches behind damage are kept: what was before them is lost, whatever is done.
 */
export async function salvageLogs(
  fs: FileSystem,
  scanned: ScannedLogs,
  /** Up to here everything is in tables. */
  flushedSeq: number,
  outputs: Outputs,
): Promise<SalvagedLogs> {
  const { scans, chain } = scanned;
  const newest = chain.logs.at(-1);
  const firstSeqs = scans.map(({ firstSeq }) => firstSeq).filter((seq) => seq > 0);
  const target = outputs.isDry
    ? undefined
    : await outputs.beginLog({
        // So that a repair after a crash of this one finds the originals behind its log.
        previousLog: newest?.number ?? 0,
        previousEnd: newest === undefined ? 0 : await sizeOf(fs, newest.path),
        previousSynced: 0,
        firstSeq: firstSeqs.length === 0 ? scanned.highestSeq + 1 : Math.min(...firstSeqs),
        manifestNumber: 0,
        manifestSynced: 0,
      });
  const copied = new SeqRanges();
  let batches = 0;
  try {
    for await (const stream of mergedBatches(fs, scans)) {
      copied.add(stream.firstSeq, stream.lastSeq);
      batches++;
      if (target !== undefined) await copyBatch(target.writer, stream);
    }
    if (target !== undefined) await outputs.finishLog(target.number, target.writer);
  } catch (error) {
    if (target !== undefined) await runAsync(closeQuietly(target.writer));
    throw error;
  }
  return { batches, lost: lostRecords(scanned, copied, flushedSeq), logNumber: target?.number };
}

async function copyBatch(writer: LogWriter, stream: BatchStream): Promise<void> {
  const { firstSeq, count, bytes, start, end } = stream;
  const fields = { firstSeq, count, syncedOffset: writer.syncedEnd };
  appendEncodedBatch(writer, fields, bytes, start, end);
  if (writer.end - writer.writtenEnd >= flushBytes) await writer.flush().wait();
}

/**
 * All batches by ascending sequence number; copies that a recovery had made come
 * once. A log is open only while its numbers are being read, so that mostly one is.
 */
async function* mergedBatches(
  fs: FileSystem,
  scans: readonly LogScan[],
): AsyncGenerator<BatchStream> {
  const waiting = scans.filter(({ firstSeq }) => firstSeq > 0);
  waiting.sort((a, b) => a.firstSeq - b.firstSeq);
  let open: BatchStream[] = [];
  let highest = 0;
  try {
    for (;;) {
      let least = open.reduce((seq, { firstSeq }) => Math.min(seq, firstSeq), Infinity);
      while (waiting.length > 0 && (open.length === 0 || waiting[0].firstSeq <= least)) {
        const stream = await BatchStream.open(fs, waiting.shift()!.log);
        open.push(stream);
        if (!(await stream.advance()))
          throw corruption('log changed while it was read', stream.log.path);
        least = Math.min(least, stream.firstSeq);
      }
      const stream = open.find(({ firstSeq }) => firstSeq === least);
      if (stream === undefined) return;
      if (stream.firstSeq > highest) {
        highest = stream.lastSeq;
        yield stream;
      }
      if (await stream.advance()) continue;
      await stream.close();
      open = open.filter((each) => each !== stream);
    }
  } finally {
    for (const stream of open) await stream.close();
  }
}

/** The damaged places behind which sequence numbers are missing that nothing else holds. */
function lostRecords(
  { scans, chain, highestSeq }: ScannedLogs,
  copied: SeqRanges,
  flushedSeq: number,
): LostRecords[] {
  const lost: LostRecords[] = [];
  if (chain.missing !== undefined) {
    const firstLinked = chain.logs.at(0)?.links?.firstSeq;
    const place = {
      offset: undefined,
      bytes: undefined,
      what: `${logName(chain.missing)} is missing`,
    };
    const path = chain.logs.at(0)?.path ?? logName(chain.missing);
    const lastSeq = firstLinked === undefined ? undefined : firstLinked - 1;
    if (lastSeq === undefined || lastSeq > flushedSeq) {
      lost.push({ path, ...place, firstSeq: flushedSeq + 1, lastSeq });
    }
  }
  let seqBefore = 0;
  for (const [i, { log, lastSeq: lastInLog, gaps }] of scans.entries()) {
    const linked = (log.links?.firstSeq ?? 1) - 1;
    for (const { offset, bytes, what, afterSeq, beforeSeq } of gaps) {
      const after = afterSeq > 0 ? afterSeq : Math.max(linked, seqBefore);
      const nextFirst = scans.slice(i + 1).find(({ firstSeq }) => firstSeq > 0)?.firstSeq;
      const before = beforeSeq ?? log.nextFirstSeq ?? nextFirst;
      const missing = copied.missingIn(Math.max(after, flushedSeq) + 1, before);
      if (missing === undefined) continue;
      lost.push({ path: log.path, offset, bytes, what, ...missing });
    }
    if (log.damage !== undefined && lastInLog === 0 && gaps.length === 0) {
      const firstSeq = Math.max(seqBefore, flushedSeq) + 1;
      const missing = copied.missingIn(firstSeq, i + 1 < scans.length ? highestSeq + 1 : undefined);
      const place = { path: log.path, offset: 0, bytes: undefined, what: log.damage.message };
      if (missing !== undefined) lost.push({ ...place, ...missing });
    }
    seqBefore = Math.max(seqBefore, lastInLog);
  }
  return lost;
}

/** Ranges of sequence numbers, added in ascending order. */
class SeqRanges {
  readonly #ranges: { readonly first: number; last: number }[] = [];

  add(first: number, last: number): void {
    const before = this.#ranges.at(-1);
    if (before !== undefined && before.last + 1 === first) before.last = last;
    else this.#ranges.push({ first, last });
  }

  /** What is missing from `first` up to before `end` (undefined: without end), from its first to its last. */
  missingIn(
    first: number,
    end: number | undefined,
  ): { readonly firstSeq: number; readonly lastSeq: number | undefined } | undefined {
    let from = first;
    let last = end === undefined ? undefined : end - 1;
    for (const range of this.#ranges)
      if (range.first <= from && range.last >= from) from = range.last + 1;
    if (last === undefined) return { firstSeq: from, lastSeq: undefined };
    for (let i = this.#ranges.length - 1; i >= 0; i--) {
      const range = this.#ranges[i];
      if (range.first <= last && range.last >= last) last = range.first - 1;
    }
    return from <= last ? { firstSeq: from, lastSeq: last } : undefined;
  }
}

async function sizeOf(fs: FileSystem, path: string): Promise<number> {
  return (await fs.stat(path))?.size ?? 0;
}
