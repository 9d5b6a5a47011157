import { emptyBytes } from '../base/bytes.js';
import { corruption } from '../base/errors.js';
import type { Steps } from '../base/task.js';
import type { File } from '../fs/file-system.js';
import { BatchRecord } from './batch-record.js';
import type { ChainedLog } from './log-chain.js';
import { LogReader, type LogReport } from './log-reader.js';

/** A batch out of a log; one object, used again for each. */
export class ReplayedBatch {
  firstSeq = 0;
  /** Operations in it; they take the sequence numbers from `firstSeq` on. */
  count = 0;
  /** The operations are `bytes[start..end)`, for `BatchReader.reset`; not decoded yet. */
  bytes: Uint8Array = emptyBytes;
  start = 0;
  end = 0;
  logNumber = 0;
  path = '';
  /** Offset of the record in the log. */
  offset = 0;
}

/** Hands the batches of several logs on, oldest log first, each batch once. */
export class LogReplayer {
  batches = 0;
  operations = 0;
  bytes = 0;
  skippedRecords = 0;
  highestSeq = 0;
  readonly #replay: (batch: ReplayedBatch) => Steps<void> | undefined;
  readonly #batch = new ReplayedBatch();
  readonly #record = new BatchRecord();
  /** The last sequence number in the log that is being read. */
  #seqInLog = 0;

  constructor(replay: (batch: ReplayedBatch) => Steps<void> | undefined) {
    this.#replay = replay;
  }

  /** The records up to the end that the scan of this log has found. */
  *replayLog(file: File, log: ChainedLog, scan: LogReport): Steps<void> {
    const reader = new LogReader(file, {
      fileId: log.fileId,
      start: log.headerBytes,
      limit: scan.end,
      longestRecord: scan.longestRecord,
    });
    this.#seqInLog = 0;
    for (let step = reader.advance(); step !== 'end'; step = reader.advance()) {
      if (step === 'wait') {
        yield reader;
        continue;
      }
      if (reader.isBehindDamage) break;
      if (!this.#decode(reader, log)) continue;
      const steps = this.#replay(this.#batch);
      if (steps !== undefined) yield* steps;
    }
    if (reader.report.end < scan.end) {
      throw corruption('log changed while it was read', log.path, reader.report.end);
    }
  }

  /** Fills the batch with the reader's record; false when that is not to be handed on. */
  #decode(reader: LogReader, log: ChainedLog): boolean {
    const { recordStart, recordEnd, recordOffset } = reader;
    const record = this.#record;
    if (!record.decode(reader.bytes, recordStart, recordEnd, log.path, recordOffset)) {
      this.skippedRecords++;
      return false;
    }
    const { firstSeq, count } = record;
    const lastSeq = firstSeq + count - 1;
    if (firstSeq <= this.#seqInLog) {
      const what = `sequence number ${firstSeq} behind ${this.#seqInLog}`;
      throw corruption(what, log.path, recordOffset);
    }
    this.#seqInLog = lastSeq;
    if (firstSeq <= this.highestSeq) {
      // An interrupted recovery copies records of older logs, whole and with their numbers.
      if (lastSeq > this.highestSeq) {
        const what = `batch ${firstSeq}..${lastSeq} that overlaps with the one before`;
        throw corruption(what, log.path, recordOffset);
      }
      this.skippedRecords++;
      return false;
    }
    this.highestSeq = lastSeq;
    this.batches++;
    this.operations += count;
    this.bytes += recordEnd - recordStart;
    const batch = this.#batch;
    batch.firstSeq = firstSeq;
    batch.count = count;
    batch.bytes = reader.bytes;
    batch.start = record.operationsStart;
    batch.end = recordEnd;
    batch.logNumber = log.number;
    batch.path = log.path;
    batch.offset = recordOffset;
    return true;
  }
}
