import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { toHex } from '../base/bytes.js';
import { decodeFileHeader, encodeFileHeader } from '../base/file-header.js';
import { runSync } from '../base/task.js';
import { MemoryFileSystem } from '../fs/memory-file-system.js';
import { appendBatch } from './batch-record.js';
import {
  decodeLogLinks,
  encodeLogLinks,
  logBlockBytes,
  logHeaderBytes,
  recordSpan,
  type LogLinks,
} from './log-format.js';
import { LogWriter } from './log-writer.js';
import { WriteBatch } from './write-batch.js';

const links: LogLinks = {
  previousLog: 3,
  previousEnd: 4660,
  previousSynced: 4096,
  firstSeq: 41,
  manifestNumber: 5,
  manifestSynced: 801,
};

describe('the page on the log format', () => {
  it('shows the bytes that the code writes', () => {
    const page = readFileSync(new URL('../../docs/format/log.md', import.meta.url), 'utf8');
    const dump = /```hex\n([\s\S]*?)```/.exec(page)![1];
    const shown = dump.replace(/^[0-9a-f]{4}/gm, '').replace(/\s/g, '');

    const fs = new MemoryFileSystem();
    const path = '000007.log';
    const fileId = { low: 0x4433_2211, high: 0x8877_6655 };
    const databaseId = { low: 0xd4c3_b2a1, high: 0x0807_f6e5 };
    const extension = encodeLogLinks(links);
    const writer = runSync(
      LogWriter.create({ fs, path, kind: 'log', fileId, databaseId, extension }),
    );
    const text = (s: string): Uint8Array => new TextEncoder().encode(s);
    const batch = new WriteBatch();
    batch.put(1, text('ada'), text('1815'));
    batch.delete(1, text('bob'));
    appendBatch(writer, { firstSeq: 41, count: 2, syncedOffset: writer.syncedEnd }, batch);
    runSync(writer.close());
    expect(toHex(fs.readBytes(path))).toBe(shown);
  });
});

describe('the header of a log', () => {
  const header = (extension: Uint8Array): ReturnType<typeof decodeFileHeader> => {
    const bytes = encodeFileHeader({ kind: 'log', fileId: { low: 1, high: 2 }, extension });
    return decodeFileHeader(bytes, 'log', '000007.log');
  };

  it('gives its links back, also out of a longer one', () => {
    const extension = encodeLogLinks(links);
    expect(header(extension).size).toBe(logHeaderBytes);
    expect(decodeLogLinks(header(extension), 'f')).toEqual(links);
    const longer = new Uint8Array(60);
    longer.set(extension);
    expect(decodeLogLinks(header(longer), 'f')).toEqual(links);
  });

  it('is refused with fewer bytes or impossible numbers', () => {
    const corrupt = expect.objectContaining({ code: 'LSM_CORRUPTION' });
    expect(() => decodeLogLinks(header(new Uint8Array(47)), 'f')).toThrow(corrupt);
    expect(() => decodeLogLinks(header(new Uint8Array(48).fill(255)), 'f')).toThrow(corrupt);
    expect(() => encodeLogLinks({ ...links, firstSeq: NaN })).toThrow('firstSeq');
  });
});

describe('the span of a record', () => {
  it('is what the writer takes, at every offset near a border and for lengths around it', () => {
    const fs = new MemoryFileSystem();
    const fileId = { low: 1, high: 2 };
    for (let filler = logBlockBytes - 140; filler < logBlockBytes - 60; filler++) {
      const path = `${filler}.log`;
      const writer = runSync(
        LogWriter.create({ fs, path, kind: 'manifest', fileId, databaseId: fileId }),
      );
      writer.append(new Uint8Array(filler));
      for (const length of [1, 9, 10, 30, 32_761, 32_762, 65_522, 65_523, 100_000]) {
        const before = writer.end;
        writer.append(new Uint8Array(length));
        expect(writer.end - before, `${length} at ${before}`).toBe(recordSpan(before, length));
      }
      runSync(writer.close());
    }
  });
});
