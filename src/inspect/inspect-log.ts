import { corruption } from '../base/errors.js';
import type { File } from '../fs/file-system.js';
import { maxKeyBytes, maxValueBytes } from '../base/internal-key.js';
import { VarintReader } from '../base/varint.js';
import { BatchRecord } from '../wal/batch-record.js';
import { decodeLogLinks } from '../wal/log-format.js';
import type { FileFact, OperationFact, OperationKind } from './facts.js';
import { headerFact, type Beginning } from './lenient-header.js';
import { toDamage } from './to-damage.js';
import { walkRecords } from './walk-records.js';

/** By number, as docs/format/log.md lists them. */
const operationKinds: readonly OperationKind[] = [
  'put',
  'delete',
  'range-delete',
  'merge',
  'blob-reference',
  'put-with-expiry',
  'single-delete',
];

export async function* inspectLog(file: File, beginning: Beginning): AsyncGenerator<FileFact> {
  const { header, fileId, start, fileBytes } = beginning;
  let damages = 0;
  if (header !== undefined) {
    let links;
    try {
      links = decodeLogLinks(header, file.path);
    } catch (error) {
      damages++;
      yield toDamage(error, 0);
    }
    yield { ...headerFact(header, fileBytes), ...(links === undefined ? {} : { links }) };
  }
  let records = 0;
  let entries = 0;
  let end = start;
  const batch = new BatchRecord();
  for await (const found of walkRecords(file, fileId, start)) {
    if (found.type === 'walk-end') end = found.offset;
    else if (found.type !== 'record') {
      if (found.type === 'damage') damages++;
      yield found;
    } else {
      const { bytes, offset, isBehindDamage } = found;
      records++;
      try {
        if (!batch.decode(bytes, 0, bytes.length, file.path, offset)) continue;
        yield {
          type: 'batch',
          offset,
          bytes: bytes.length,
          firstSeq: batch.firstSeq,
          operations: batch.count,
          syncedOffset: batch.syncedOffset,
          isBehindDamage,
        };
        for (const fact of operations(bytes, batch, file.path, offset)) {
          entries++;
          yield fact;
        }
      } catch (error) {
        damages++;
        yield toDamage(error, offset);
      }
    }
  }
  yield { type: 'end', offset: end, records, entries, damages };
}

/** The operations of a batch; kinds that only a newer version reads have the same shape. */
function* operations(
  bytes: Uint8Array,
  batch: BatchRecord,
  path: string,
  offset: number,
): Generator<OperationFact> {
  const varints = new VarintReader(bytes, batch.operationsStart);
  const fail = (what: string): Error => corruption(what, path, offset);
  const take = (most: number, what: string): Uint8Array => {
    const length = varints.next();
    const start = varints.position;
    if (length < 0 || length > most || start + length > bytes.length) {
      throw fail(`operation with an impossible ${what}`);
    }
    varints.position = start + length;
    return bytes.subarray(start, start + length);
  };
  for (let i = 0; i < batch.count; i++) {
    if (varints.position >= bytes.length) throw fail('batch with fewer operations than its count');
    const kindNumber = bytes[varints.position++];
    const kind = operationKinds.at(kindNumber);
    if (kind === undefined) throw fail(`operation of unknown kind ${kindNumber}`);
    const keyspaceId = varints.next();
    if (keyspaceId < 0) throw fail('operation with an impossible keyspace');
    const key = take(maxKeyBytes, 'key');
    const value = take(maxValueBytes, 'value');
    const seq = batch.firstSeq + i;
    const hasValue = kind !== 'delete' && kind !== 'single-delete';
    yield { type: 'operation', seq, kind, keyspaceId, key, value: hasValue ? value : undefined };
  }
  if (varints.position !== bytes.length) throw fail('bytes behind the last operation of a batch');
}
