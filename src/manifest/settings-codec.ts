import { concatBytes } from '../base/bytes.js';
import { invalidArgument } from '../base/errors.js';
import { varintLength, writeVarint } from '../base/varint.js';
import type { FieldReader } from './tlv.js';

/*
 * value := kind u8, content
 *   0 false   1 true
 *   2 integer  varint, from 0 to 2^53 - 1
 *   3 number   8 bytes, IEEE 754 little-endian
 *   4 text     length varint, UTF-8
 *   5 list     count varint, values
 *   6 map      count varint, count × (length varint, UTF-8 name, value), names ascending
 */

/** Plain data, so that a database written with options we do not know yet can still be read. */
export type SettingValue =
  | boolean
  | number
  | string
  | readonly SettingValue[]
  | { readonly [name: string]: SettingValue | undefined };

/** A keyspace's table and level settings, by option name; undefined counts as absent. */
export type StoredSettings = { readonly [name: string]: SettingValue | undefined };

const maxDepth = 8;

export function encodeSettings(settings: StoredSettings): Uint8Array {
  const parts: Uint8Array[] = [];
  encodeValue(settings, parts, 0);
  return concatBytes(parts);
}

function encodeValue(value: SettingValue, parts: Uint8Array[], depth: number): void {
  if (depth > maxDepth) throw invalidArgument(`settings nest deeper than ${maxDepth}`);
  if (typeof value === 'boolean') parts.push(Uint8Array.of(value ? 1 : 0));
  else if (typeof value === 'number') parts.push(encodeNumber(value));
  else if (typeof value === 'string') parts.push(Uint8Array.of(4), encodeText(value));
  else if (isList(value)) {
    parts.push(Uint8Array.of(5), encodeVarint(value.length));
    for (const item of value) encodeValue(item, parts, depth + 1);
  } else {
    const names = Object.keys(value)
      .filter((name) => value[name] !== undefined)
      .sort();
    parts.push(Uint8Array.of(6), encodeVarint(names.length));
    for (const name of names) {
      parts.push(encodeText(name));
      encodeValue(value[name]!, parts, depth + 1);
    }
  }
}

// Array.isArray does not narrow a readonly array out of a union.
function isList(value: object): value is readonly SettingValue[] {
  return Array.isArray(value);
}

function encodeNumber(value: number): Uint8Array {
  if (Number.isSafeInteger(value) && value >= 0 && !Object.is(value, -0)) {
    return concatBytes([Uint8Array.of(2), encodeVarint(value)]);
  }
  const bytes = new Uint8Array(9);
  bytes[0] = 3;
  new DataView(bytes.buffer).setFloat64(1, value, true);
  return bytes;
}

function encodeVarint(value: number): Uint8Array {
  const bytes = new Uint8Array(varintLength(value));
  writeVarint(bytes, 0, value);
  return bytes;
}

function encodeText(text: string): Uint8Array {
  const bytes = new TextEncoder().encode(text);
  return concatBytes([encodeVarint(bytes.length), bytes]);
}

/** Maps come back without a prototype, so that no stored name can reach one. */
export function decodeSettings(field: FieldReader): StoredSettings {
  const value = decodeValue(field, 0);
  if (typeof value !== 'object' || isList(value)) return field.fail('settings are not a map');
  return value;
}

function decodeValue(field: FieldReader, depth: number): SettingValue {
  if (depth > maxDepth) field.fail(`settings nest deeper than ${maxDepth}`);
  const kind = field.number();
  switch (kind) {
    case 0:
      return false;
    case 1:
      return true;
    case 2:
      return field.number();
    case 3: {
      const bytes = field.bytes(8);
      return new DataView(bytes.buffer).getFloat64(0, true);
    }
    case 4:
      return field.text(field.number());
    case 5: {
      // A count is not trusted with memory: each value takes a byte at least.
      const count = field.number(field.left + 1);
      const items: SettingValue[] = [];
      for (let i = 0; i < count; i++) items.push(decodeValue(field, depth + 1));
      return items;
    }
    case 6:
      return decodeMap(field, depth);
    default:
      return field.fail(`no kind of setting ${kind}`);
  }
}

function decodeMap(field: FieldReader, depth: number): StoredSettings {
  const count = field.number(field.left + 1);
  const map = Object.create(null) as Record<string, SettingValue>;
  let previous: string | undefined;
  for (let i = 0; i < count; i++) {
    const name = field.text(field.number());
    if (previous !== undefined && name <= previous) field.fail(`setting '${name}' is out of order`);
    map[name] = decodeValue(field, depth + 1);
    previous = name;
  }
  return map;
}
