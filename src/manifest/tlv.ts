import { assert } from '../base/assert.js';
import { copyOf, readU32, writeU32 } from '../base/bytes.js';
import { formatVersion, readFileId, writeFileId } from '../base/file-header.js';
import type { FileId } from '../base/checksum.js';
import { corruption, LsmError } from '../base/errors.js';
import { maxVarintBytes, VarintReader, writeVarint } from '../base/varint.js';

/*
 * field  := tag varint, length varint, bytes[length]
 * fields := field*, by ascending tag; only some tags may stand more than once
 *
 * An even tag is M: a reader that does not know it must refuse the file. An odd
 * one is S: it may be skipped.
 */

/** Where hostile bytes come from, for messages. */
export interface Place {
  readonly file: string;
  /** Offset of the record in that file. */
  readonly offset: number;
}

/** Builds fields in a buffer that grows. */
export class FieldWriter {
  #bytes = new Uint8Array(256);
  #length = 0;

  /** A field of varints. */
  numbers(tag: number, ...values: readonly number[]): void {
    this.raw(tag, encodeVarints(values));
  }

  u32(tag: number, value: number): void {
    const bytes = new Uint8Array(4);
    writeU32(bytes, 0, value);
    this.raw(tag, bytes);
  }

  fileId(tag: number, id: FileId): void {
    const bytes = new Uint8Array(8);
    writeFileId(bytes, 0, id);
    this.raw(tag, bytes);
  }

  /** A field of varints followed by bytes up to its end. */
  numbersAndBytes(tag: number, values: readonly number[], bytes: Uint8Array): void {
    this.raw(tag, encodeVarints(values), bytes);
  }

  raw(tag: number, first: Uint8Array, second?: Uint8Array): void {
    const length = first.length + (second?.length ?? 0);
    this.#reserve(2 * maxVarintBytes + length);
    this.#length = writeVarint(this.#bytes, this.#length, tag);
    this.#length = writeVarint(this.#bytes, this.#length, length);
    this.#bytes.set(first, this.#length);
    if (second !== undefined) this.#bytes.set(second, this.#length + first.length);
    this.#length += length;
  }

  get length(): number {
    return this.#length;
  }

  /** A view of what was written; valid until the next call. */
  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + more));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
  }
}

function encodeVarints(values: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(values.length * maxVarintBytes);
  let length = 0;
  for (const value of values) {
    // What cannot be read again must not get into a file.
    assert(Number.isSafeInteger(value) && value >= 0, `${value} is not to be stored as a varint`);
    length = writeVarint(bytes, length, value);
  }
  return bytes.subarray(0, length);
}

/** Reads what one field holds, front to back. */
export class FieldReader {
  readonly #reader: VarintReader;
  readonly #what: string;
  readonly #place: Place;

  constructor(bytes: Uint8Array, start: number, end: number, what: string, place: Place) {
    this.#reader = new VarintReader(bytes, start, end);
    this.#what = what;
    this.#place = place;
  }

  number(below = Infinity): number {
    const value = this.#reader.next();
    if (value < 0) this.fail('a number is cut off or too large');
    if (value >= below) this.fail(`${value} is not below ${below}`);
    return value;
  }

  u32(): number {
    return readU32(this.#reader.bytes, this.#take(4));
  }

  fileId(): FileId {
    return readFileId(this.#reader.bytes, this.#take(8));
  }

  /** The next `length` bytes, copied. */
  bytes(length: number): Uint8Array {
    const start = this.#take(length);
    return copyOf(this.#reader.bytes, start, start + length);
  }

  /** What is left, copied, when it is no longer than `most`. */
  rest(most: number): Uint8Array {
    if (this.left > most) this.fail(`${this.left} bytes where at most ${most} are allowed`);
    return this.bytes(this.left);
  }

  /** The next `length` bytes, as UTF-8. */
  text(length: number): string {
    const start = this.#take(length);
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(
        this.#reader.bytes.subarray(start, start + length),
      );
    } catch {
      return this.fail('text is not UTF-8');
    }
  }

  /** The fields that are nested in what is left. */
  fields(what: string, reserved?: ReservedTags): FieldsReader {
    const start = this.#take(this.left);
    const { bytes, end } = this.#reader;
    return new FieldsReader(bytes, start, end, what, this.#place, reserved);
  }

  skipRest(): void {
    this.#take(this.left);
  }

  get left(): number {
    return this.#reader.end - this.#reader.position;
  }

  finish(): void {
    if (this.left > 0) this.fail(`${this.left} bytes too many`);
  }

  fail(problem: string): never {
    throw corruption(`${this.#what}: ${problem}`, this.#place.file, this.#place.offset);
  }

  #take(length: number): number {
    if (length > this.left) this.fail(`${length} bytes expected, ${this.left} left`);
    const start = this.#reader.position;
    this.#reader.position += length;
    return start;
  }
}

/** Names of tags that later versions will write: refused by name. */
export type ReservedTags = Readonly<Record<number, string>>;

/** Walks fields by ascending tag. Every field that was handed out must be read to its end. */
export class FieldsReader {
  /** Of the field that `next` or `require` found. */
  tag = -1;
  readonly #reader: VarintReader;
  readonly #what: string;
  readonly #place: Place;
  readonly #reserved: ReservedTags;
  #field: FieldReader | undefined;

  constructor(
    bytes: Uint8Array,
    start: number,
    end: number,
    what: string,
    place: Place,
    reserved: ReservedTags = {},
  ) {
    this.#reader = new VarintReader(bytes, start, end);
    this.#what = what;
    this.#place = place;
    this.#reserved = reserved;
  }

  /** The next field, or undefined at the end. The same tag may come again. */
  next(): FieldReader | undefined {
    this.#field?.finish();
    this.#field = undefined;
    const reader = this.#reader;
    if (reader.position === reader.end) return undefined;
    const tag = reader.next();
    const length = reader.next();
    if (tag < 0 || length < 0) this.fail('a field is cut off');
    if (tag < this.tag) this.fail(`tag ${tag} stands after ${this.tag}`);
    if (length > reader.end - reader.position) {
      this.fail(`tag ${tag} claims ${length} bytes of ${reader.end - reader.position}`);
    }
    const start = reader.position;
    reader.position += length;
    this.tag = tag;
    const what = `${this.#what}, tag ${tag}`;
    this.#field = new FieldReader(reader.bytes, start, reader.position, what, this.#place);
    return this.#field;
  }

  /** The field `tag`, which must be there once; passes over unknown ones before it. */
  require(tag: number): FieldReader {
    for (;;) {
      const previous = this.tag;
      const field = this.next();
      if (field === undefined || this.tag > tag) return this.fail(`tag ${tag} is missing`);
      if (this.tag === previous) return this.fail(`tag ${previous} stands twice`);
      if (this.tag === tag) return field;
      this.skip(field);
    }
  }

  /** Only unknown fields that may be skipped are allowed to follow. */
  requireEnd(): void {
    for (;;) {
      const previous = this.tag;
      const field = this.next();
      if (field === undefined) return;
      if (this.tag === previous) this.fail(`tag ${previous} stands twice`);
      this.skip(field);
    }
  }

  /** Passes over a field that this version does not know, if it may. */
  skip(field: FieldReader): void {
    if (this.tag % 2 === 0) {
      const name = this.#reserved[this.tag];
      throw this.unsupported(name === undefined ? `tag ${this.tag}` : `tag ${this.tag} (${name})`);
    }
    field.skipRest();
  }

  fail(problem: string): never {
    throw corruption(`${this.#what}: ${problem}`, this.#place.file, this.#place.offset);
  }

  unsupported(feature: string): LsmError {
    const { file, offset } = this.#place;
    return new LsmError(
      'LSM_UNSUPPORTED_FORMAT',
      `${file} holds ${feature} in ${this.#what} at byte ${offset}, which this nori-lsm (format version ${formatVersion}) does not know. Open it with a newer nori-lsm`,
      { file, offset },
    );
  }
}
