import { expect, test } from 'vitest';
import type { FileId } from '../base/checksum.js';
import { fileHeaderBytes } from '../base/file-header.js';
import { runSync, type Steps } from '../base/task.js';
import { MemoryFileSystem } from '../fs/memory-file-system.js';
import { logBlockBytes } from './log-format.js';
import { LogReader, type LogReport } from './log-reader.js';
import { LogWriter } from './log-writer.js';

const fileId: FileId = { low: 0x1111_2222, high: 0x3333_4444 };
const path = 'dir/000001.log';

function writeLog(lengths: readonly number[]): Uint8Array {
  const fs = new MemoryFileSystem();
  void fs.makeDirectory('dir'); // acts at once
  const writer = runSync(
    LogWriter.create({ fs, path, kind: 'manifest', fileId, databaseId: fileId }),
  );
  for (const length of lengths) writer.append(new Uint8Array(length).map((_, i) => i * 7));
  runSync(writer.close({ cutUnused: true }));
  return fs.readBytes(path);
}

function read(bytes: Uint8Array): LogReport {
  const file = MemoryFileSystem.from([[path, bytes]]).openSync!(path);
  function* walk(): Steps<LogReport> {
    const reader = new LogReader(file, { fileId, start: fileHeaderBytes, assemble: false });
    for (let step = reader.advance(); step !== 'end'; step = reader.advance()) {
      if (step === 'wait') yield reader;
    }
    return reader.report;
  }
  return runSync(walk());
}

function expectNamed(bytes: Uint8Array, at: number, bit: number): void {
  bytes[at] ^= 1 << bit;
  const { damage, reason } = read(bytes);
  bytes[at] ^= 1 << bit;
  expect(reason).toBe('damage');
  expect(damage?.flippedBit, `bit ${bit} of byte ${at}`).toEqual({ offset: at, bit });
}

test('every flipped bit of a short log is named', () => {
  const bytes = writeLog([1, 30, 200, 5]);
  for (let at = fileHeaderBytes; at < bytes.length; at++) {
    for (let bit = 0; bit < 8; bit++) expectNamed(bytes, at, bit);
  }
});

test('a flipped bit of a record over several blocks is named, and of what fills a block up', () => {
  const filling = logBlockBytes - fileHeaderBytes - 7 - 10;
  const bytes = writeLog([filling, 3 * logBlockBytes, 10]);
  for (let at = logBlockBytes - 10; at < logBlockBytes + 12; at++) expectNamed(bytes, at, at % 8);
  for (let at = fileHeaderBytes; at < bytes.length; at += 1711) expectNamed(bytes, at, at % 8);
});

test('a bit set among the zeros behind the end is named', () => {
  const log = writeLog([20, 20]);
  const bytes = new Uint8Array(log.length + 100);
  bytes.set(log);
  for (let at = log.length; at < bytes.length; at++) expectNamed(bytes, at, at % 8);
});

test('no bit is blamed for a torn record, nor for one that is sound elsewhere', () => {
  const bytes = writeLog([20, 50, 20]);
  expect(read(bytes.slice(0, -3)).damage?.flippedBit).toBeNull();
  const moved = bytes.slice();
  moved.copyWithin(fileHeaderBytes + 27, fileHeaderBytes, fileHeaderBytes + 27);
  expect(read(moved).damage?.flippedBit).toBeNull();
});
