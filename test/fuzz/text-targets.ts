import { parseFileName } from '../../src/base/file-names.js';
import { parseKeyArgument } from '../../src/cli/bytes-format.js';
import { Failure } from '../../src/cli/failure.js';
import { LineError, makeLineParser, type LineFormat } from '../../src/cli/line-format.js';
import { LineReader, type ByteSource } from '../../src/cli/line-reader.js';
import { parseSize } from '../../src/cli/numbers.js';
import { decoderOf } from '../../src/db/encoding.js';
import { decodeLockOwner, encodeLockOwner } from '../../src/fs/lock-owner.js';
import { mustHold } from './block-targets.js';
import type { Target } from './target.js';

const utf8 = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'utf8'));
const latin1 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');

/** What comes as text: LOCK.owner, names of files, the command line's input, encodings of users. */
export function textTargets(): Target[] {
  return [
    {
      name: 'LOCK.owner',
      seeds: [utf8(owner), utf8(owner.replace('{', '{"__proto__":{"polluted":1},'))],
      decode(bytes) {
        const decoded = decodeLockOwner(Buffer.from(bytes).toString('utf8'));
        if (decoded === undefined) return false;
        mustHold(decoded.pid > 0 && /^[0-9a-f]{32}$/.test(decoded.nonce), 'an impossible owner');
        return true;
      },
    },
    {
      name: 'file name',
      seeds: ['000123.sst', 'MANIFEST-000005', '9007199254740991.log'].map(utf8),
      decode(bytes) {
        const parsed = parseFileName(latin1(bytes));
        if (parsed === undefined) return false;
        mustHold(Number.isSafeInteger(parsed.number), 'a number that is none');
        return true;
      },
    },
    {
      name: 'key on the command line',
      seeds: ['hex:00ff', 'base64:aGk=', 'text:hex:', 'plain', 'é'].map(utf8),
      isRefusal: (error) => error instanceof Failure,
      decode(bytes) {
        parseKeyArgument(Buffer.from(bytes).toString('utf8'), 'KEY');
        return true;
      },
    },
    {
      name: 'size on the command line',
      seeds: ['4096', '64KiB', '1.5MiB', '0.5 GiB'].map(utf8),
      decode(bytes) {
        const size = parseSize(latin1(bytes));
        mustHold(
          size === undefined || (Number.isSafeInteger(size) && size >= 0),
          `a size of ${size}`,
        );
        return size !== undefined;
      },
    },
    lineTarget('tsv', ['a\t1\nb\t2\n', '\t\n', 'key\tvalue\twith tab\r\n']),
    lineTarget('ndjson', [
      '{"key":"a","value":"1"}\n{"keyHex":"00ff","valueBase64":"aGk="}\n',
      '{"key":"j","value":{"a":[1,2,{"b":null}]}}\n',
      `{"key":"deep","value":${'['.repeat(40)}${']'.repeat(40)}}\n`,
      '{"key":"p","value":{"__proto__":{"polluted":1}}}\n',
    ]),
    ...(['utf8', 'json'] as const).map((encoding): Target => ({
      name: `encoding ${encoding}`,
      seeds: [utf8('{"a":[1,"é",null,{"__proto__":{"x":1}}]}'), utf8('"text 😀"'), utf8('1e400')],
      codes: ['LSM_INVALID_ARGUMENT'],
      ...(encoding === 'utf8' ? { refusesNothing: true } : {}),
      decode(bytes) {
        const decode = decoderOf(encoding, (from, start, end) => from.slice(start, end));
        decode(bytes, 0, bytes.length);
        return true;
      },
    })),
  ];
}

const owner = encodeLockOwner({
  pid: 4711,
  processStart: '123456',
  bootId: 'a-boot-id',
  pidNamespace: 'pid:[4026531836]',
  host: 'host',
  nonce: '0123456789abcdef0123456789abcdef',
  kernelLock: '1:2',
});

function lineTarget(format: LineFormat, texts: readonly string[]): Target {
  return {
    name: `lines of ${format}`,
    seeds: texts.map(utf8),
    isRefusal: (error) => error instanceof LineError,
    // The reader's buffer, and what becomes of it when a line is longer.
    memory: { fixed: 4 * 1024 * 1024, perByte: 64 },
    async decode(bytes) {
      const parser = makeLineParser(format);
      const reader = new LineReader(sourceOf(bytes), parser.maxLineBytes);
      let lines = 0;
      do {
        while (reader.next()) {
          parser.parse(reader);
          mustHold(
            parser.key.length + parser.value.length <= 2 * bytes.length,
            'more than was there',
          );
          mustHold(++lines <= bytes.length + 1, 'more lines than bytes');
        }
      } while (await reader.fill());
      return lines > 0;
    },
  };
}

/** Comes in pieces, as from a pipe. */
function sourceOf(bytes: Uint8Array): ByteSource {
  let at = 0;
  return {
    name: 'hostile',
    size: bytes.length,
    read(target, to) {
      const piece = bytes.subarray(at, at + Math.max(1, bytes.length >>> 1));
      target.set(piece, to);
      at += piece.length;
      return Promise.resolve(piece.length);
    },
    interrupt: () => undefined,
    close: () => Promise.resolve(),
  };
}
