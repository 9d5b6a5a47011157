import { expect, test } from 'vitest';
import { LineError, makeLineParser } from './line-format.js';
import { LineReader, type ByteSource } from './line-reader.js';

function sourceOf(text: string): ByteSource {
  let bytes = Buffer.from(text);
  return {
    name: 'a test',
    size: bytes.length,
    read(target, at) {
      const count = bytes.copy(target, at);
      bytes = bytes.subarray(count);
      return Promise.resolve(count);
    },
    interrupt: () => undefined,
    close: () => Promise.resolve(),
  };
}

test('a value nested deeper than can be written again is a bad line, and no end of the program', async () => {
  const depth = 200_000;
  const line = `{"key":"a","value":${'['.repeat(depth)}${']'.repeat(depth)}}\n`;
  const parser = makeLineParser('ndjson');
  const reader = new LineReader(sourceOf(line), parser.maxLineBytes);
  await reader.fill();
  expect(reader.next()).toBe(true);
  expect(() => parser.parse(reader)).toThrow(LineError);
  expect(() => parser.parse(reader)).toThrow('"value" is nested too deep');
});
