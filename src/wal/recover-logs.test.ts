import { describe, expect, it } from 'vitest';
import type { FileId } from '../base/checksum.js';
import { isLsmError } from '../base/errors.js';
import { joinPath, logName } from '../base/file-names.js';
import { runAsync, runSync } from '../base/task.js';
import { MemoryFileSystem } from '../fs/memory-file-system.js';
import { BatchReader } from './batch-reader.js';
import { appendBatch } from './batch-record.js';
import type { CleanClose } from './log-claims.js';
import { encodeLogLinks, logHeaderBytes, roomInBlock } from './log-format.js';
import { LogWriter } from './log-writer.js';
import { WriteBatch } from './write-batch.js';
import { recoverLogs, type LogReplay, type RecoverLogsOptions } from './recover-logs.js';

const directory = 'db';
const databaseId: FileId = { low: 1, high: 2 };

interface Outcome {
  readonly replayed: string;
  readonly replay: LogReplay;
}

function optionsFor(built: BuiltLogs, replayed: string[]): RecoverLogsOptions {
  const reader = new BatchReader();
  return {
    fs: built.fs,
    directory,
    databaseId,
    logNumbers: built.numbers,
    manifestLogNumber: built.manifestLogNumber,
    cleanClose: built.cleanClose,
    replay: (batch) => {
      reader.reset(batch.bytes, batch.start, batch.end, batch.count, batch.path, batch.offset);
      while (reader.next()) replayed.push(String.fromCharCode(reader.keyBytes[reader.keyStart]));
      return undefined;
    },
  };
}

function recover(built: BuiltLogs): Outcome {
  const replayed: string[] = [];
  const replay = runSync(recoverLogs(optionsFor(built, replayed)));
  return { replayed: replayed.join(' '), replay };
}

/** One line: what was replayed and what became of the logs; or which error, and where. */
function describeRecovery(built: BuiltLogs): string {
  try {
    const { replayed, replay } = recover(built);
    const facts = [replayed || '-', `last ${replay.last.number}`];
    if (replay.voidLogs.length > 0) facts.push(`void ${replay.voidLogs.join(' ')}`);
    if (replay.skippedRecords > 0) facts.push(`skipped ${replay.skippedRecords}`);
    if (replay.tornTail !== undefined) facts.push('torn');
    if (replay.endedEarly !== undefined) facts.push(`early ${replay.endedEarly.number}`);
    return facts.join(', ');
  } catch (error) {
    if (!isLsmError(error)) throw error;
    return `${error.code} ${built.describePlace(error.file ?? '', error.offset)}`;
  }
}

/*
 * One case per line: logs | what happens to them | expected.
 *
 * `5<4 c d* e` is log 5, which continues log 4 and holds the records c, d and e
 * (sequence numbers 3, 4 and 5); `*` is a sync of that log, so that what follows
 * claims it. `manifest n` is the log number in the manifest (default 4), `clean n`
 * the claim of a clean close up to the end of log n, `spare n` a file of zeros.
 */
const cases = `
4<0 a b                      |                        | a b, last 4
4<0 a b; 5<4 c; 6<5          |                        | a b c, last 6
3<0 a; 4<3 b; 5<4 c          |                        | b c, last 5, void 3
4<0 a; 5<4 b                 | manifest 0             | a b, last 5
                             | manifest 0             | -, last 0
                             | manifest 4             | LSM_CORRUPTION 4

4<0 a b; 5<4 c d             | cut 5.d                | a b c, last 5, torn
4<0 a b; 5<4 c d             | cut 5.c                | a b, last 5, torn
4<0 a b c                    | flip 4.b               | a, last 4, torn
4<0 a b c                    | zero 4.b               | a, last 4, torn
4<0 a b* c d                 | flip 4.c               | a b, last 4, torn
4<0 a b* c d                 | flip 4.b               | LSM_CORRUPTION 4.b
4<0 a b* c d                 | zero 4.a               | LSM_CORRUPTION 4.a
4<0 a b* c d                 | flip 4.b; flip 4.c     | LSM_CORRUPTION 4.b
4<0 a b* c                   | flip 4.b; flip 4.c     | a, last 4, torn
4<0 a b* c                   | cut 4.b                | a, last 4, torn

4<0 a b; 5<4 c               | cut 4.b                | a, last 4, void 5, torn, early 4
4<0 a b; 5<4 c               | end 4.b                | a, last 4, void 5, early 4
4<0 a* b; 5<4 c; 6<5 d       | flip 4.b               | a, last 4, void 5 6, torn, early 4
4<0 a; 5<4 b c; 6<5 d        | cut 5.c                | a b, last 5, void 6, torn, early 5
4<0 a b*; 5<4 c              | cut 4.b                | LSM_CORRUPTION 4.b
4<0 a b*; 5<4 c              | end 4.b                | LSM_CORRUPTION 4.b
4<0 a* b; 5<4 c* d           | cut 4.b                | LSM_CORRUPTION 4.b
4<0 a* b; 5<4 c* d           | cut 4.b; flip 5.c      | LSM_CORRUPTION 4.b
4<0 a b; 5<4 c*; 6<5 d       | flip 4.a               | LSM_CORRUPTION 4.a
4<0 a b; 5<4 c*; 6<5 d       | flip 5.c               | LSM_CORRUPTION 5.c
4<0 a b; 5<4; 6<5 c* d       | flip 4.b               | LSM_CORRUPTION 4.b
4<0 a b; 5<4 *; 6<5 c        | flip 4.b               | a, last 4, void 5 6, torn, early 4
4<0 a; 5<4 b                 | junk 4                 | a b, last 5
4<0 a; 5<4 b                 | append 4 z             | LSM_CORRUPTION 4.end

4<0 a; 5<4 b; spare 6        |                        | a b, last 5, void 6
4<0 a; 5<4 b; 6<5            | flip 6.header          | a b, last 5, void 6
4<0 a; 5<4 b; 6<5            | cut 6.header           | a b, last 5, void 6
4<0 a; 5<4 b; 6<5 c          | flip 6.header          | LSM_CORRUPTION 6.header
4<0 a; 5<4 b; 6<5 c          | zero 6.header          | LSM_CORRUPTION 6.header
4<0 a; 5<4 b; 6<5            | flip 6.header; junk 6  | LSM_CORRUPTION 6.header
4<0 a; 5<4 b; 6<5 c          | flip 5.header          | LSM_CORRUPTION 5.header
4<0 a; 5<4; 6<5 c            | zero 5.header          | LSM_CORRUPTION 5.header
4<0 a; 5<4 b; 6<5 c          | remove 5               | LSM_CORRUPTION 5
4<0 a; 5<4 b; 6<5 c          | remove 4               | LSM_CORRUPTION 4
4<0 a; 5<4 b; 6<5 c          | remove 6               | a b, last 5
4<0 a; 6<5 b                 | manifest 5             | LSM_CORRUPTION 5
5<0 a; 6<5 b; 4<0 c          |                        | LSM_CORRUPTION 5.header
4<0 a; 5<3 b                 |                        | LSM_CORRUPTION 5.header
5<5 a                        | manifest 0             | LSM_CORRUPTION 5.header
5<6 a; 6<5 b                 | manifest 0             | LSM_CORRUPTION 5.header
3<0 a; spare 4               |                        | -, last 4, void 3 4
3<0 a; spare 4; 7<4 b        |                        | b, last 7, void 3 4
4<0 a; foreign 5             |                        | LSM_CORRUPTION 5

4<0 a b; 5<4 c               | clean 5                | a b c, last 5
4<0 a b; 5<4 c               | clean 5; flip 5.c      | LSM_CORRUPTION 5.c
4<0 a b; 5<4 c               | clean 5; end 5.c       | LSM_CORRUPTION 5.c
4<0 a b; 5<4 c               | clean 5; cut 4.b       | LSM_CORRUPTION 4.b
4<0 a b; 5<4                 | clean 5; cut 4.b       | LSM_CORRUPTION 4.b
4<0 a b; 5<4                 | clean 5; flip 5.header | LSM_CORRUPTION 5
4<0 a b; 5<4 c               | clean 5; remove 5      | LSM_CORRUPTION 5
4<0 a b; 5<4 c; 6<5 d        | clean 5; flip 6.d      | a b c, last 6, torn
3<0 a; 4<3 b                 | clean 3; flip 3.a      | b, last 4, void 3

4<0 a b; 7<4 a b c           |                        | a b c, last 7, skipped 2
4<0 a b; 7<4 a               | cut 7.a                | a b, last 7, torn
4<0 a b; 5<4 c; 7<4 d        |                        | a b d, last 7, void 5
4<0 b a                      |                        | LSM_CORRUPTION 4.a
4<0 a bc; 5<4 cd             |                        | LSM_CORRUPTION 5.cd
4<0 a bc d; 5<4 bc e         |                        | a b c d e, last 5, skipped 1
`;

describe('recovery of the logs', () => {
  for (const line of cases.split('\n').filter((text) => text !== '')) {
    const [logs, events, expected] = line.split('|').map((part) => part.trim());
    it(`${logs} | ${events}`, () => {
      const built = new BuiltLogs(logs);
      for (const event of events.split(';')) built.apply(event.trim());
      expect(describeRecovery(built)).toBe(expected);
    });
  }

  it('reports lengths, counts, claims on the manifest and the torn tail', () => {
    const built = new BuiltLogs('4<0 a bcd; 5<4 e f g');
    built.apply('cut 5.g');
    const { replay } = recover(built);
    const end = built.offset('5.g');
    expect(replay).toMatchObject({
      last: { number: 5, end },
      batches: 4,
      operations: 6,
      highestSeq: 6,
      manifestClaim: { number: 40, syncedLength: 500 },
      tornTail: { file: `${directory}/${logName(5)}`, offset: end },
    });
    expect(replay.tornTail!.bytes).toBeGreaterThan(7);
    expect(replay.logs.map((log) => log.number)).toEqual([4, 5]);
    expect(replay.bytes).toBeGreaterThan(4 * 12);
  });

  it('gives the same asynchronously, and waits for the steps of the callback', async () => {
    const built = new BuiltLogs('4<0 a b; 5<4 c');
    const replayed: string[] = [];
    let waits = 0;
    const options = optionsFor(built, replayed);
    await runAsync(
      recoverLogs({
        ...options,
        *replay(batch) {
          options.replay(batch);
          yield { wait: async () => void waits++, waitSync: () => undefined };
        },
      }),
    );
    expect(replayed.join(' ')).toBe('a b c');
    expect(waits).toBe(3);
  });

  it('closes every file, also when it throws', () => {
    for (const event of ['', 'flip 4.b', 'flip 5.header', 'junk 5']) {
      const built = new BuiltLogs('4<0 a b*; 5<4 c');
      built.apply(event);
      const before = built.fs.openFiles;
      describeRecovery(built);
      expect(built.fs.openFiles).toBe(before);
    }
  });

  it('says that a log is gone when it was removed after it was listed', () => {
    const built = new BuiltLogs('4<0 a; 5<4 b');
    void built.fs.remove(`${directory}/${logName(5)}`);
    expect(describeRecovery(built)).toBe('LSM_NOT_FOUND 5');
  });
});

describe('whatever happens to one byte', () => {
  const text = '4<0 a b* c d; 5<4 e f* g';

  it('a flipped bit gives a prefix or an error, below a claim always an error', () => {
    const whole = new BuiltLogs(text);
    for (const number of [4, 5]) {
      const size = whole.content(number).length;
      // Log 5 has a claim on its f, so all of log 4 was synced before.
      const claimed = number === 4 ? size : whole.offset('5.g');
      for (let byte = 0; byte < size; byte++) {
        const built = whole.copy();
        built.flipBit(number, byte, byte & 7);
        const outcome = describeRecovery(built);
        const place = `bit in byte ${byte} of log ${number}: ${outcome}`;
        if (byte < claimed) expect(outcome.startsWith('LSM_'), place).toBe(true);
        else expect(outcome, place).toBe('a b c d e f, last 5, torn');
      }
    }
  });

  it('a log cut there gives a prefix or an error', () => {
    const whole = new BuiltLogs(text);
    const claimed = whole.offset('5.g');
    for (let size = 0; size < whole.content(5).length; size++) {
      const built = whole.copy();
      built.cutAt(5, size);
      const outcome = describeRecovery(built);
      // What says that f was synced is g, so it goes with it; what is left is a prefix.
      if (size < whole.offset('5.e')) {
        expect(outcome, `cut at ${size}`).toBe('a b c d, last 4, void 5');
      } else {
        const expected = size < whole.offset('5.f') ? '' : size < claimed ? ' e' : ' e f';
        expect(outcome.split(',')[0], `cut at ${size}`).toBe(`a b c d${expected}`);
      }
    }
  });
});

interface BuiltLog {
  readonly number: number;
  /** Where each record begins, by its name. */
  readonly records: Map<string, number>;
  end: number;
  synced: number;
}

/** Logs made from a line of text, and what may happen to them; the grammar stands at `cases`. */
class BuiltLogs {
  fs = new MemoryFileSystem();
  manifestLogNumber = 4;
  cleanClose: CleanClose | undefined;
  readonly #logs = new Map<number, BuiltLog>();

  constructor(text: string) {
    void this.fs.makeDirectory(directory);
    for (const log of text.split(';')) if (log.trim() !== '') this.#build(log.trim());
  }

  get numbers(): number[] {
    return [...this.#logs.keys()];
  }

  copy(): BuiltLogs {
    const copy = new BuiltLogs('');
    copy.fs = this.fs.clone();
    for (const [number, log] of this.#logs) copy.#logs.set(number, log);
    return copy;
  }

  content(number: number): Uint8Array {
    return this.fs.readBytes(this.#path(number));
  }

  /** Offset of `4.b` (a record), `4.header` or `4.end`. */
  offset(place: string): number {
    const [number, name] = place.split('.');
    const log = this.#logs.get(Number(number))!;
    if (name === 'header') return 0;
    const offset = name === 'end' ? log.end : log.records.get(name);
    if (offset === undefined) throw new Error(`no ${place}`);
    return offset;
  }

  describePlace(file: string, offset: number | undefined): string {
    const log = [...this.#logs.values(), { number: 4 }, { number: 5 }].find(
      ({ number }) => file === this.#path(number),
    );
    if (log === undefined) return file;
    if (offset === undefined || !('records' in log)) return String(log.number);
    const record = [...log.records].find(([, start]) => start === offset);
    const name = offset === 0 ? 'header' : offset === log.end ? 'end' : record?.[0];
    return name === undefined ? String(log.number) : `${log.number}.${name}`;
  }

  apply(event: string): void {
    if (event === '') return;
    const [verb, place, extra] = event.split(' ');
    const number = Number(place.split('.')[0]);
    if (verb === 'manifest') this.manifestLogNumber = number;
    else if (verb === 'clean') {
      this.cleanClose = { logNumber: number, syncedLength: this.#logs.get(number)!.end };
    } else if (verb === 'remove') {
      this.#logs.delete(number);
    } else if (verb === 'flip') this.flipBit(number, this.offset(place) + 20, 3);
    else if (verb === 'cut') this.cutAt(number, this.offset(place) + 12);
    else if (verb === 'end') this.cutAt(number, this.offset(place));
    else if (verb === 'zero') this.#edit(number, (bytes) => bytes.fill(0, ...this.#range(place)));
    else if (verb === 'junk') {
      this.#edit(number, (bytes) => {
        const grown = new Uint8Array(bytes.length + 100);
        grown.set(bytes);
        return grown.fill(0x5a, bytes.length + 10, bytes.length + 50);
      });
    } else if (verb === 'append') this.#appendBehind(number, extra);
    else throw new Error(`unknown event ${event}`);
  }

  flipBit(number: number, byte: number, bit: number): void {
    this.#edit(number, (bytes) => {
      bytes[byte] ^= 1 << bit;
      return bytes;
    });
  }

  cutAt(number: number, size: number): void {
    this.#edit(number, (bytes) => bytes.slice(0, size));
  }

  #path(number: number): string {
    return joinPath(directory, logName(number));
  }

  /** Rewrites the file: what was cut must not come back. */
  #edit(number: number, change: (bytes: Uint8Array) => Uint8Array): void {
    const changed = change(this.content(number));
    void this.fs.remove(this.#path(number));
    this.fs.writeBytes(this.#path(number), changed);
  }

  #range(place: string): [number, number] {
    const start = this.offset(place);
    return [start, start === 0 ? logHeaderBytes : start + 20];
  }

  #build(text: string): void {
    const [name, ...records] = text.split(' ');
    if (name === 'spare') {
      const number = Number(records[0]);
      this.fs.writeBytes(this.#path(number), new Uint8Array(70_000));
      this.#logs.set(number, { number, records: new Map(), end: 0, synced: 0 });
      return;
    }
    if (name === 'foreign') {
      this.#write(Number(records[0]), 0, [], { low: 9, high: 9 });
      return;
    }
    const [number, previous] = name.split('<').map(Number);
    this.#write(number, previous, records, databaseId);
  }

  #write(number: number, previous: number, records: string[], database: FileId): void {
    const before = this.#logs.get(previous);
    const writer = runSync(
      LogWriter.create({
        fs: this.fs,
        path: this.#path(number),
        kind: 'log',
        fileId: { low: number, high: 77 },
        databaseId: database,
        extension: encodeLogLinks({
          previousLog: previous,
          previousEnd: before?.end ?? 0,
          previousSynced: before?.synced ?? 0,
          firstSeq: 1,
          manifestNumber: 30 + 5 * (number % 3),
          manifestSynced: 100 * number,
        }),
      }),
    );
    const log: BuiltLog = { number, records: new Map(), end: 0, synced: 0 };
    this.#logs.set(number, log);
    for (const text of records) this.#append(writer, log, text);
    runSync(writer.close());
    log.end = writer.end;
    log.synced = writer.syncedEnd;
  }

  #append(writer: LogWriter, log: BuiltLog, text: string): void {
    const name = text.replace('*', '');
    if (name !== '') {
      const batch = new WriteBatch();
      const letters = new TextEncoder().encode(name);
      for (const letter of letters) batch.put(1, Uint8Array.of(letter), new Uint8Array(12));
      if (roomInBlock(writer.end) < 100) throw new Error('the test logs have one block');
      log.records.set(name, writer.end);
      const firstSeq = letters[0] - 96;
      const head = { firstSeq, count: letters.length, syncedOffset: writer.syncedEnd };
      appendBatch(writer, head, batch);
    }
    if (!text.endsWith('*')) return;
    writer.flush().waitSync();
    writer.sync().waitSync();
  }

  /** A record behind the end that the next log states, as no writer makes it. */
  #appendBehind(number: number, name: string): void {
    const log = this.#logs.get(number)!;
    const { end } = log;
    this.#logs.delete(number);
    void this.fs.remove(this.#path(number));
    this.#write(number, 0, [...log.records.keys(), name], databaseId);
    this.#logs.get(number)!.end = end;
  }
}
