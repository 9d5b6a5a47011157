import { describe, expect, it } from 'vitest';
import { writeU32, writeU64 } from '../base/bytes.js';
import type { FileId } from '../base/checksum.js';
import { fileHeaderBytes } from '../base/file-header.js';
import { Prng } from '../base/prng.js';
import { runAsync, runSync, type Steps } from '../base/task.js';
import { MemoryFileSystem } from '../fs/memory-file-system.js';
import { fragmentChecksum, fragmentHeaderBytes, logBlockBytes, recordSpan } from './log-format.js';
import { LogReader, type LogReaderOptions, type LogReport } from './log-reader.js';
import { LogWriter } from './log-writer.js';

const seed = Number(process.env.NORI_SEED ?? 20_261);
const fileId: FileId = { low: 0x1111_2222, high: 0x3333_4444 };
const databaseId: FileId = { low: 7, high: 8 };
const path = 'dir/000001.log';

function newFileSystem(): MemoryFileSystem {
  const fs = new MemoryFileSystem();
  void fs.makeDirectory('dir'); // acts at once
  return fs;
}

function writeLog(records: readonly Uint8Array[], preallocate = false): Uint8Array {
  const fs = newFileSystem();
  const writer = runSync(
    LogWriter.create({ fs, path, kind: 'manifest', fileId, databaseId, preallocate }),
  );
  for (const record of records) writer.append(record);
  runSync(writer.close({ cutUnused: true }));
  return fs.readBytes(path);
}

interface Found {
  readonly bytes: Uint8Array;
  readonly offset: number;
  readonly isBehind: boolean;
}

interface Walk {
  readonly good: Found[];
  readonly behind: Found[];
  readonly report: LogReport;
}

function* walkSteps(fs: MemoryFileSystem, options: Partial<LogReaderOptions>): Steps<Walk> {
  const file = fs.openSync!(path);
  const reader = new LogReader(file, { fileId, start: fileHeaderBytes, ...options });
  const good: Found[] = [];
  const behind: Found[] = [];
  for (let step = reader.advance(); step !== 'end'; step = reader.advance()) {
    if (step === 'wait') {
      yield reader;
      continue;
    }
    (reader.isBehindDamage ? behind : good).push({
      bytes: reader.bytes.slice(reader.recordStart, reader.recordEnd),
      offset: reader.recordOffset,
      isBehind: reader.isBehindDamage,
    });
  }
  return { good, behind, report: reader.report };
}

function walk(content: Uint8Array, options: Partial<LogReaderOptions> = {}): Walk {
  const fs = newFileSystem();
  fs.writeBytes(path, content);
  return runSync(walkSteps(fs, options));
}

function filled(length: number, byte: number): Uint8Array {
  return new Uint8Array(length).fill(byte);
}

/** Native, for records of megabytes. */
function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

/** True when `found` are the first of `records`, in order. */
function isPrefix(found: readonly Found[], records: readonly Uint8Array[]): boolean {
  return found.every((record, i) => i < records.length && sameBytes(record.bytes, records[i]));
}

const smallLog = (() => {
  const records = [
    filled(10, 1),
    filled(32_700, 2),
    filled(40_000, 3),
    filled(20, 4),
    filled(9, 5),
  ];
  const ends: number[] = [];
  let end = fileHeaderBytes;
  for (const record of records) ends.push((end += recordSpan(end, record.length)));
  return { records, ends, content: writeLog(records) };
})();

describe('a log', () => {
  it('gives back records of every size around the borders of blocks', () => {
    const payload = logBlockBytes - fragmentHeaderBytes;
    for (const blocks of [0, 1, 2, 8]) {
      for (let delta = -40; delta <= 40; delta++) {
        const length = blocks * payload + delta;
        if (length < 1) continue;
        const records = [filled(length, 1), filled(5, 2), filled(payload, 3), filled(1, 4)];
        const content = writeLog(records);
        const { good, report } = walk(content);
        expect(good.length, `length ${length}`).toBe(records.length);
        expect(isPrefix(good, records), `length ${length}`).toBe(true);
        expect(report).toMatchObject({
          reason: 'eof',
          end: content.length,
          damagedAt: content.length,
        });
      }
    }
  });

  it('begins no record in the last 15 bytes of a block, so that its prefix is in one fragment', () => {
    for (let room = 1; room <= 30; room++) {
      const first = logBlockBytes - fileHeaderBytes - fragmentHeaderBytes - room;
      const content = writeLog([filled(first, 1), filled(100, 2)]);
      const { good } = walk(content);
      expect(good[1].offset).toBe(room < 16 ? logBlockBytes : logBlockBytes - room);
      expect(isPrefix(good, [filled(first, 1), filled(100, 2)])).toBe(true);
    }
  });

  it('carries records of several MiB, in pieces and among small ones', () => {
    const random = new Prng(seed);
    const large = Uint8Array.from({ length: 5 * 1024 * 1024 + 3 }, () => random.u32());
    const fs = newFileSystem();
    const writer = runSync(
      LogWriter.create({ fs, path, kind: 'log', fileId, databaseId, preallocate: true }),
    );
    writer.append(filled(20, 1));
    writer.beginRecord(large.length);
    for (let at = 0; at < large.length; at += 100_003) {
      writer.addBytes(large, at, Math.min(at + 100_003, large.length));
    }
    writer.append(filled(20, 2));
    runSync(writer.close());
    for (const longestRecord of [undefined, large.length]) {
      const { good, report } = runSync(walkSteps(fs, { longestRecord }));
      expect(isPrefix(good, [filled(20, 1), large, filled(20, 2)])).toBe(true);
      expect(good.length).toBe(3);
      expect(report).toMatchObject({ reason: 'zeros', records: 3, longestRecord: large.length });
    }
    const unassembled = runSync(walkSteps(fs, { assemble: false }));
    expect(unassembled.report.records).toBe(3);
  });

  it('is read the same asynchronously', async () => {
    const fs = newFileSystem();
    fs.writeBytes(path, smallLog.content);
    const { good, report } = await runAsync(walkSteps(fs, {}));
    expect(isPrefix(good, smallLog.records)).toBe(true);
    expect(report.records).toBe(smallLog.records.length);
  });

  it('stops at a limit', () => {
    const { good, report } = walk(smallLog.content, { limit: smallLog.ends[2] });
    expect(good.length).toBe(3);
    expect(report).toMatchObject({ reason: 'eof', end: smallLog.ends[2] });
  });
});

describe('a torn log', () => {
  const records = [filled(10, 1), filled(300, 2), filled(20, 3)];
  const content = writeLog(records);
  const ends: number[] = [];
  let end = fileHeaderBytes;
  for (const record of records) ends.push((end += recordSpan(end, record.length)));

  for (const zeros of [0, 5000]) {
    it(`keeps the whole records, cut at every byte with ${zeros} zeros behind`, () => {
      for (let size = fileHeaderBytes; size < content.length; size++) {
        const torn = new Uint8Array(size + zeros);
        torn.set(content.subarray(0, size));
        const { good, behind, report } = walk(torn);
        const whole = ends.filter((end) => end <= size).length;
        expect(good.length, `cut at ${size}`).toBe(whole);
        expect(isPrefix(good, records)).toBe(true);
        expect(behind).toEqual([]);
        const kept = whole === 0 ? fileHeaderBytes : ends[whole - 1];
        const clean = zeros === 0 ? 'eof' : 'zeros';
        const reason = size === kept ? clean : 'damage';
        // The first bytes of a checksum may be zeros themselves.
        if (reason === 'damage' && report.reason !== 'damage') {
          expect(content.subarray(kept, size).every((byte) => byte === 0)).toBe(true);
        } else expect(report.reason, `cut at ${size}`).toBe(reason);
        expect(report.end).toBe(kept);
      }
    });
  }

  it('cut between two fragments of a record is torn too, at the end of the file and before zeros', () => {
    const cut = smallLog.content.slice(0, 2 * logBlockBytes);
    const zeros = new Uint8Array(3 * logBlockBytes);
    zeros.set(cut);
    for (const content of [cut, zeros]) {
      const { good, report } = walk(content);
      expect(good.length).toBe(2);
      expect(report).toMatchObject({
        reason: 'damage',
        detail: 'record cut off',
        end: smallLog.ends[1],
        damagedAt: cut.length,
      });
    }
  });

  it('of several blocks keeps the whole records, cut in steps', () => {
    for (let size = fileHeaderBytes; size < smallLog.content.length; size += 251) {
      const { good } = walk(smallLog.content.subarray(0, size));
      expect(good.length).toBe(smallLog.ends.filter((end) => end <= size).length);
      expect(isPrefix(good, smallLog.records)).toBe(true);
    }
  });
});

describe('a damaged log', () => {
  it('never gives a wrong record, and finds what is behind a flipped bit', () => {
    const records = [filled(10, 1), filled(300, 2), filled(20, 3), filled(30, 4)];
    const content = writeLog(records);
    const starts: number[] = [];
    let at = fileHeaderBytes;
    for (const record of records) {
      starts.push(at);
      at += recordSpan(at, record.length);
    }
    for (let byte = fileHeaderBytes; byte < content.length; byte++) {
      const flipped = content.slice();
      flipped[byte] ^= 1 << (byte & 7);
      const hit = starts.findLastIndex((start) => start <= byte);
      const { good, behind, report } = walk(flipped);
      expect(good.length, `bit in byte ${byte}`).toBe(hit);
      expect(isPrefix(good, records)).toBe(true);
      expect(isPrefix(behind, records.slice(hit + 1))).toBe(true);
      expect(behind.length).toBe(records.length - hit - 1);
      expect(report).toMatchObject({
        reason: 'damage',
        end: starts[hit],
        damagedAt: starts[hit],
        recordsBehind: records.length - hit - 1,
      });
    }
  });

  it('of several blocks is read on behind the damage, in whichever fragment that is', () => {
    const { content, records, ends } = smallLog;
    for (let byte = fileHeaderBytes; byte < content.length; byte += 393) {
      const flipped = content.slice();
      flipped[byte] ^= 0x40;
      const hit = ends.findIndex((end) => byte < end);
      const { good, behind, report } = walk(flipped);
      expect(good.length, `bit in byte ${byte}`).toBe(hit);
      expect(isPrefix(behind, records.slice(hit + 1))).toBe(true);
      expect(behind.length).toBe(records.length - hit - 1);
      expect(report.reason).toBe('damage');
    }
  });

  it('is found behind a hole of zeros', () => {
    const holed = smallLog.content.slice();
    holed.fill(0, fileHeaderBytes, smallLog.ends[2]);
    const { good, behind, report } = walk(holed);
    expect(good).toEqual([]);
    expect(isPrefix(behind, smallLog.records.slice(3))).toBe(true);
    expect(report).toMatchObject({ reason: 'damage', recordsBehind: 2 });
    expect(report.usedEnd).toBe(smallLog.content.length);
  });

  it('refuses fragments that moved, or belong to another file', () => {
    const content = writeLog([filled(10, 1), filled(10, 1)]);
    const span = fragmentHeaderBytes + 10;
    const moved = content.slice();
    moved.copyWithin(fileHeaderBytes + span, fileHeaderBytes, fileHeaderBytes + span);
    expect(walk(moved).good.length).toBe(1);
    expect(walk(content, { fileId: { low: 1, high: 2 } }).good.length).toBe(0);
  });

  it('gathers claims, also of a record whose rest is damaged', () => {
    const claiming = (synced: number, length: number): Uint8Array => {
      const record = filled(length, 1);
      writeU64(record, 1, synced);
      return record;
    };
    const records = [claiming(56, 50), claiming(113, 60), claiming(180, 50_000)];
    const content = writeLog(records);
    expect(walk(content, { hasClaims: true }).report.claim).toBe(180);
    content[fileHeaderBytes + 20] ^= 1;
    content[content.length - 1] ^= 1;
    const { report } = walk(content, { hasClaims: true });
    expect(report).toMatchObject({ end: fileHeaderBytes, claim: 180, recordsBehind: 2 });
  });

  it('does not believe a claim on bytes behind the record itself', () => {
    const record = filled(50, 1);
    writeU64(record, 1, fileHeaderBytes + 1);
    expect(walk(writeLog([record]), { hasClaims: true }).report.claim).toBe(0);
  });

  it('refuses a fragment that continues but does not fill its block', () => {
    const content = writeLog([filled(10, 1), filled(20, 2)]);
    const kinds = [2, 4]; // FIRST, LAST
    let at = fileHeaderBytes;
    for (const length of [10, 20]) {
      content[at + 6] = kinds.shift()!;
      writeU32(content, at, fragmentChecksum(content, at, length, fileId, at));
      at += fragmentHeaderBytes + length;
    }
    const { good, behind, report } = walk(content);
    expect([...good, ...behind]).toEqual([]);
    expect(report.detail).toContain('does not fill its block');
  });

  it(`is walked without error or wrong record whatever the bytes are (NORI_SEED=${seed})`, () => {
    const random = new Prng(seed);
    const base = smallLog.content;
    for (let round = 0; round < 100; round++) {
      const size = fileHeaderBytes + random.below(2 * base.length);
      const bytes = new Uint8Array(size);
      bytes.set(base.subarray(0, Math.min(size, base.length)));
      if (random.chance(0.3)) {
        for (let at = fileHeaderBytes; at < size; at++) bytes[at] = random.u32();
      }
      for (let damage = random.below(6); damage > 0; damage--) {
        const at = fileHeaderBytes + random.below(size - fileHeaderBytes + 1);
        const end = Math.min(size, at + random.below(3000));
        if (random.chance(0.5)) bytes.fill(random.below(6), at, end);
        else bytes.copyWithin(at, random.below(size), random.below(size));
      }
      const { good, behind, report } = walk(bytes);
      expect(isPrefix(good, smallLog.records), `round ${round}`).toBe(true);
      for (const found of behind) {
        expect(smallLog.records.some((record) => sameBytes(record, found.bytes))).toBe(true);
      }
      expect(report.end).toBeLessThanOrEqual(size);
    }
  });

  it('is found behind bytes that look like fragments at every second offset', () => {
    // Kind FULL at every odd offset, with a length of 15 KiB: more than is checksummed one by one.
    const lookalike = filled(30_000, 1).map((_, i) => (i & 1 ? 1 : 0x3b));
    const records = [lookalike, filled(20, 2)];
    const content = writeLog(records);
    content[fileHeaderBytes] ^= 1;
    const { good, behind } = walk(content);
    expect(good).toEqual([]);
    expect(behind.length).toBe(1);
    expect(isPrefix(behind, [records[1]])).toBe(true);
  });
});
