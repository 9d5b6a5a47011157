import { noFileId, sameFileId, type FileId } from '../base/checksum.js';
import { corruption } from '../base/errors.js';
import { maxSeq } from '../base/internal-key.js';
import { decodeFileHeader, type FileHeader } from '../base/file-header.js';
import type { Steps } from '../base/task.js';
import type { File } from '../fs/file-system.js';
import { openBlock } from './block-frame.js';
import { readFromFile, sizeOfFile } from './file-steps.js';
import { decodeFooter, type Footer } from './footer.js';
import { blockTrailerBytes, firstBlockOffset, footerBytes, type BlockHandle } from './format.js';
import { IndexBlock } from './index-block.js';
import {
  decodeMetaindex,
  filterBlockName,
  indexBlockName,
  propertiesBlockName,
} from './metaindex.js';
import { decodeProperties, type TableProperties } from './properties.js';

/** One read of this size at the end usually brings in all but the filter and an index of more than a thousand blocks. */
const suffixBytes = 32 * 1024;

/** What the manifest knows of a table. */
export interface ExpectedTable {
  readonly databaseId: FileId;
  readonly tableId: FileId;
  readonly size: number;
  readonly checksum: number;
}

/** All that is known of a table once it is open; of index and filter in parts, what leads to them. */
export interface TableDirectory {
  readonly databaseId: FileId;
  readonly tableId: FileId;
  readonly size: number;
  readonly checksum: number;
  readonly tailOffset: number;
  readonly metaindex: BlockHandle;
  readonly indexHandle: BlockHandle;
  readonly propertiesHandle: BlockHandle;
  /** The index, where it is one block; otherwise what leads to its parts. */
  readonly index: IndexBlock | undefined;
  readonly indexTop: IndexBlock | undefined;
  /** Where the filter is, if there is one and it is one block; otherwise what leads to its parts. */
  readonly filter: BlockHandle | undefined;
  readonly filterTop: IndexBlock | undefined;
  readonly properties: TableProperties;
}

/** Reads and checks header, footer, metaindex, properties and index of an open file. */
export function* loadDirectory(
  file: File,
  expected: ExpectedTable | undefined,
): Steps<TableDirectory> {
  const { path } = file;
  const size = yield* sizeOfFile(file);
  if (expected !== undefined && size !== expected.size) {
    const what = `the table has ${size} bytes and should have ${expected.size}`;
    throw corruption(what, path, Math.min(size, expected.size));
  }
  if (size < firstBlockOffset + footerBytes) {
    throw corruption(`a table cut off after ${size} bytes`, path, size);
  }
  const header = decodeFileHeader(yield* readFromFile(file, 0, firstBlockOffset), 'table', path);
  return yield* loadTail(file, size, expected, header);
}

/** The same without the header, where that is known already, or is damaged: the footer decides. */
export function* loadTail(
  file: File,
  size: number,
  expected?: ExpectedTable,
  header?: FileHeader,
): Steps<TableDirectory> {
  const { path } = file;
  const suffixStart = Math.max(0, size - suffixBytes);
  const suffix = yield* readFromFile(file, suffixStart, size - suffixStart);
  if (suffix.length < size - suffixStart) throw corruption('table cut off', path, size);
  const footerOffset = size - footerBytes;
  const footer = decodeFooter(suffix.subarray(suffix.length - footerBytes), footerOffset, path);
  if (header !== undefined && !sameFileId(footer.tableId, header.fileId)) {
    throw corruption('header and footer are of different tables', path, footerOffset);
  }
  const databaseId = header?.databaseId ?? noFileId;
  if (expected !== undefined) checkIdentity(expected, databaseId, footer, path, footerOffset);
  const tail = new Tail(file, footer, suffix, suffixStart);
  const metaindex = yield* tail.read(footer.metaindex);
  if (tail.lastChecksum !== footer.metaindexChecksum) {
    throw corruption('footer and metaindex disagree', path, footer.metaindex.offset);
  }
  const { tailOffset } = footer;
  const blocks = decodeMetaindex(metaindex, tailOffset, path, footer.metaindex.offset);
  const propertiesHandle = blocks.get(propertiesBlockName)!;
  const properties = decodeProperties(
    yield* tail.read(propertiesHandle),
    path,
    propertiesHandle.offset,
  );
  const indexHandle = blocks.get(indexBlockName)!;
  const filter = blocks.get(filterBlockName);
  const opened = {
    databaseId,
    tableId: footer.tableId,
    size,
    checksum: footer.checksum,
    tailOffset,
    metaindex: footer.metaindex,
    indexHandle,
    propertiesHandle,
    properties,
  };
  const indexBytes = yield* tail.read(indexHandle);
  const index =
    properties.indexLevels === 1
      ? { index: decodeIndex(indexBytes, opened, path, indexHandle.offset), indexTop: undefined }
      : { index: undefined, indexTop: decodeIndexTop(indexBytes, opened, path) };
  if (properties.filterParts === 1) return { ...opened, ...index, filter, filterTop: undefined };
  if (filter === undefined) throw corruption('no filter, but parts of one', path, footerOffset);
  const filterTop = decodeFilterTop(yield* tail.read(filter), opened, path, filter.offset);
  return { ...opened, ...index, filter: undefined, filterTop };
}

type Opened = Pick<TableDirectory, 'properties' | 'tailOffset' | 'metaindex' | 'indexHandle'>;

/** Decodes the index of data blocks, whole or a part of it, that stands at `offset`. */
export function decodeIndex(
  raw: Uint8Array,
  { properties, tailOffset }: Pick<Opened, 'properties' | 'tailOffset'>,
  path: string,
  offset: number,
): IndexBlock {
  const index = new IndexBlock(raw, tailOffset, path, offset);
  const isPossible =
    properties.indexLevels === 1
      ? index.count === properties.dataBlocks
      : index.count <= properties.dataBlocks;
  if (!isPossible || index.hasDataOffsets) {
    throw corruption('index and properties disagree on the data blocks', path, offset);
  }
  return index;
}

function decodeIndexTop(raw: Uint8Array, opened: Opened, path: string): IndexBlock {
  const { properties, tailOffset, metaindex, indexHandle } = opened;
  const top = new IndexBlock(raw, metaindex.offset, path, indexHandle.offset, tailOffset);
  let isPossible = top.hasDataOffsets && top.count > 0 && top.count <= properties.dataBlocks;
  let end = firstBlockOffset;
  for (let part = 0; part < top.count && isPossible; part++) {
    const offset = top.dataOffsetAt(part);
    isPossible = offset >= end && offset < tailOffset;
    end = offset + blockTrailerBytes;
  }
  if (!isPossible) throw corruption('impossible top of an index', path, indexHandle.offset);
  return top;
}

function decodeFilterTop(
  raw: Uint8Array,
  { properties, tailOffset, metaindex }: Opened,
  path: string,
  offset: number,
): IndexBlock {
  const top = new IndexBlock(raw, metaindex.offset, path, offset, tailOffset);
  let isPossible = top.count === properties.filterParts && !top.hasDataOffsets;
  for (let part = 0; part < top.count; part++) isPossible &&= top.seqAt(part) === maxSeq;
  if (!isPossible) throw corruption('top of the filter and properties disagree', path, offset);
  return top;
}

/** Blocks of the tail, from the bytes read already where they are in them. */
class Tail {
  /** Checksum in the trailer of the block read last. */
  lastChecksum = 0;
  readonly #file: File;
  readonly #footer: Footer;
  readonly #suffix: Uint8Array;
  readonly #suffixStart: number;

  constructor(file: File, footer: Footer, suffix: Uint8Array, suffixStart: number) {
    this.#file = file;
    this.#footer = footer;
    this.#suffix = suffix;
    this.#suffixStart = suffixStart;
  }

  *read({ offset, size }: BlockHandle): Steps<Uint8Array> {
    const { path } = this.#file;
    const isRead = offset >= this.#suffixStart;
    const bytes = isRead ? this.#suffix : yield* readFromFile(this.#file, offset, size);
    const start = isRead ? offset - this.#suffixStart : 0;
    const raw = openBlock(bytes, start, size, !isRead, this.#footer.tableId, offset, path);
    const end = start + size;
    this.lastChecksum = new DataView(bytes.buffer, bytes.byteOffset).getUint32(end - 4, true);
    return raw;
  }
}

function checkIdentity(
  expected: ExpectedTable,
  databaseId: FileId,
  footer: Footer,
  path: string,
  footerOffset: number,
): void {
  const what = 'another table than the manifest names';
  if (!sameFileId(expected.databaseId, databaseId)) throw corruption(what, path, 20);
  const isSame =
    sameFileId(expected.tableId, footer.tableId) && expected.checksum === footer.checksum;
  if (!isSame) throw corruption(what, path, footerOffset);
}
