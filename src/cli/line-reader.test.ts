import { expect, it } from 'vitest';
import { Prng } from '../base/prng.js';
import { LineReader, type ByteSource } from './line-reader.js';

/** Hands out `bytes` in pieces of random size. */
function sourceOf(bytes: Uint8Array, maxPiece: number, prng: Prng): ByteSource {
  let position = 0;
  return {
    name: 'test',
    size: bytes.length,
    async read(target, at) {
      const wanted = Math.min(1 + prng.below(maxPiece), target.length - at);
      const piece = bytes.subarray(position, position + wanted);
      target.set(piece, at);
      position += piece.length;
      return piece.length;
    },
    interrupt: () => undefined,
    close: async () => undefined,
  };
}

async function readLines(reader: LineReader): Promise<string[]> {
  const lines: string[] = [];
  do {
    while (reader.next()) {
      lines.push(reader.bytes.toString('latin1', reader.start, reader.end));
      if (reader.line !== lines.length)
        throw new Error(`line ${lines.length} is numbered ${reader.line}`);
    }
  } while (await reader.fill());
  return lines;
}

it('cuts what split() cuts, whatever the pieces', async () => {
  const seed = Number(process.env.NORI_SEED ?? 7);
  const prng = new Prng(seed);
  for (let round = 0; round < 300; round++) {
    let text = '';
    for (let i = prng.below(40); i > 0; i--) {
      text += prng.chance(0.3) ? '\n' : 'xyz'.repeat(prng.below(30));
    }
    const expected = text.split('\n');
    if (expected.at(-1) === '') expected.pop();
    const source = sourceOf(Buffer.from(text), 1 + prng.below(50), prng);
    const reader = new LineReader(source, 10_000);
    expect({ seed, round, lines: await readLines(reader) }).toEqual({
      seed,
      round,
      lines: expected,
    });
    expect(reader.consumed).toBe(text.length);
  }
});

it('grows for lines longer than its buffer, and shows no bytes of earlier reads', async () => {
  const prng = new Prng(1);
  const long = 'a'.repeat(2_500_000);
  const text = `${'short\n'.repeat(300_000)}${long}\n${'short\n'.repeat(10)}last`;
  const reader = new LineReader(sourceOf(Buffer.from(text), 400_000, prng), 3_000_000);
  const lines = await readLines(reader);
  expect(lines.length).toBe(300_012);
  expect(lines[300_000] === long).toBe(true);
  expect(lines.at(-1)).toBe('last');
  expect(reader.isTooLong).toBe(false);
});

it('stops at a line longer than any can be', async () => {
  const reader = new LineReader(
    sourceOf(Buffer.from(`ok\n${'x'.repeat(5000)}`), 100, new Prng(1)),
    1000,
  );
  expect(await readLines(reader)).toEqual(['ok']);
  expect(reader.isTooLong).toBe(true);
  expect(reader.bytes.length).toBeLessThan(2 * 1024 * 1024);
});
