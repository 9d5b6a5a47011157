import { invalidArgument, LsmError } from '../base/errors.js';
import { maxKeyBytes, maxValueBytes } from '../base/internal-key.js';

/** What keys go in as, unless a custom encoding says otherwise; strings are stored as UTF-8. */
export type KeyInput = string | Uint8Array;

/**
 * How a program's own type becomes bytes and comes back. Keys are ordered by
 * their encoded bytes, so a key encoding decides the order of scans.
 */
export interface Encoding<T> {
  /** For messages. */
  readonly name: string;
  /** A string is stored as UTF-8; bytes are copied before the call that writes them returns. */
  encode(value: T): string | Uint8Array;
  /** `bytes` are the caller's own, as those of encoding `view`. */
  decode(bytes: Uint8Array): T;
}

/** What keys are on the outside: bytes, strings, or what an `Encoding` makes of them. */
export type KeyEncoding = 'view' | 'utf8' | Encoding<unknown>;
/** What values are on the outside: bytes, strings, JSON, or what an `Encoding` makes of them. */
export type ValueEncoding = 'view' | 'utf8' | 'json' | Encoding<unknown>;

/** The type that comes out of an encoding. */
export type Decoded<E> = E extends 'view'
  ? Uint8Array
  : E extends 'utf8'
    ? string
    : E extends 'json'
      ? unknown
      : E extends Encoding<infer T>
        ? T
        : never;

/** What may go in where `T` comes out: strings and bytes are exchangeable. */
export type EncodableAs<T> = T extends string | Uint8Array ? string | Uint8Array : T;

/** Up to here a byte loop (20 ns for 16 bytes) is cheaper than a view (130 ns on a Buffer). */
const shortBytes = 48;
/** Keys up to here share views of the scratch buffer. */
const longestShared = 64;

type DecodeBytes<T> = (bytes: Uint8Array, start: number, end: number) => T;

/**
 * Bytes of one key or value on its way in: strings go through one scratch
 * buffer, bytes are referenced. Valid until the next `set…` call.
 */
export class EncodedBytes {
  bytes: Uint8Array = new Uint8Array(0);
  start = 0;
  end = 0;
  #scratch!: Buffer;
  #scratchBytes!: Uint8Array;
  /** Views of the scratch buffer's first n bytes: making one for each key costs 100 ns. */
  #views!: (Uint8Array | undefined)[];

  constructor(scratchBytes: number) {
    this.#grow(scratchBytes);
  }

  /** Exactly the bytes; valid until the next `set…` call. */
  view(): Uint8Array {
    const { bytes, start, end } = this;
    if (bytes === this.#scratchBytes && end <= longestShared) {
      return (this.#views[end] ??= new Uint8Array(bytes.buffer, 0, end));
    }
    return start === 0 && end === bytes.length
      ? bytes
      : new Uint8Array(bytes.buffer, bytes.byteOffset + start, end - start);
  }

  /** @throws LsmError `LSM_INVALID_ARGUMENT` for what the encoding cannot take, `LSM_TOO_LARGE` above 65,535 bytes. */
  setKey(input: unknown, encoding: KeyEncoding): void {
    this.setEncodedKey(encodeKey(input, encoding));
  }

  /** As `setKey`, for what `encodeKey` returned. */
  setEncodedKey(key: unknown): void {
    if (typeof key === 'string') this.#setString(key);
    else if (key instanceof Uint8Array) this.#setView(key);
    else throw invalidArgument(`a key must be a string or a Uint8Array, not ${typeName(key)}`);
    if (this.end - this.start > maxKeyBytes) {
      throw new LsmError(
        'LSM_TOO_LARGE',
        `a key of ${this.end - this.start} bytes is above the limit of ${maxKeyBytes}`,
      );
    }
  }

  /** Of what `encodeValue` returned. @throws LsmError `LSM_INVALID_ARGUMENT` for what is not bytes, `LSM_TOO_LARGE` above 256 MiB. */
  setEncodedValue(value: unknown): void {
    if (typeof value === 'string') this.#setString(value);
    else if (value instanceof Uint8Array) this.#setBytes(value);
    else throw invalidArgument(`a value must be a string or a Uint8Array, not ${typeName(value)}`);
    if (this.end - this.start > maxValueBytes) {
      throw new LsmError(
        'LSM_TOO_LARGE',
        `a value of ${this.end - this.start} bytes is above the limit of ${maxValueBytes}`,
      );
    }
  }

  #setView(bytes: Uint8Array): void {
    const length = bytes.length;
    this.start = 0;
    this.end = length;
    // A Buffer is turned into a plain view: hot functions that see one array type stay fast.
    if (bytes.constructor === Uint8Array) this.bytes = bytes;
    else if (length <= shortBytes) {
      const scratch = this.#scratchBytes;
      for (let i = 0; i < length; i++) scratch[i] = bytes[i];
      this.bytes = scratch;
    } else this.bytes = new Uint8Array(bytes.buffer, bytes.byteOffset, length);
  }

  /** Whatever kind of array it is: it is only copied as a whole. */
  #setBytes(bytes: Uint8Array): void {
    if (bytes.length <= shortBytes) this.#setView(bytes);
    else {
      this.bytes = bytes;
      this.start = 0;
      this.end = bytes.length;
    }
  }

  #grow(length: number): void {
    this.#scratch = Buffer.allocUnsafeSlow(length);
    this.#scratchBytes = new Uint8Array(this.#scratch.buffer);
    this.#views = new Array<Uint8Array | undefined>(longestShared + 1).fill(undefined);
  }

  #setString(text: string): void {
    const length = text.length;
    // Three bytes are the most that one UTF-16 unit takes.
    if (length * 3 > this.#scratch.length) this.#grow(length * 3);
    this.bytes = this.#scratchBytes;
    this.start = 0;
    // A hand loop for ASCII: 33 ns for 16 characters, `encodeInto` 40, `encode` 672.
    if (length <= 64) {
      const scratch = this.#scratchBytes;
      let at = 0;
      for (; at < length; at++) {
        const unit = text.charCodeAt(at);
        if (unit >= 0x80) break;
        scratch[at] = unit;
      }
      if (at === length) {
        this.end = length;
        return;
      }
    }
    this.end = this.#scratch.write(text, 0, 'utf8');
  }
}

/**
 * Runs the user's part of an encoding, which may itself use the database: to be
 * called before anything is put into a buffer that others use too.
 * @throws LsmError `LSM_INVALID_ARGUMENT` for what the encoding refuses
 */
export function encodeKey(input: unknown, encoding: KeyEncoding): unknown {
  return typeof encoding === 'object' ? encodeWith(encoding, input, 'key') : input;
}

/** As `encodeKey`, for values. */
export function encodeValue(input: unknown, encoding: ValueEncoding): unknown {
  if (encoding === 'json') return toJson(input);
  return typeof encoding === 'object' ? encodeWith(encoding, input, 'value') : input;
}

function encodeWith(encoding: Encoding<unknown>, input: unknown, what: 'key' | 'value'): unknown {
  try {
    return encoding.encode(input);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    const message = `the encoding '${encoding.name}' refused a ${what}: ${why}`;
    throw new LsmError('LSM_INVALID_ARGUMENT', message, { cause: error });
  }
}

/** What turns stored bytes into keys or values; `copy` gives bytes that the caller may keep. */
export function decoderOf(
  encoding: KeyEncoding | ValueEncoding,
  copy: DecodeBytes<Uint8Array>,
): DecodeBytes<unknown> {
  if (encoding === 'view') return copy;
  if (encoding === 'utf8') return decodeText;
  const name = encoding === 'json' ? encoding : encoding.name;
  const decode: DecodeBytes<unknown> =
    encoding === 'json'
      ? (bytes, start, end) => JSON.parse(decodeText(bytes, start, end)) as unknown
      : (bytes, start, end) => encoding.decode(copy(bytes, start, end));
  return (bytes, start, end) => {
    try {
      return decode(bytes, start, end);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      const message = `what is stored cannot be read as '${name}' (${why}); was it written with another encoding?`;
      throw new LsmError('LSM_INVALID_ARGUMENT', message, { cause: error });
    }
  };
}

function toJson(value: unknown): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch (error) {
    throw new LsmError('LSM_INVALID_ARGUMENT', `the value has no JSON form: ${String(error)}`, {
      cause: error,
    });
  }
  if (text === undefined) {
    const advice = value === undefined ? '; to remove a key, use delete' : '';
    throw invalidArgument(`${typeName(value)} has no JSON form${advice}`);
  }
  return text;
}

function typeName(value: unknown): string {
  if (value === null) return 'null';
  if (typeof value === 'object') return value.constructor?.name ?? 'object';
  return typeof value;
}

/** A string from UTF-8 bytes; short ASCII, the usual key, takes the cheap way. */
export function decodeText(bytes: Uint8Array, start: number, end: number): string {
  // A Buffer over the same memory, because only its utf8Slice accepts shared memory (TextDecoder does not).
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('utf8');
}
