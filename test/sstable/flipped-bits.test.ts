import { beforeAll, expect, test } from 'vitest';
import type { Entry } from '../../src/base/entry.js';
import { LsmError } from '../../src/base/errors.js';
import { kindPut } from '../../src/base/internal-key.js';
import { runSync } from '../../src/base/task.js';
import { MemoryFileSystem } from '../../src/fs/memory-file-system.js';
import { loadCodecs } from '../../src/sstable/codecs.js';
import { TableReader } from '../../src/sstable/table-reader.js';
import { allCompressions, bytesOf, smallParts, writeTable } from './table-model.js';

beforeAll(loadCodecs);

const path = 'dir/000007.sst';

function tableBytes(compression: (typeof allCompressions)[number], inParts: boolean): Uint8Array {
  const entries: Entry[] = Array.from({ length: 20 }, (_, i) => ({
    key: bytesOf(`key${String(i).padStart(4, '0')}`),
    seq: 100 + i,
    kind: kindPut,
    value: bytesOf(`value ${i} aaaaaaaaaaaaaaaaaaaa`),
  }));
  const fs = new MemoryFileSystem();
  const settings = { compression, blockSizeBytes: 200, bloomBitsPerKey: 10 };
  writeTable(fs, 'x', entries, settings, { layout: inParts ? smallParts : undefined });
  return fs.readBytes('x');
}

/** What opening and verifying the table reports. */
function damagesOf(bytes: Uint8Array): readonly LsmError[] {
  const fs = MemoryFileSystem.from([[path, bytes]]);
  try {
    return runSync(runSync(TableReader.open({ fs, path })).verify()).damages;
  } catch (error) {
    if (error instanceof LsmError) return [error];
    throw error;
  }
}

test.each([
  ...allCompressions.map((compression) => [compression, false] as const),
  ['none', true] as const,
])('every flipped bit of a table (%s, in parts: %s) is named', (compression, inParts) => {
  const bytes = tableBytes(compression, inParts);
  for (let at = 0; at < bytes.length; at++) {
    for (let bit = at % 3; bit < 8; bit += 3) {
      bytes[at] ^= 1 << bit;
      const damages = damagesOf(bytes);
      bytes[at] ^= 1 << bit;
      const flips = damages.map(({ damage }) => damage?.flippedBit);
      expect(flips, `bit ${bit} of byte ${at}`).toEqual([{ offset: at, bit }]);
      expect(damages[0].file).toBe(path);
      expect(damages[0].offset).toBeLessThanOrEqual(at);
      expect(damages[0].message).toContain(`bit ${bit} of byte ${at}`);
    }
  }
});
