// Blocks in memory: building, decoding and searching data blocks, searching the index.
import { keyForms, layOut, load, makeValue, Random, runAlone } from './harness.mjs';
import { keysOf, maxSeq } from './tables.mjs';

const { DataBlockWriter } = await load('sstable/data-block-writer.js');
const { DataBlock } = await load('sstable/data-block.js');
const { IndexBlockWriter } = await load('sstable/index-block-writer.js');
const { IndexBlock } = await load('sstable/index-block.js');

/** About 4 KiB of entries of 16 + 100 bytes. */
const perBlock = 32;

export async function define(bench) {
  await dataBlocks(bench);
  await indexBlocks(bench);
}

async function dataBlocks({ measure, scaled }) {
  const value = makeValue(new Random());
  const writer = new DataBlockWriter();
  const build = (keys, first) => {
    for (let i = first; i < first + perBlock; i++) {
      writer.add(keys, 16 * i, 16 * i + 16, 1000 + i, 0, value, 0, value.length);
    }
    const bytes = new Uint8Array(writer.measure());
    writer.build(bytes, 0);
    writer.clear();
    return bytes;
  };
  const count = scaled(20_000, 4);
  const keys = layOut(Array.from({ length: count * perBlock }, (_, i) => i));
  await measure('data block: build, per entry', 64 * perBlock, () => {
    let bytes = 0;
    for (let i = 0; i < 64; i++) bytes += build(keys, (i % count) * perBlock).length;
    return bytes;
  });
  // 256 blocks, 1 MB, are in the processor's cache; 20,000, 80 MB, are not.
  for (const nominal of [256, 20_000]) {
    const blocks = Math.min(nominal, count);
    const raw = Array.from({ length: blocks }, (_, i) => build(keys, i * perBlock));
    const decoded = raw.map((bytes) => new DataBlock(bytes, 'file', 0));
    if (nominal === 256) {
      await measure('data block: decode and check', blocks, () => {
        let entries = 0;
        for (const bytes of raw) entries += new DataBlock(bytes, 'file', 0).count;
        return entries;
      });
    }
    const random = new Random();
    const order = Array.from({ length: scaled(50_000) }, () => random.below(blocks * perBlock));
    const targets = keysOf(layOut(order));
    const places = order.map((number) => Math.floor(number / perBlock));
    await measure(`data block: search, one of ${nominal} blocks`, order.length, () => {
      let found = 0;
      for (let i = 0; i < targets.length; i++) {
        const block = decoded[places[i]];
        const at = block.lowerBound(targets[i], maxSeq);
        if (at < block.count && block.hasKeyAt(at, targets[i])) found++;
      }
      return found;
    });
  }
}

async function indexBlocks({ measure, scaled }) {
  for (const nominal of [500, 8000, 30_000]) {
    const blocks = scaled(nominal);
    const writer = new IndexBlockWriter();
    for (let i = 0; i < blocks; i++) {
      const separator = layOut([i * perBlock], keyForms.number);
      writer.add(separator, 0, 16, maxSeq, 56 + i * 2500, 2500, 4096);
    }
    const raw = writer.build();
    const index = new IndexBlock(raw, 2 ** 40, 'file', 0);
    const random = new Random();
    const order = Array.from({ length: scaled(50_000) }, () => random.below(blocks * perBlock));
    const targets = keysOf(layOut(order, keyForms.number));
    await measure(`index: search among ${nominal} blocks`, targets.length, () => {
      let sum = 1;
      for (const key of targets) sum += index.findBlock(key, maxSeq);
      return sum;
    });
    await measure(`index: decode and check ${nominal} blocks, per block`, blocks, () => {
      return new IndexBlock(raw, 2 ** 40, 'file', 0).count;
    });
  }
}

await runAlone(import.meta.url, define);
