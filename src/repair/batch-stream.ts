import { corruption, isLsmError } from '../base/errors.js';
import type { File, FileSystem } from '../fs/file-system.js';
import { BatchReader } from '../wal/batch-reader.js';
import { BatchRecord } from '../wal/batch-record.js';
import { recordSpan, recordStartRoom, roomInBlock } from '../wal/log-format.js';
import { LogReader } from '../wal/log-reader.js';
import type { LinkedLog } from './log-chain.js';

/** Bytes of a log that hold no record, with the sequence numbers on both sides. */
export interface LogGap {
  readonly offset: number;
  readonly bytes: number;
  readonly what: string;
  /** The last number before it in this log; 0: it is at the beginning. */
  readonly afterSeq: number;
  /** The first behind it; undefined: it is at the end. */
  readonly beforeSeq: number | undefined;
}

/**
 * The batches of one log that check out, also those behind damage: ascending
 * sequence numbers, each operation readable. One is valid until the next `advance`.
 */
export class BatchStream {
  readonly log: LinkedLog;
  firstSeq = 0;
  lastSeq = 0;
  count = 0;
  /** The operations are `bytes[start..end)`. */
  bytes = new Uint8Array(0);
  start = 0;
  end = 0;
  readonly gaps: LogGap[] = [];
  /** Keyspaces that operations name. */
  readonly keyspaceIds = new Set<number>();
  batches = 0;
  readonly #file: File;
  readonly #reader: LogReader;
  readonly #record = new BatchRecord();
  readonly #operations = new BatchReader();
  /** Behind the last batch. */
  #position: number;
  #what = '';

  private constructor(log: LinkedLog, file: File) {
    this.log = log;
    this.#file = file;
    this.#position = log.start;
    this.#reader = new LogReader(file, {
      fileId: log.fileId,
      start: log.start,
      hasClaims: true,
      ...(log.statedEnd === undefined ? {} : { limit: log.statedEnd }),
    });
  }

  static async open(fs: FileSystem, log: LinkedLog): Promise<BatchStream> {
    return new BatchStream(log, await fs.open(log.path));
  }

  /** To the next batch; false behind the last, when `gaps` are complete. */
  async advance(): Promise<boolean> {
    const reader = this.#reader;
    for (let step = reader.advance(); step !== 'end'; step = reader.advance()) {
      if (step === 'wait') await reader.wait();
      else if (this.#take()) return true;
    }
    this.#end();
    return false;
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  #take(): boolean {
    const { recordStart, recordEnd, recordOffset } = this.#reader;
    const { path } = this.log;
    const record = this.#record;
    const before = this.lastSeq;
    try {
      const { bytes } = this.#reader;
      if (!record.decode(bytes, recordStart, recordEnd, path, recordOffset)) {
        this.#position = recordOffset + recordSpan(recordOffset, recordEnd - recordStart);
        return false;
      }
      if (record.firstSeq <= this.lastSeq) {
        throw corruption('sequence numbers that go back', path, recordOffset);
      }
      this.#checkOperations(bytes, recordEnd, recordOffset);
    } catch (error) {
      if (!isLsmError(error, 'LSM_CORRUPTION')) throw error;
      this.#what = error.message;
      return false;
    }
    this.firstSeq = record.firstSeq;
    this.lastSeq = record.firstSeq + record.count - 1;
    this.count = record.count;
    this.bytes = this.#reader.bytes as Uint8Array<ArrayBuffer>;
    this.start = record.operationsStart;
    this.end = recordEnd;
    if (recordOffset > nextStart(this.#position)) this.#note(recordOffset, before, this.firstSeq);
    this.#position = recordOffset + recordSpan(recordOffset, recordEnd - recordStart);
    this.batches++;
    return true;
  }

  #checkOperations(bytes: Uint8Array, end: number, offset: number): void {
    const operations = this.#operations;
    const { operationsStart, count } = this.#record;
    operations.reset(bytes, operationsStart, end, count, this.log.path, offset);
    while (operations.next()) this.keyspaceIds.add(operations.keyspaceId);
  }

  /** What is missing behind the last batch: up to where somebody states that there was more. */
  #end(): void {
    const { claim, usedEnd, reason } = this.#reader.report;
    const { statedEnd = 0, closedAt } = this.log;
    const used = reason === 'damage' ? usedEnd : 0;
    const stated = Math.max(statedEnd, closedAt, claim, used);
    if (nextStart(this.#position) < stated) this.#note(stated, this.lastSeq, undefined);
    else if (this.#what !== '') this.#note(this.#position, this.lastSeq, undefined);
  }

  #note(upTo: number, afterSeq: number, beforeSeq: number | undefined): void {
    const offset = nextStart(this.#position);
    const { detail, damagedAt } = this.#reader.report;
    const isFirst = this.gaps.length === 0 && detail !== '' && damagedAt < upTo;
    const what = this.#what || (isFirst ? detail : 'bytes that are no record');
    this.gaps.push({ offset, bytes: Math.max(0, upTo - offset), what, afterSeq, beforeSeq });
    this.#what = '';
  }
}

/** Where the record behind one that ends at `end` begins: not in the last bytes of a block. */
function nextStart(end: number): number {
  const room = roomInBlock(end);
  return room < recordStartRoom ? end + room : end;
}
