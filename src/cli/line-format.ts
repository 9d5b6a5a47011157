import { isBase64 } from './bytes-format.js';
import type { LineReader } from './line-reader.js';

export const maxKeyBytes = 65_535;
export const maxValueBytes = 2 ** 28;

/** What is wrong with a line, without its place. */
export class LineError extends Error {}

/** Finds key and value in the reader's current line. */
export interface LineParser {
  readonly maxLineBytes: number;
  /** Valid until the next `parse` or `fill`. */
  key: Uint8Array;
  value: Uint8Array;
  /** @throws LineError */
  parse(reader: LineReader): void;
}

export const lineFormats = ['tsv', 'ndjson'] as const;
export type LineFormat = (typeof lineFormats)[number];

export function formatOfFile(path: string): LineFormat {
  return /\.(ndjson|jsonl)$/i.test(path) ? 'ndjson' : 'tsv';
}

export function makeLineParser(format: LineFormat): LineParser {
  return format === 'tsv' ? new TsvParser() : new NdjsonParser();
}

const tab = 0x09;
const nothing = new Uint8Array(0);

/** Key up to the first tab, value the rest of the line, both verbatim: no escapes, no quotes. */
class TsvParser implements LineParser {
  readonly maxLineBytes = maxKeyBytes + 1 + maxValueBytes;
  key: Uint8Array = nothing;
  value: Uint8Array = nothing;

  parse(reader: LineReader): void {
    const { bytes, start, end } = reader;
    const at = bytes.indexOf(tab, start);
    if (at < 0 || at >= end) throw new LineError('there is no tab between key and value');
    const offset = bytes.byteOffset;
    this.key = new Uint8Array(bytes.buffer, offset + start, at - start);
    this.value = new Uint8Array(bytes.buffer, offset + at + 1, end - at - 1);
    checkSizes(this.key, this.value);
  }
}

const strictUtf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * One object per line, with `key`, `keyHex` or `keyBase64`, and `value` (text is
 * stored as it is, anything else as JSON text), `valueHex` or `valueBase64`.
 */
class NdjsonParser implements LineParser {
  // As long as a JavaScript string can be.
  readonly maxLineBytes = 2 ** 29 - 64;
  key: Uint8Array = nothing;
  value: Uint8Array = nothing;

  parse(reader: LineReader): void {
    const line = parseObject(reader.bytes.subarray(reader.start, reader.end));
    this.key = member(line, 'key', requireText);
    this.value = member(line, 'value', textOrJson);
    for (const name of Object.keys(line)) {
      if (!/^(key|value)(Hex|Base64)?$/.test(name)) {
        throw new LineError(`there is a member ${JSON.stringify(name)} beside "key" and "value"`);
      }
    }
    checkSizes(this.key, this.value);
  }
}

function parseObject(bytes: Uint8Array): Readonly<Record<string, unknown>> {
  let line: unknown;
  try {
    line = JSON.parse(strictUtf8.decode(bytes));
  } catch {
    throw new LineError('this is not JSON');
  }
  if (typeof line !== 'object' || line === null || Array.isArray(line)) {
    throw new LineError('this is not a JSON object');
  }
  return line as Readonly<Record<string, unknown>>;
}

type ReadText = (value: unknown, name: string) => string;

const requireText: ReadText = (value, name) => {
  if (typeof value !== 'string') throw new LineError(`"${name}" is not text`);
  return value;
};

const textOrJson: ReadText = (value, name) => {
  if (typeof value === 'string') return value;
  try {
    return JSON.stringify(value);
  } catch {
    // JSON.parse takes any depth, JSON.stringify what the stack allows.
    throw new LineError(`"${name}" is nested too deep`);
  }
};

function member(
  line: Readonly<Record<string, unknown>>,
  name: string,
  readText: ReadText,
): Uint8Array {
  const given = [name, `${name}Hex`, `${name}Base64`].filter((form) => Object.hasOwn(line, form));
  if (given.length === 0) throw new LineError(`there is no "${name}"`);
  if (given.length > 1) throw new LineError(`there are both "${given[0]}" and "${given[1]}"`);
  const form = given[0];
  if (form === name) return Buffer.from(readText(line[form], form), 'utf8');
  const digits = requireText(line[form], form);
  if (form.endsWith('Hex')) {
    if (!/^([0-9a-fA-F]{2})*$/.test(digits)) throw new LineError(`"${form}" is not hex`);
    return Buffer.from(digits, 'hex');
  }
  if (!isBase64(digits)) throw new LineError(`"${form}" is not base64`);
  return Buffer.from(digits, 'base64');
}

function checkSizes(key: Uint8Array, value: Uint8Array): void {
  if (key.length > maxKeyBytes) {
    throw new LineError(`the key has ${key.length} bytes, the limit is ${maxKeyBytes}`);
  }
  if (value.length > maxValueBytes) {
    throw new LineError(`the value has ${value.length} bytes, the limit is ${maxValueBytes}`);
  }
}
