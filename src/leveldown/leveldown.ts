import { AbstractLevelDOWN, type Callback } from 'abstract-leveldown';
import { NoriLevel } from '../level.js';
import { callBack } from './callbacks.js';
import { LevelDownBatch } from './chained-batch.js';
import { durabilityOf } from './durability.js';
import { Iterator } from './iterator.js';
import { rangeOf, type Range } from './range.js';
import type {
  Data,
  ErrorCallback,
  LevelDownConstructor,
  LevelDownGetOptions,
  LevelDownOpenOptions,
  LevelDownOperation,
  LevelDownWriteOptions,
  ResultCallback,
} from './types.js';

const manifest = {
  bufferKeys: true,
  snapshots: true,
  permanence: true,
  seek: true,
  clear: true,
  getMany: true,
  createIfMissing: true,
  errorIfExists: true,
  additionalMethods: { approximateSize: true, compactRange: true },
};

/** Of leveldown and ours; others are passed over, as callers hand on what is meant for somebody else. */
const optionNames = [
  'createIfMissing',
  'errorIfExists',
  'compression',
  'cacheSize',
  'writeBufferSize',
  'blockSize',
  'maxOpenFiles',
  'maxFileSize',
  'blockRestartInterval',
  'nori',
] as const satisfies readonly (keyof LevelDownOpenOptions)[];

/** abstract-leveldown checks what callers give; here it is done, through NoriLevel. */
class NoriLevelDown extends AbstractLevelDOWN {
  readonly location: string;
  /** Not `#private`: methods are called through objects made from databases, by `Object.create`. */
  _level: NoriLevel | undefined;

  constructor(location: string) {
    checkLocation(location, 'constructor');
    super(manifest);
    this.location = location;
  }

  _open(options: LevelDownOpenOptions, callback: Callback): void {
    const known = Object.fromEntries(optionNames.map((name) => [name, options[name]]));
    callBack(callback, async () => {
      const level = new NoriLevel(this.location, known);
      try {
        await level.open();
      } catch (error) {
        // Why stands below "not open", where the callers of this interface do not look.
        throw (error as Error).cause ?? error;
      }
      this._level = level;
    });
  }

  _close(callback: Callback): void {
    callBack(callback, async () => {
      await this._level?.close();
      this._level = undefined;
    });
  }

  _serializeKey(key: unknown): Data {
    return toData(key);
  }

  _serializeValue(value: unknown): Data {
    return toData(value);
  }

  _get(key: Data, options: LevelDownGetOptions, callback: Callback): void {
    const encodings = { keyEncoding: encodingOf(key), valueEncoding: formatOf(options) };
    callBack(
      callback,
      async () => {
        const value = await this._opened().get<Data, Data>(key, encodings);
        if (value === undefined) throw new Error('NotFound');
        return value;
      },
      (value) => [value],
    );
  }

  _getMany(keys: Data[], options: LevelDownGetOptions, callback: Callback): void {
    const encodings = { keyEncoding: 'buffer', valueEncoding: formatOf(options) };
    callBack(
      callback,
      async () => this._opened().getMany<Data, Data>(keys, encodings),
      (values) => [values],
    );
  }

  _put(key: Data, value: Data, options: LevelDownWriteOptions, callback: Callback): void {
    callBack(callback, () => this._opened().nori.put(key, value, durabilityOf(options)));
  }

  _del(key: Data, options: LevelDownWriteOptions, callback: Callback): void {
    callBack(callback, () => this._opened().nori.delete(key, durabilityOf(options)));
  }

  _batch(
    operations: readonly LevelDownOperation[],
    options: LevelDownWriteOptions,
    callback: Callback,
  ): void {
    callBack(callback, () => {
      const batch = this._opened().nori.batch();
      for (const operation of operations) {
        if (operation.type === 'put') batch.put(operation.key, operation.value);
        else batch.delete(operation.key);
      }
      return batch.commit(durabilityOf(options));
    });
  }

  _chainedBatch(): LevelDownBatch {
    return new LevelDownBatch(this, this._opened().nori.batch());
  }

  _iterator(options: ConstructorParameters<typeof Iterator>[2]): Iterator {
    if (this.status !== 'open') throw new Error('cannot call iterator() before open()');
    return new Iterator(this, this._opened(), options);
  }

  _clear(options: Range & { reverse: boolean; limit: number }, callback: Callback): void {
    const { reverse, limit } = options;
    const range = { ...rangeOf(options), reverse, limit, keyEncoding: 'buffer' };
    callBack(callback, () => this._opened().clear<Data>(range));
  }

  approximateSize(start: Data, end: Data, callback: ResultCallback<number>): void {
    checkStartEnd(start, end, callback, 'approximateSize');
    callBack(
      callback as Callback,
      () => this._opened().approximateSize<Data>(toData(start), toData(end), bufferKeys),
      (bytes) => [bytes],
    );
  }

  compactRange(start: Data, end: Data, callback: ErrorCallback): void {
    checkStartEnd(start, end, callback, 'compactRange');
    callBack(callback as Callback, () =>
      this._opened().compactRange<Data>(toData(start), toData(end), bufferKeys),
    );
  }

  getProperty(property: string): string {
    if (typeof property !== 'string') {
      throw new Error('getProperty() requires a valid `property` argument');
    }
    return this._opened().getProperty(property);
  }

  static destroy(location: string, callback: ErrorCallback): void {
    checkStatic(location, callback, 'destroy');
    callBack(callback as Callback, () => NoriLevel.destroy(location));
  }

  static repair(location: string, callback: ErrorCallback): void {
    checkStatic(location, callback, 'repair');
    callBack(callback as Callback, () => NoriLevel.repair(location));
  }

  _opened(): NoriLevel {
    if (this._level === undefined) throw new Error('Database is not open');
    return this._level;
  }
}

/**
 * A nori-lsm database with the callbacks of leveldown, for what stands on
 * abstract-leveldown 7: levelup, encoding-down, PouchDB, dynalite.
 *
 * ```js
 * import { leveldown } from 'nori-lsm/leveldown';
 *
 * const db = leveldown('./db');
 * db.open((error) => db.put('a', '1', (error) => db.get('a', (error, value) => {})));
 * ```
 *
 * With `new` or without; a class can extend it. New programs take `nori-lsm` or
 * `nori-lsm/level`. docs/leveldown.md has the differences.
 */
// A class cannot be called without `new`, as the old world does.
export const leveldown = new Proxy(NoriLevelDown, {
  apply: (target, _self, [location]) => new target(location as string),
}) as unknown as LevelDownConstructor;

const bufferKeys = { keyEncoding: 'buffer' };

/** Strings and bytes as they are. Null and undefined, which only ranges let through, are no bound. */
function toData(given: unknown): Data {
  if (typeof given === 'string' || given instanceof Uint8Array) return given;
  return given == null ? '' : `${given as number}`;
}

function encodingOf(data: Data): string {
  return typeof data === 'string' ? 'utf8' : 'buffer';
}

function formatOf({ asBuffer }: LevelDownGetOptions): string {
  return asBuffer === false ? 'utf8' : 'buffer';
}

function checkLocation(location: unknown, caller: string): void {
  if (typeof location !== 'string') {
    throw new Error(`${caller} requires a location string argument`);
  }
}

function checkStatic(location: unknown, callback: unknown, name: string): void {
  checkLocation(location, `${name}()`);
  if (typeof callback !== 'function') {
    throw new Error(`${name}() requires a callback function argument`);
  }
}

function checkStartEnd(start: unknown, end: unknown, callback: unknown, name: string): void {
  if (start == null || end == null || typeof start === 'function' || typeof end === 'function') {
    throw new Error(`${name}() requires valid \`start\` and \`end\` arguments`);
  }
  if (typeof callback !== 'function') {
    throw new Error(`${name}() requires a callback argument`);
  }
}
