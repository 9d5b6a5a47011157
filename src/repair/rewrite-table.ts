import { copyOf, emptyBytes } from '../base/bytes.js';
import { noFileId } from '../base/checksum.js';
import { isLsmError, systemErrorCode, toLsmError } from '../base/errors.js';
import { kindDelete, maxSeq } from '../base/internal-key.js';
import type { TableMeta } from '../base/table-meta.js';
import { runAsync } from '../base/task.js';
import type { File, FileSystem } from '../fs/file-system.js';
import type { TableWriter } from '../sstable/table-writer.js';
import type { Outputs, TableTarget } from './outputs.js';
import {
  salvageTable,
  type EntrySink,
  type SalvagedTable,
  type SalvageOptions,
} from './salvage-table.js';

export interface RewrittenTable {
  readonly salvaged: SalvagedTable;
  /** Undefined when nothing could be read. In a dry run it has the number 0 and no file. */
  readonly meta: TableMeta | undefined;
}

const nothing: SalvagedTable = { entries: 0, tombstones: 0, gaps: [], properties: undefined };

/**
 * Writes what can be read of a damaged table to a new one; a dry run only looks. A file that cannot be opened is an empty one.
 */
export async function rewriteTable(
  fs: FileSystem,
  path: string,
  options: SalvageOptions,
  target: TableTarget,
  outputs: Outputs,
): Promise<RewrittenTable> {
  let file: File;
  try {
    file = await fs.open(path);
  } catch (error) {
    const code = systemErrorCode(error);
    if (code !== 'ENOENT' && code !== 'EISDIR') throw toLsmError(error, `opening ${path}`, path);
    return { salvaged: nothing, meta: undefined };
  }
  const rewriting = new Rewriting(target, outputs);
  try {
    const salvaged = await salvageTable(file, options, rewriting.sink);
    return { salvaged, meta: await rewriting.finish() };
  } catch (error) {
    await rewriting.abandon();
    if (isLsmError(error)) throw error;
    throw toLsmError(error, `reading ${path}`, path);
  } finally {
    await file.close();
  }
}

/** Where the entries go: counted, and written when there are outputs. */
class Rewriting {
  readonly #target: TableTarget;
  readonly #outputs: Outputs;
  #writer: TableWriter | undefined;
  #entries = 0;
  #tombstones = 0;
  #smallest = emptyBytes;
  #largest = new Uint8Array(256);
  #largestLength = 0;
  #smallestSeq = maxSeq;
  #largestSeq = 0;

  constructor(target: TableTarget, outputs: Outputs) {
    this.#target = target;
    this.#outputs = outputs;
  }

  readonly sink: EntrySink = (key, keyEnd, seq, kind, values, valueStart, valueEnd) => {
    if (this.#entries++ === 0) this.#smallest = copyOf(key, 0, keyEnd);
    if (kind === kindDelete) this.#tombstones++;
    if (keyEnd > this.#largest.length) this.#largest = new Uint8Array(2 * keyEnd);
    this.#largest.set(key.subarray(0, keyEnd));
    this.#largestLength = keyEnd;
    if (seq < this.#smallestSeq) this.#smallestSeq = seq;
    if (seq > this.#largestSeq) this.#largestSeq = seq;
    if (this.#outputs.isDry) return undefined;
    const writer = this.#writer;
    if (writer === undefined) {
      return this.#begin().then((begun) => {
        begun.add(key, 0, keyEnd, seq, kind, values, valueStart, valueEnd);
      });
    }
    writer.add(key, 0, keyEnd, seq, kind, values, valueStart, valueEnd);
    return writer.needsDrain ? writer.drain().wait() : undefined;
  };

  async finish(): Promise<TableMeta | undefined> {
    if (this.#entries === 0) return undefined;
    const writer = this.#writer;
    if (writer !== undefined) return await this.#outputs.finishTable(writer);
    const { keyspaceId, level } = this.#target;
    return {
      keyspaceId,
      level,
      run: 0,
      fileNumber: 0,
      tableId: noFileId,
      size: 0,
      checksum: 0,
      smallest: this.#smallest,
      largest: copyOf(this.#largest, 0, this.#largestLength),
      smallestSeq: this.#smallestSeq,
      largestSeq: this.#largestSeq,
      entries: this.#entries,
      tombstones: this.#tombstones,
      superseded: 0,
      rawBytes: 0,
    };
  }

  async abandon(): Promise<void> {
    if (this.#writer !== undefined) await runAsync(this.#writer.abandon()).catch(() => undefined);
  }

  async #begin(): Promise<TableWriter> {
    this.#writer = await this.#outputs.beginTable(this.#target);
    return this.#writer;
  }
}
