import { formatBytes, parseKeyArgument, type BytesFormat } from './bytes-format.js';
import { readStandardInput } from './byte-source.js';
import {
  isMissing,
  openForReading,
  openForWriting,
  withDatabase,
  type Durability,
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

export interface GetOptions {
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
  const value = await withDatabase(openForReading(directory), (db) => db.get(key));
  if (value === undefined) {
    throw new Failure(exitCodes.no, `there is no key '${keyArgument}' in ${directory}`);
  }
  output.write(formatBytes(value, options.valueFormat));
  if (options.raw !== true) output.write('\n');
  await output.drain();
}

export interface WriteOptions {
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
  const { durability, set: settings } = options;
  await withDatabase(openForWriting(directory, { create: true, settings, durability }), (db) =>
    db.put(key, value),
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
  const { durability, set: settings } = options;
  await withDatabase(openForWriting(directory, { create: false, settings, durability }), (db) =>
    db.batch(keys.map((key) => ({ type: 'delete', key }))),
  );
}
