import type { Keyspace } from '../index.js';
import { formatBytes, jsonMember, type BytesFormat } from './bytes-format.js';
import { keyspaceForReading, openForReading, withDatabase, type KeyspaceFlag } from './database.js';
import type { Output } from './output.js';
import { parseRange, type RangeFlags } from './range-flags.js';

export interface ScanOptions extends RangeFlags, KeyspaceFlag {
  readonly limit?: number;
  readonly reverse?: boolean;
  readonly keysOnly?: boolean;
  readonly json?: boolean;
  readonly keyFormat: BytesFormat;
  readonly valueFormat: BytesFormat;
}

type Print = (key: Uint8Array, value: Uint8Array | undefined) => boolean;

/** How one entry is printed. True when the output should be drained before the next. */
function makePrint(output: Output, options: ScanOptions): Print {
  const { keyFormat, valueFormat } = options;
  if (options.json === true) {
    return (key, value) => {
      const tail = value === undefined ? '' : `,${jsonMember('value', value, valueFormat)}`;
      return output.write(`{${jsonMember('key', key, keyFormat)}${tail}}\n`);
    };
  }
  return (key, value) => {
    output.write(formatBytes(key, keyFormat));
    if (value !== undefined) {
      output.write('\t');
      output.write(formatBytes(value, valueFormat));
    }
    return output.write('\n');
  };
}

async function printRange(keyspace: Keyspace, output: Output, options: ScanOptions): Promise<void> {
  const print = makePrint(output, options);
  const range = {
    ...parseRange(options),
    reverse: options.reverse === true,
    ...(options.limit === undefined ? {} : { limit: options.limit }),
  };
  // One at a time: a thousand values at once may be more than there is memory.
  if (options.keysOnly === true) {
    for await (const key of keyspace.keys(range)) {
      if (print(key, undefined)) await output.drain();
      if (output.isClosed) break;
    }
  } else {
    for await (const [key, value] of keyspace.entries(range)) {
      if (print(key, value)) await output.drain();
      if (output.isClosed) break;
    }
  }
}

/** Prints the entries of a range in order, one per line. */
export async function scan(output: Output, directory: string, options: ScanOptions): Promise<void> {
  parseRange(options);
  await withDatabase(openForReading(directory), async (db) =>
    printRange(await keyspaceForReading(db, options.keyspace), output, options),
  );
  await output.drain();
}
