import { readU32 } from '../base/bytes.js';
import type { FileId } from '../base/checksum.js';
import { maxSeq } from '../base/internal-key.js';
import type { Steps } from '../base/task.js';
import { appendBlock } from './block-frame.js';
import { BloomFilter } from './bloom-filter.js';
import type { Codec } from './codecs.js';
import type { FilterPart, FilterWriter } from './filter-writer.js';
import { encodeFooter } from './footer.js';
import type { BlockHandle } from './format.js';
import { IndexBlockWriter } from './index-block-writer.js';
import type { IndexWriter } from './index-writer.js';
import {
  encodeMetaindex,
  filterBlockName,
  indexBlockName,
  propertiesBlockName,
} from './metaindex.js';
import { encodeProperties, type TableProperties } from './properties.js';
import type { TableOutput } from './table-output.js';

/** What the tail adds to the properties. */
export type TailProperties = Pick<TableProperties, 'indexLevels' | 'filterParts'>;

/**
 * Writes what stands behind the data blocks. The order is such that the last few
 * KiB of a table have all that opening it needs: first the parts of filter and
 * index, then what leads to them.
 */
export class TailWriter {
  readonly #output: TableOutput;
  readonly #codec: Codec | undefined;
  readonly #tableId: FileId;
  readonly #tailOffset: number;
  readonly #blocks = new Map<string, BlockHandle>();

  /** The codec is for the index; bits of a filter do not compress. */
  constructor(output: TableOutput, codec: Codec | undefined, tableId: FileId) {
    this.#output = output;
    this.#codec = codec;
    this.#tableId = tableId;
    this.#tailOffset = output.offset;
  }

  /** Appends filter and index, each in one piece or in parts. */
  *writeFilterAndIndex(
    filter: FilterWriter | undefined,
    index: IndexWriter,
  ): Steps<TailProperties> {
    const made = filter?.finish();
    let filterTop: Uint8Array | undefined;
    let filterParts = 1;
    if (made instanceof BloomFilter) {
      this.#blocks.set(filterBlockName, this.#append(made.toBytes(), undefined));
    } else if (made !== undefined) {
      filterTop = yield* this.#writeFilterParts(made);
      filterParts = made.length;
    }
    const isSplit = index.isSplit;
    const indexBlock = isSplit ? yield* this.#writeIndexParts(index) : index.build();
    if (filterTop !== undefined) {
      this.#blocks.set(filterBlockName, this.#append(filterTop, this.#codec));
    }
    this.#blocks.set(indexBlockName, this.#append(indexBlock, this.#codec));
    return { indexLevels: isSplit ? 2 : 1, filterParts };
  }

  /** Appends properties, metaindex and footer; returns the footer's checksum. */
  writeEnd(properties: TableProperties): number {
    const output = this.#output;
    this.#blocks.set(propertiesBlockName, this.#append(encodeProperties(properties), undefined));
    const metaindex = this.#append(encodeMetaindex(this.#blocks), undefined);
    const place = { metaindex, metaindexChecksum: output.lastChecksum };
    const footer = encodeFooter(
      { tableId: this.#tableId, ...place, tailOffset: this.#tailOffset },
      output.offset,
    );
    output.append(footer);
    return readU32(footer, 52);
  }

  *#writeFilterParts(parts: readonly FilterPart[]): Steps<Uint8Array> {
    const top = new IndexBlockWriter();
    for (const { separator, bytes } of parts) {
      const { offset, size } = this.#append(bytes, undefined);
      top.add(separator, 0, separator.length, maxSeq, offset, size, bytes.length);
      if (this.#output.needsDrain) yield this.#output.drain();
    }
    return top.build();
  }

  *#writeIndexParts(index: IndexWriter): Steps<Uint8Array> {
    const top = new IndexBlockWriter();
    for (let part = 0; part < index.parts; part++) {
      const bytes = index.buildPart(part);
      index.addPartTo(top, part, this.#append(bytes, this.#codec), bytes.length);
      if (this.#output.needsDrain) yield this.#output.drain();
    }
    return top.build();
  }

  #append(raw: Uint8Array, codec: Codec | undefined): BlockHandle {
    const offset = this.#output.offset;
    const size = appendBlock(this.#output, raw, raw.length, codec, this.#tableId);
    return { offset, size };
  }
}
