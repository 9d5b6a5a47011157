import { sameFileId, type FileId } from '../base/checksum.js';
import { corruption } from '../base/errors.js';
import { decodeFileHeader } from '../base/file-header.js';
import type { Steps } from '../base/task.js';
import type { File } from '../fs/file-system.js';
import { openBlock } from './block-frame.js';
import { BloomFilter } from './bloom-filter.js';
import { readFromFile, sizeOfFile } from './file-steps.js';
import { decodeFooter, type Footer } from './footer.js';
import { firstBlockOffset, footerBytes, type BlockHandle } from './format.js';
import { IndexBlock } from './index-block.js';
import {
  decodeMetaindex,
  filterBlockName,
  indexBlockName,
  propertiesBlockName,
} from './metaindex.js';
import { decodeProperties, type TableProperties } from './properties.js';
import type { ExpectedTable } from './table-reader.js';

/** One read of this size at the end usually brings in all but the filter and a large index. */
const suffixBytes = 32 * 1024;

/** All that is known of a table once it is open, but its filter's bits. */
export interface TableDirectory {
  readonly databaseId: FileId;
  readonly tableId: FileId;
  readonly size: number;
  readonly checksum: number;
  readonly tailOffset: number;
  readonly metaindex: BlockHandle;
  readonly indexHandle: BlockHandle;
  readonly propertiesHandle: BlockHandle;
  readonly filter: BlockHandle | undefined;
  readonly index: IndexBlock;
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
    throw corruption(`the table has ${size} bytes and should have ${expected.size}`, path);
  }
  if (size < firstBlockOffset + footerBytes) {
    throw corruption(`a table cut off after ${size} bytes`, path, size);
  }
  const header = decodeFileHeader(yield* readFromFile(file, 0, firstBlockOffset), 'table', path);
  const suffixStart = Math.max(0, size - suffixBytes);
  const suffix = yield* readFromFile(file, suffixStart, size - suffixStart);
  if (suffix.length < size - suffixStart) throw corruption('table cut off', path, size);
  const footerOffset = size - footerBytes;
  const footer = decodeFooter(suffix.subarray(suffix.length - footerBytes), footerOffset, path);
  if (!sameFileId(footer.tableId, header.fileId)) {
    throw corruption('header and footer are of different tables', path, footerOffset);
  }
  if (expected !== undefined) checkIdentity(expected, header.databaseId, footer, path);
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
  const index = new IndexBlock(yield* tail.read(indexHandle), tailOffset, path, indexHandle.offset);
  if (index.count !== properties.dataBlocks) {
    throw corruption('index and properties disagree on the data blocks', path, indexHandle.offset);
  }
  return {
    databaseId: header.databaseId,
    tableId: footer.tableId,
    size,
    checksum: footer.checksum,
    tailOffset,
    metaindex: footer.metaindex,
    indexHandle,
    propertiesHandle,
    filter: blocks.get(filterBlockName),
    index,
    properties,
  };
}

/** Decodes a filter from the stored bytes of its block. */
export function readFilter(
  stored: Uint8Array,
  directory: TableDirectory,
  path: string,
): BloomFilter {
  const { offset, size } = directory.filter!;
  const raw = openBlock(stored, 0, size, true, directory.tableId, offset, path);
  return BloomFilter.fromBytes(raw, path, offset);
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
): void {
  const isSame =
    sameFileId(expected.databaseId, databaseId) &&
    sameFileId(expected.tableId, footer.tableId) &&
    expected.checksum === footer.checksum;
  if (!isSame) throw corruption('another table than the manifest names', path);
}
