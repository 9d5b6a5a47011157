import { concatBytes, readU32, writeU32 } from '../../src/base/bytes.js';
import { maxSeq } from '../../src/base/internal-key.js';
import type { Prng } from '../../src/base/prng.js';
import { CursorEntry } from '../../src/iterator/cursor.js';
import { openBlock } from '../../src/sstable/block-frame.js';
import { BloomFilter } from '../../src/sstable/bloom-filter.js';
import { codecById, codecIds } from '../../src/sstable/codecs.js';
import { DataBlock, fillEntry } from '../../src/sstable/data-block.js';
import { decodeFooter, encodeFooter } from '../../src/sstable/footer.js';
import { footerBytes } from '../../src/sstable/format.js';
import { IndexBlock } from '../../src/sstable/index-block.js';
import { checkIndexPart } from '../../src/sstable/index-part.js';
import { decodeMetaindex } from '../../src/sstable/metaindex.js';
import { decodeProperties } from '../../src/sstable/properties.js';
import type { SeedBlock, SeedTable } from './corpus.js';
import { sealBlock, sealFooter } from './seal.js';
import type { Target } from './target.js';

const file = 'hostile.sst';
/** Stored blocks of seeds are sealed as if they stood here. */
const blockOffset = 56;
const footerOffset = 100_000;

/** Everything a table consists of, piece by piece, as its readers meet it. */
export function blockTargets(tables: readonly SeedTable[]): Target[] {
  const raw = (...roles: readonly SeedBlock['role'][]): Uint8Array[] =>
    tables.flatMap(({ blocks }) =>
      blocks.filter(({ role }) => roles.includes(role)).map((b) => b.raw),
    );
  const { tableId } = tables[0].directory;
  const probes = raw('data').flatMap(keysOf);
  return [
    {
      name: 'table footer',
      seeds: tables.map(({ bytes, directory: { metaindex } }) => {
        const offset = bytes.length - footerBytes;
        const footer = decodeFooter(bytes.subarray(offset), offset, file);
        const moved = { ...metaindex, offset: footerOffset - metaindex.size };
        return encodeFooter({ ...footer, metaindex: moved }, footerOffset);
      }),
      seal: (bytes) => {
        if (bytes.length === footerBytes) sealFooter(bytes, footerOffset);
      },
      decode(bytes) {
        // Its reader hands over exactly so many bytes.
        if (bytes.length !== footerBytes) return false;
        decodeFooter(bytes, footerOffset, file);
        return true;
      },
    },
    {
      name: 'metaindex',
      seeds: raw('metaindex'),
      decode(bytes) {
        const blocks = decodeMetaindex(bytes, 56, file, 100_000);
        return blocks.has('index');
      },
    },
    {
      name: 'table properties',
      seeds: raw('properties'),
      decode(bytes) {
        const { entries, indexLevels } = decodeProperties(bytes, file, 0);
        mustHold(Number.isSafeInteger(entries) && indexLevels <= 2, 'impossible properties');
        return true;
      },
    },
    {
      name: 'index block',
      seeds: raw('index', 'index-top', 'filter-top'),
      decode: (bytes, random) => useIndex(bytes, random, probes),
    },
    {
      name: 'index part against its top',
      // Which table, and which part of its index; then the part.
      seeds: tables.flatMap(({ blocks, directory }, table) =>
        directory.indexTop === undefined
          ? []
          : blocks
              .filter(({ role }) => role === 'index')
              .map(({ raw }, part) => concatBytes([Uint8Array.of(table, part), raw])),
      ),
      decode(bytes) {
        const { indexTop, tailOffset } = tables.at(bytes[0])?.directory ?? {};
        if (indexTop === undefined || tailOffset === undefined) return false;
        const part = new IndexBlock(new Uint8Array(bytes.subarray(2)), tailOffset, file, 0);
        if (bytes[1] >= indexTop.count) return false;
        checkIndexPart(part, indexTop, bytes[1], file, 0);
        return true;
      },
    },
    {
      name: 'data block',
      seeds: raw('data'),
      weight: 2,
      decode: (bytes, random) => useDataBlock(bytes, random, probes),
    },
    {
      name: 'bloom filter',
      seeds: raw('filter'),
      decode(bytes, random) {
        const filter = BloomFilter.fromBytes(bytes, file, 0);
        for (let i = 0; i < 4; i++) filter.mayContain(probes[random.below(probes.length)]);
        return true;
      },
    },
    {
      name: 'block frame',
      seeds: tables.flatMap(({ bytes, blocks, directory }) =>
        blocks.map(({ offset, size }) => {
          const block = bytes.slice(offset, offset + size);
          sealBlock(block, directory.tableId, blockOffset);
          return block;
        }),
      ),
      seal: (bytes) => sealBlock(bytes, tableId, blockOffset),
      weight: 2,
      // Up to 255 bytes for one of LZ4, and 128 KiB for each block inside a Zstandard frame.
      memory: { fixed: 2 * 1024 * 1024, perByte: 600 },
      decode(bytes, random) {
        const mayKeep = random.chance(0.5);
        const reuse = random.chance(0.3) ? new ArrayBuffer(300) : undefined;
        const opened = openBlock(
          bytes,
          0,
          bytes.length,
          mayKeep,
          tableId,
          blockOffset,
          file,
          reuse,
        );
        mustHold(opened.byteOffset === 0 || mayKeep, 'a block not at the front of its buffer');
        return true;
      },
    },
    ...(['lz4', 'zstd'] as const).map((compression): Target => {
      const codec = codecById(codecIds[compression])!;
      return {
        name: `codec ${compression}`,
        // The length that the raw bytes are to have, then the compressed ones.
        seeds: raw('data').map((block) => pack(codec, block)),
        weight: 2,
        // The window that every Zstandard decoder must support, and buffers of the engine's runtime.
        memory: { fixed: 10 * 1024 * 1024, perByte: 1024 },
        decode(bytes) {
          if (bytes.length < 4) return false;
          const target = new Uint8Array(Math.min(readU32(bytes, 0), 1024 * 1024));
          return codec.decompress(bytes, 4, bytes.length, target);
        },
      };
    }),
  ];
}

function pack(codec: NonNullable<ReturnType<typeof codecById>>, raw: Uint8Array): Uint8Array {
  const target = new Uint8Array(2 * raw.length + 100);
  writeU32(target, 0, raw.length);
  const length = codec.compress(raw, 0, raw.length, target, 4, target.length - 4);
  return target.slice(0, 4 + length);
}

/** What does not hold is a fault of the decoder: it must not look like a refusal. */
export function mustHold(holds: boolean, what: string): void {
  if (!holds) throw new TypeError(what);
}

function useIndex(bytes: Uint8Array, random: Prng, probes: readonly Uint8Array[]): boolean {
  const index = new IndexBlock(bytes, 100_000, file, 0);
  for (let i = 0; i < 4; i++) {
    const key = probes[random.below(probes.length)];
    const found = index.findBlock(key, random.chance(0.5) ? maxSeq : random.u32());
    mustHold(found >= -1 && found < index.count, 'a block that is not there');
    if (found >= 0) index.continuesKey(found, key);
  }
  for (let i = 0; i < index.count; i++) {
    const end = index.offsetAt(i) + index.sizeAt(i);
    mustHold(end <= 100_000, 'a block beyond the end');
    mustHold(index.separatorAt(i).length <= bytes.length, 'a separator beyond the end');
  }
  return true;
}

function useDataBlock(bytes: Uint8Array, random: Prng, probes: readonly Uint8Array[]): boolean {
  const block = new DataBlock(bytes, file, 0);
  const entry = new CursorEntry();
  for (let i = 0; i < 4; i++) {
    const key = probes[random.below(probes.length)];
    const at = block.lowerBound(key, random.chance(0.5) ? maxSeq : random.u32());
    mustHold(at >= 0 && at <= block.count, 'an entry that is not there');
    if (at < block.count && block.hasKeyAt(at, key)) fillEntry(entry, key, block, at);
  }
  for (let at = 0; at < block.count; at++) {
    fillEntry(entry, probes[0], block, at);
    const { valueStart, valueEnd, seq, kind } = entry;
    mustHold(valueStart <= valueEnd && valueEnd <= bytes.length, 'a value beyond the end');
    mustHold(Number.isSafeInteger(seq) && (kind === 0 || kind === 1), 'an impossible entry');
    const keyEnd = block.words[block.bounds + at + 1];
    mustHold(keyEnd <= bytes.length, 'a key beyond the end');
    const length = block.prefixLength + keyEnd - block.words[block.bounds + at];
    mustHold(length <= 65_535, `a key of ${length} bytes`);
  }
  return true;
}

function keysOf(raw: Uint8Array): Uint8Array[] {
  const block = new DataBlock(raw.slice(), file, 0);
  const keys: Uint8Array[] = [];
  for (let at = 0; at < block.count; at++) {
    const start = block.words[block.bounds + at];
    const tail = raw.subarray(start, block.words[block.bounds + at + 1]);
    keys.push(concatBytes([raw.subarray(20, 20 + block.prefixLength), tail]));
  }
  return keys;
}
