// Keys and values on their way in and out: strings, JSON, bytes.
import { bytesOf, keyForms, load, makeValue, Random, runAlone } from './harness.mjs';

const { decoderOf, encodeValue, EncodedBytes } = await load('db/encoding.js');
const { ByteSlab } = await load('base/byte-slab.js');

const count = 1000;
const order = new Random().order(count);
const keys = order.map((i) => keyForms.user(i));
const texts = {
  'a string of 16 characters': keys,
  'a string of 100 characters': keys.map((key) => key.repeat(7).slice(0, 100)),
  'a string of 16, not ASCII': keys.map((key) => `ü${key.slice(1)}`),
};
const objects = order.map((id) => ({
  id,
  name: `user ${id}`,
  isActive: id % 2 === 0,
  tags: ['a', 'b'],
}));

export async function define(bench) {
  await goingIn(bench);
  await comingOut(bench);
}

async function goingIn({ measure }) {
  const encoded = new EncodedBytes(1024);
  const setKeys = (inputs, encoding) => () => {
    let bytes = 0;
    for (const input of inputs) {
      encoded.setKey(input, encoding);
      bytes += encoded.end - encoded.start;
    }
    return bytes;
  };
  for (const [what, inputs] of Object.entries(texts)) {
    await measure(`in: ${what}`, count, setKeys(inputs, 'utf8'));
  }
  await measure('in: 16 bytes', count, setKeys(keys.map(bytesOf), 'view'));
  await measure(
    'in: a Buffer of 16 bytes',
    count,
    setKeys(
      keys.map((key) => Buffer.from(key)),
      'view',
    ),
  );
  await measure('in: an object as JSON', count, () => {
    let bytes = 0;
    for (const object of objects) {
      encoded.setEncodedValue(encodeValue(object, 'json'));
      bytes += encoded.end - encoded.start;
    }
    return bytes;
  });
}

async function comingOut({ measure }) {
  const text = decoderOf('utf8', () => undefined);
  const json = decoderOf('json', () => undefined);
  const decodeAll = (decode, stored, sizeOf) => () => {
    let sum = 0;
    for (const { bytes, start, end } of stored) sum += sizeOf(decode(bytes, start, end));
    return sum;
  };
  for (const [what, inputs] of Object.entries(texts)) {
    await measure(
      `out: ${what}`,
      count,
      decodeAll(text, inBlocks(inputs.map(bytesOf)), ({ length }) => length),
    );
  }
  const documents = objects.map((object) => bytesOf(JSON.stringify(object)));
  await measure(
    'out: an object from JSON',
    count,
    decodeAll(json, inBlocks(documents), ({ tags }) => tags.length),
  );
  const slab = new ByteSlab();
  const copy = (bytes, start, end) => slab.copy(bytes, start, end);
  for (const length of [16, 100, 1000]) {
    const values = inBlocks(order.map(() => makeValue(new Random(), length)));
    await measure(
      `out: a copy of ${length} bytes`,
      count,
      decodeAll(copy, values, (bytes) => bytes.length),
    );
  }
}

/** As they are found: one behind the other in blocks of 4 KiB. */
function inBlocks(pieces) {
  let block = new Uint8Array(4096);
  let start = 0;
  return pieces.map((piece) => {
    if (start + piece.length > block.length) {
      block = new Uint8Array(4096);
      start = 0;
    }
    block.set(piece, start);
    const end = start + piece.length;
    const place = { bytes: block, start, end };
    start = end;
    return place;
  });
}

await runAlone(import.meta.url, define);
