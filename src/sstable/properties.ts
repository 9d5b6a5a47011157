import { concatBytes, copyOf } from '../base/bytes.js';
import { corruption } from '../base/errors.js';
import { maxKeyBytes } from '../base/internal-key.js';
import { maxVarintBytes, VarintReader, writeVarint } from '../base/varint.js';
import { unsupported } from './block-frame.js';

/*
 * Properties block, raw: fields {tag varint, length varint, bytes}, tags
 * ascending. Even tags are M, odd ones S. Numbers are varints, names UTF-8.
 */

/** What a table says about itself. */
export interface TableProperties {
  /** 0 and empty in a standalone table. */
  readonly keyspaceId: number;
  /** Name of that keyspace when it was written. */
  readonly keyspaceName: string;
  /** The level it was written for, and the keyspace's `flushedSeq` then: for repair. */
  readonly level: number;
  /** Everything of the keyspace up to this number was in tables when it was written. */
  readonly flushedSeq: number;
  /** Versions of keys, tombstones among them. */
  readonly entries: number;
  /** Tombstones among them. */
  readonly tombstones: number;
  /** Entries that follow a newer one of the same key. */
  readonly superseded: number;
  /** Blocks that hold them. */
  readonly dataBlocks: number;
  /** Key and value bytes before compression. */
  readonly rawBytes: number;
  /** Bytes of the data blocks in the file. */
  readonly storedBytes: number;
  /** First and last user key, both inclusive; empty in an empty table. */
  readonly smallest: Uint8Array;
  /** The last user key, inclusive; empty in an empty table. */
  readonly largest: Uint8Array;
  /** The lowest sequence number in it. */
  readonly smallestSeq: number;
  /** The highest sequence number in it. */
  readonly largestSeq: number;
  /** The codec asked for; each block says what it uses. */
  readonly codecId: number;
  /** Raw size at which its blocks were cut, in bytes. */
  readonly blockSizeBytes: number;
  /** 1: one index block; 2: a top index that leads to parts. */
  readonly indexLevels: number;
  /** 1: the filter, if there is one, is one block; more: a top leads to so many parts. */
  readonly filterParts: number;
  /** Name and version of the writer. */
  readonly createdBy: string;
}

type NumberName = {
  [Name in keyof TableProperties]: TableProperties[Name] extends number ? Name : never;
}[keyof TableProperties];

const numberTags: Readonly<Record<NumberName, number>> = {
  keyspaceId: 2,
  entries: 6,
  tombstones: 8,
  superseded: 10,
  dataBlocks: 12,
  rawBytes: 14,
  storedBytes: 16,
  smallestSeq: 22,
  largestSeq: 24,
  codecId: 33,
  blockSizeBytes: 35,
  indexLevels: 28,
  filterParts: 30,
  level: 37,
  flushedSeq: 39,
};
const keyspaceNameTag = 4;
const smallestTag = 18;
const largestTag = 20;
const comparatorTag = 26;
const createdByTag = 41;

/** The one key order this version knows: bytewise. */
const bytewise = 0;
const maxIndexLevels = 2;

export function encodeProperties(properties: TableProperties): Uint8Array {
  const fields = new Map<number, Uint8Array>();
  for (const [name, tag] of Object.entries(numberTags)) {
    fields.set(tag, encodeNumber(properties[name as NumberName]));
  }
  fields.set(comparatorTag, encodeNumber(bytewise));
  const encoder = new TextEncoder();
  fields.set(keyspaceNameTag, encoder.encode(properties.keyspaceName));
  fields.set(createdByTag, encoder.encode(properties.createdBy));
  fields.set(smallestTag, properties.smallest);
  fields.set(largestTag, properties.largest);
  const parts: Uint8Array[] = [];
  for (const tag of [...fields.keys()].sort((a, b) => a - b)) {
    const bytes = fields.get(tag)!;
    parts.push(encodeNumber(tag), encodeNumber(bytes.length), bytes);
  }
  return concatBytes(parts);
}

export function decodeProperties(bytes: Uint8Array, file: string, offset: number): TableProperties {
  const fail = (what: string): Error => corruption(`properties: ${what}`, file, offset);
  const fields = readFields(bytes, fail);
  const numberOf = (tag: number): number => {
    const field = fields.get(tag);
    if (field === undefined) {
      if (tag % 2 === 1) return 0;
      throw fail(`field ${tag} is missing`);
    }
    const reader = new VarintReader(field);
    const value = reader.next();
    if (value < 0 || reader.position !== field.length) throw fail(`field ${tag} is no number`);
    return value;
  };
  const bytesOf = (tag: number): Uint8Array => {
    const field = fields.get(tag);
    if (field === undefined && tag % 2 === 0) throw fail(`field ${tag} is missing`);
    return copyOf(field ?? new Uint8Array(0));
  };
  refuseUnknown(fields, numberOf, file, offset);
  const numbers = Object.fromEntries(
    Object.entries(numberTags).map(([name, tag]) => [name, numberOf(tag)]),
  ) as Record<NumberName, number>;
  const decoder = new TextDecoder();
  const properties: TableProperties = {
    ...numbers,
    keyspaceName: decoder.decode(bytesOf(keyspaceNameTag)),
    createdBy: decoder.decode(bytesOf(createdByTag)),
    smallest: bytesOf(smallestTag),
    largest: bytesOf(largestTag),
  };
  const isPossible =
    properties.smallest.length <= maxKeyBytes &&
    properties.largest.length <= maxKeyBytes &&
    properties.tombstones <= properties.entries &&
    properties.superseded <= properties.entries &&
    properties.dataBlocks <= properties.entries &&
    properties.indexLevels >= 1 &&
    properties.filterParts >= 1 &&
    properties.filterParts <= Math.max(1, properties.entries) &&
    properties.smallestSeq <= properties.largestSeq;
  if (!isPossible) throw fail('counts contradict each other');
  return properties;
}

function readFields(
  bytes: Uint8Array,
  fail: (what: string) => Error,
): ReadonlyMap<number, Uint8Array> {
  const fields = new Map<number, Uint8Array>();
  const reader = new VarintReader(bytes);
  let before = -1;
  while (reader.position < bytes.length) {
    const tag = reader.next();
    const length = reader.next();
    if (tag <= before || length < 0 || length > bytes.length - reader.position) {
      throw fail('cut off or out of order');
    }
    fields.set(tag, bytes.subarray(reader.position, reader.position + length));
    reader.position += length;
    before = tag;
  }
  return fields;
}

function refuseUnknown(
  fields: ReadonlyMap<number, Uint8Array>,
  numberOf: (tag: number) => number,
  file: string,
  offset: number,
): void {
  const known = new Set([
    ...Object.values(numberTags),
    comparatorTag,
    keyspaceNameTag,
    smallestTag,
    largestTag,
  ]);
  for (const tag of fields.keys()) {
    if (tag % 2 === 0 && !known.has(tag)) throw unsupported(`table property ${tag}`, file, offset);
  }
  const comparator = numberOf(comparatorTag);
  if (comparator !== bytewise) throw unsupported(`comparator ${comparator}`, file, offset);
  const indexLevels = numberOf(numberTags.indexLevels);
  if (indexLevels > maxIndexLevels) throw unsupported(`index levels ${indexLevels}`, file, offset);
}

function encodeNumber(value: number): Uint8Array {
  const bytes = new Uint8Array(maxVarintBytes);
  return bytes.subarray(0, writeVarint(bytes, 0, value));
}
