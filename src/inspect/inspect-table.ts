import type { FileId } from '../base/checksum.js';
import { corruption, isLsmError } from '../base/errors.js';
import { kindDelete } from '../base/internal-key.js';
import { runAsync } from '../base/task.js';
import type { File } from '../fs/file-system.js';
import { openBlock } from '../sstable/block-frame.js';
import { loadCodecs } from '../sstable/codecs.js';
import { DataBlock } from '../sstable/data-block.js';
import { dataBlockHeaderBytes } from '../sstable/data-block-writer.js';
import { readFromFile } from '../sstable/file-steps.js';
import { decodeFooter } from '../sstable/footer.js';
import {
  blockTrailerBytes,
  footerBytes,
  maxRawBlockBytes,
  type BlockHandle,
} from '../sstable/format.js';
import type { IndexBlock } from '../sstable/index-block.js';
import { decodeProperties } from '../sstable/properties.js';
import {
  decodeIndex,
  loadDirectory,
  loadTail,
  type TableDirectory,
} from '../sstable/table-directory.js';
import type { BlockFact, DamageFact, EntryFact, FileFact } from './facts.js';
import { findBlock, findNextBlock } from './find-block.js';
import { headerFact, type Beginning } from './lenient-header.js';
import { toDamage } from './to-damage.js';

const codecNames = ['none', 'lz4', 'zstd'] as const;

/**
 * The blocks of a table, by its index; where that cannot be read, one behind the
 * other from the first, as far as they are whole.
 */
export async function* inspectTable(file: File, beginning: Beginning): AsyncGenerator<FileFact> {
  await loadCodecs();
  const { header, fileBytes } = beginning;
  if (header !== undefined) yield headerFact(header, fileBytes);
  const table = new TableWalk(file);
  let directory: TableDirectory | undefined;
  try {
    // Where the header is damaged, which is told already, the footer does as well.
    const load = header === undefined ? loadTail(file, fileBytes) : loadDirectory(file, undefined);
    directory = await runAsync(load);
  } catch (error) {
    yield table.damage(error, fileBytes);
  }
  if (directory !== undefined) yield* table.byIndex(directory);
  else yield* table.withoutIndex(beginning);
  const { records, entries, damages, end } = table;
  yield { type: 'end', offset: end, records, entries, damages };
}

class TableWalk {
  records = 0;
  entries = 0;
  damages = 0;
  end = 0;
  readonly #file: File;
  #hidesIndexAt = -1;

  constructor(file: File) {
    this.#file = file;
  }

  damage(error: unknown, offset: number, bytes?: number): DamageFact {
    const fact = toDamage(error, offset, bytes);
    this.damages++;
    if (this.damages === 1) this.#hidesIndexAt = fact.offset;
    return fact;
  }

  async *byIndex(directory: TableDirectory): AsyncGenerator<FileFact> {
    const { index, indexTop, filter, filterTop, properties, tableId } = directory;
    const { propertiesHandle, indexHandle } = directory;
    yield { type: 'properties', offset: propertiesHandle.offset, properties: { ...properties } };
    if (index !== undefined) yield* this.#dataBlocks(index, tableId);
    for (let part = 0; part < (indexTop?.count ?? 0); part++) {
      const handle = handleIn(indexTop!, part);
      let below: IndexBlock;
      try {
        const stored = await this.#read(handle);
        const raw = openBlock(
          stored,
          0,
          handle.size,
          false,
          tableId,
          handle.offset,
          this.#file.path,
        );
        below = decodeIndex(raw, directory, this.#file.path, handle.offset);
      } catch (error) {
        yield this.damage(error, handle.offset, handle.size);
        continue;
      }
      yield* this.#dataBlocks(below, tableId);
      yield* this.#block('index', handle, tableId, below.count);
    }
    for (let part = 0; part < (filterTop?.count ?? 0); part++) {
      yield* this.#block('filter', handleIn(filterTop!, part), tableId);
    }
    if (filter !== undefined) yield* this.#block('filter', filter, tableId);
    yield* this.#block('index', indexHandle, tableId, index?.count);
    yield* this.#block('properties', propertiesHandle, tableId);
    yield* this.#block('metaindex', directory.metaindex, tableId);
    this.end = directory.size;
  }

  async *#dataBlocks(index: IndexBlock, tableId: FileId): AsyncGenerator<FileFact> {
    for (let number = 0; number < index.count; number++) {
      yield* this.#block('data', handleIn(index, number), tableId);
    }
  }

  /** The first damage told is the one that hides the index. */
  async *withoutIndex({ start, fileId, fileBytes }: Beginning): AsyncGenerator<FileFact> {
    let ids = [fileId];
    const footerOffset = Math.max(start, fileBytes - footerBytes);
    let end = fileBytes;
    try {
      const footer = await runAsync(readFromFile(this.#file, footerOffset, footerBytes));
      if (footer.length === footerBytes) {
        ids.unshift(decodeFooter(footer, footerOffset, this.#file.path).tableId);
        end = footerOffset;
      }
    } catch (error) {
      // That the footer is damaged is told already, or the header is; without both there is the id in the header's bytes.
      if (!isLsmError(error, 'LSM_CORRUPTION')) throw error;
    }
    let at = (this.end = start);
    while (at < end) {
      const block = await this.#findBlock(ids, at, end);
      if (block === undefined) {
        const next = (await findNextBlock(this.#file, ids[0], at, end)) ?? end;
        // The damage that hides the index may be told already: that of the footer, or of this block.
        if (at !== footerOffset && at !== this.#hidesIndexAt) {
          yield this.damage(corruption('no whole block', this.#file.path, at), at, next - at);
        }
        at = next;
        continue;
      }
      const { bytes, tableId } = block;
      // One table has one id. Trying the other one up to the end, behind every block, would take for ever.
      ids = [tableId];
      try {
        yield* this.#describe('unknown', bytes, at, tableId);
      } catch (error) {
        yield this.damage(error, at, bytes.length);
      }
      at += bytes.length;
      this.end = at;
    }
  }

  async #findBlock(
    ids: readonly FileId[],
    at: number,
    end: number,
  ): Promise<{ readonly bytes: Uint8Array; readonly tableId: FileId } | undefined> {
    for (const tableId of ids) {
      const bytes = await findBlock(this.#file, tableId, at, end);
      if (bytes !== undefined) return { bytes, tableId };
    }
    return undefined;
  }

  async *#block(
    role: BlockFact['role'],
    { offset, size }: BlockHandle,
    tableId: FileId,
    entries?: number,
  ): AsyncGenerator<FileFact> {
    try {
      const bytes = await this.#read({ offset, size });
      yield* this.#describe(role, bytes, offset, tableId, entries);
    } catch (error) {
      yield this.damage(error, offset, size);
    }
  }

  async #read({ offset, size }: BlockHandle): Promise<Uint8Array> {
    const { path } = this.#file;
    // Before memory is taken for it.
    if (size > maxRawBlockBytes + blockTrailerBytes) {
      throw corruption(`impossible block size ${size}`, path, offset);
    }
    const bytes = await runAsync(readFromFile(this.#file, offset, size));
    if (bytes.length < size) throw corruption('block cut off', path, offset);
    return bytes;
  }

  /** A stored block and what is in it. Without a role: data, or whatever else it can be read as. */
  *#describe(
    role: BlockFact['role'],
    stored: Uint8Array,
    offset: number,
    tableId: FileId,
    entries?: number,
  ): Generator<FileFact> {
    const { path } = this.#file;
    const raw = openBlock(stored, 0, stored.length, false, tableId, offset, path);
    const fact = {
      type: 'block',
      offset,
      bytes: stored.length,
      rawBytes: raw.length,
      codec: codecNames[stored[stored.length - blockTrailerBytes]],
    } as const;
    if (role === 'data') {
      const block = new DataBlock(raw, path, offset);
      yield* this.#data(block, { ...fact, role, entries: block.count });
      return;
    }
    if (role !== 'unknown') {
      yield { ...fact, role, ...(entries === undefined ? {} : { entries }) };
      return;
    }
    const block = attempt(() => new DataBlock(raw, path, offset));
    if (block !== undefined) {
      yield* this.#data(block, { ...fact, role: 'data', entries: block.count });
      return;
    }
    const properties = attempt(() => decodeProperties(raw, path, offset));
    yield { ...fact, role: properties === undefined ? 'unknown' : 'properties' };
    if (properties === undefined) return;
    yield { type: 'properties', offset, properties: { ...properties } };
  }

  *#data(block: DataBlock, fact: BlockFact): Generator<FileFact> {
    this.records++;
    yield fact;
    for (let at = 0; at < block.count; at++) {
      this.entries++;
      yield entryAt(block, at);
    }
  }
}

function handleIn(index: IndexBlock, number: number): BlockHandle {
  return { offset: index.offsetAt(number), size: index.sizeAt(number) };
}

function attempt<T>(decode: () => T): T | undefined {
  try {
    return decode();
  } catch (error) {
    if (isLsmError(error)) return undefined;
    throw error;
  }
}

function entryAt(block: DataBlock, at: number): EntryFact {
  const { words, bytes, bounds, prefixLength, count } = block;
  const tail = bytes.subarray(words[bounds + at], words[bounds + at + 1]);
  const key = new Uint8Array(prefixLength + tail.length);
  key.set(bytes.subarray(dataBlockHeaderBytes, dataBlockHeaderBytes + prefixLength));
  key.set(tail, prefixLength);
  const values = bounds + count + at;
  const value = bytes.subarray(words[values], words[values + 1]);
  const isDelete = block.kindAt(at) === kindDelete;
  return {
    type: 'entry',
    seq: block.seqAt(at),
    kind: isDelete ? 'delete' : 'put',
    key,
    value: isDelete ? undefined : value,
  };
}
