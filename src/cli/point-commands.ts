import { formatBytes, parseKeyArgument, type BytesFormat } from './bytes-format.js';
import { readStandardInput } from './byte-source.js';
import {
  isMissing,
  keyspaceForReading,
  keyspaceForWriting,
  openForReading,
  openForWriting,
  showName,
  withDatabase,
  type Durability,
  type KeyspaceFlag,
  type Settings,
} from './database.js';
import { exitCodes, Failure } from './failure.js';
import { maxKeyBytes, maxValueBytes } from './line-format.js';
import type { Output } from './output.js';
import { printNote } from './terminal.js';

/** Checked before the database is opened, so that a key that cannot be stored makes no database. */
function parseKey(argument: string): Uint8Array {
  const key = parseKeyArgument(argument, 'the key');
  if (key.length > maxKeyBytes) {
    throw new Failure(
      exitCodes.no,
      `the key has ${key.length} bytes, the limit is ${maxKeyBytes}; use a shorter key, such as a hash of it`,
    );
  }
  return key;
}

function tooLargeValue(): Failure {
  return new Failure(
    exitCodes.no,
    `the value has more than ${maxValueBytes} bytes, the limit; split it over several keys`,
  );
}

export interface GetOptions extends KeyspaceFlag {
  readonly valueFormat: BytesFormat;
  readonly raw?: boolean;
}

/** Prints the value and a newline; with `raw` the bytes alone. */
export async function get(
  output: Output,
  directory: string,
  keyArgument: string,
  options: GetOptions,
): Promise<void> {
  const key = parseKey(keyArgument);
  const { keyspace: name } = options;
  const value = await withDatabase(openForReading(directory), async (db) =>
    (await keyspaceForReading(db, name)).get(key),
  );
  if (value === undefined) {
    const place = name === undefined ? directory : `keyspace ${showName(name)} of ${directory}`;
    throw new Failure(exitCodes.no, `there is no key '${keyArgument}' in ${place}`);
  }
  output.write(formatBytes(value, options.valueFormat));
  if (options.raw !== true) output.write('\n');
  await output.drain();
}

export interface WriteOptions extends KeyspaceFlag {
  readonly durability: Durability;
  readonly set?: Settings;
  readonly quiet?: boolean;
}

/** Stores one value: the argument as it is or, for `-`, all of standard input. */
export async function put(
  directory: string,
  keyArgument: string,
  valueArgument: string,
  options: WriteOptions,
): Promise<void> {
  const key = parseKey(keyArgument);
  const value =
    valueArgument === '-'
      ? await readStandardInput(maxValueBytes)
      : Buffer.from(valueArgument, 'utf8');
  if (value === undefined || value.length > maxValueBytes) throw tooLargeValue();
  const isNew = isMissing(directory);
  const { durability, set: settings, keyspace, quiet } = options;
  const writing = { create: true, settings, durability, keyspace, quiet };
  await withDatabase(openForWriting(directory, writing), async (db) =>
    (await keyspaceForWriting(db, writing)).put(key, value),
  );
  if (isNew && options.quiet !== true) printNote(`created the database ${directory}`);
}

/** Deletes keys, all or none of them. A key that is not there is fine. */
export async function remove(
  directory: string,
  keyArguments: readonly string[],
  options: WriteOptions,
): Promise<void> {
  const keys = keyArguments.map(parseKey);
  const { durability, set: settings, keyspace } = options;
  const writing = { create: false, settings, durability, keyspace };
  await withDatabase(openForWriting(directory, writing), async (db) =>
    (await keyspaceForWriting(db, writing)).batch(keys.map((key) => ({ type: 'delete', key }))),
  );
}
