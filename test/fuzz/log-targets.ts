import { encodeFileHeader, decodeFileHeader, type FileKind } from '../../src/base/file-header.js';
import { VarintReader, writeVarint } from '../../src/base/varint.js';
import { BatchReader } from '../../src/wal/batch-reader.js';
import { BatchRecord } from '../../src/wal/batch-record.js';
import { decodeLogLinks, encodeLogLinks } from '../../src/wal/log-format.js';
import { LogReader } from '../../src/wal/log-reader.js';
import { MemoryFileSystem } from '../../src/fs.js';
import { mustHold } from './block-targets.js';
import { recordsOf } from './corpus.js';
import { sealHeader, sealLog } from './seal.js';
import type { Target } from './target.js';

const id = { low: 0x0102_0304, high: 0x0506_0708 };
const path = '000003.log';

/** Numbers, headers, and what stands in a log, from fragments to operations. */
export function logTargets(
  logs: readonly Uint8Array[],
  manifests: readonly Uint8Array[],
): Target[] {
  return [
    { name: 'varint', seeds: varintSeeds(), decode: readVarints },
    headerTarget(),
    {
      name: 'log header',
      seeds: logs.map((bytes) => bytes.slice(0, 104)),
      seal: sealHeader,
      decode(bytes) {
        const links = decodeLogLinks(decodeFileHeader(bytes, 'log', path), path);
        mustHold(Object.values(links).every(Number.isSafeInteger), 'a link that is no number');
        return true;
      },
    },
    {
      name: 'log fragments',
      seeds: [...logs, ...manifests],
      seal: sealLog,
      // Two windows, the second of 1 MiB, prefixes of CRCs for one block, and a record of 4 blocks.
      memory: { fixed: 3 * 1024 * 1024, perByte: 64 },
      decode: (bytes, random) => readLog(bytes, random.chance(0.5), random.chance(0.7)),
    },
    {
      name: 'batch record',
      seeds: logs.flatMap((bytes) => recordsOf(bytes, 'log')),
      weight: 2,
      decode(bytes) {
        const record = new BatchRecord();
        const operations = new BatchReader();
        const isBatch = record.decode(bytes, 0, bytes.length, path, 4096);
        if (!isBatch) return false;
        const { operationsStart, count } = record;
        operations.reset(bytes, operationsStart, bytes.length, count, path, 4096);
        let found = 0;
        while (operations.next()) {
          const { keyEnd, valueEnd, keyStart, valueStart } = operations;
          mustHold(keyStart <= keyEnd && keyEnd <= bytes.length, 'a key beyond the end');
          mustHold(valueStart <= valueEnd && valueEnd <= bytes.length, 'a value beyond the end');
          found++;
        }
        mustHold(found === count, 'operations that were not counted');
        return true;
      },
    },
  ];
}

function varintSeeds(): Uint8Array[] {
  return [0, 1, 127, 128, 300, 2 ** 31, 2 ** 32, 2 ** 49, Number.MAX_SAFE_INTEGER].map((value) => {
    const bytes = new Uint8Array(8);
    return bytes.slice(0, writeVarint(bytes, 0, value));
  });
}

function readVarints(bytes: Uint8Array): boolean {
  const reader = new VarintReader(bytes);
  let count = 0;
  while (reader.position < bytes.length) {
    const value = reader.next();
    mustHold(reader.position <= bytes.length, 'read beyond the end');
    if (value < 0) return false;
    mustHold(Number.isSafeInteger(value), `${value} is no number`);
    count++;
  }
  return count > 0;
}

function headerTarget(): Target {
  const kinds: readonly FileKind[] = ['table', 'log', 'manifest', 'current'];
  const extension = encodeLogLinks({
    previousLog: 2,
    previousEnd: 99_999,
    previousSynced: 4096,
    firstSeq: 1,
    manifestNumber: 1,
    manifestSynced: 300,
  });
  return {
    name: 'file header',
    seeds: kinds.map((kind) => encodeFileHeader({ kind, fileId: id, databaseId: id, extension })),
    seal: sealHeader,
    decode(bytes, random) {
      const kind = kinds.find(
        (each, i) => bytes[4] === encodeFileHeader({ kind: each, fileId: id })[4] && i >= 0,
      );
      const header = decodeFileHeader(bytes, kind ?? kinds[random.below(4)], path);
      mustHold(header.size <= bytes.length && header.version === 1, 'an impossible header');
      return true;
    },
  };
}

/** True when the log has a record, and ends without damage. */
function readLog(bytes: Uint8Array, hasClaims: boolean, assemble: boolean): boolean {
  const kind = bytes[4] === 0x4d ? 'manifest' : 'log';
  const { fileId, size: start } = decodeFileHeader(bytes, kind, path);
  const fs = MemoryFileSystem.from([[path, bytes]]);
  const reader = new LogReader(fs.openSync!(path), { fileId, start, hasClaims, assemble });
  // Each step consumes at least one byte of the file, or brings some in.
  let stepsLeft = 2 * bytes.length + 16;
  let records = 0;
  for (let step = reader.advance(); step !== 'end'; step = reader.advance()) {
    mustHold(stepsLeft-- > 0, 'a reader that does not come to an end');
    if (step === 'wait') {
      reader.waitSync();
      continue;
    }
    records++;
    const { recordStart, recordEnd } = reader;
    mustHold(recordEnd - recordStart <= bytes.length, 'a record longer than the log');
    if (assemble) mustHold(recordEnd <= reader.bytes.length, 'a record beyond its bytes');
  }
  const { end, usedEnd, damagedAt, claim } = reader.report;
  mustHold(end <= usedEnd && usedEnd <= Math.max(bytes.length, start), 'an end behind the end');
  mustHold(damagedAt >= end || damagedAt <= bytes.length, 'damage behind the end');
  mustHold(claim <= bytes.length, 'a claim behind the end');
  return records > 0 && reader.report.reason !== 'damage';
}
