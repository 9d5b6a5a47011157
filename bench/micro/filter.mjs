// The Bloom filter at 10 bits per key, and the hash that feeds it.
import { keyForms, layOut, load, Random, runAlone } from './harness.mjs';

const { BloomFilter } = await load('sstable/bloom-filter.js');
const { FilterWriter } = await load('sstable/filter-writer.js');
const { KeyHash } = await load('base/hash.js');
const { defaultTableLayout } = await load('sstable/table-layout.js');

export async function define({ measure, note, scaled }) {
  const hash = new KeyHash();
  const keys = layOut(new Random().order(4096));
  await measure('hash of a key of 16 bytes', 4096, () => {
    let sum = 0;
    for (let at = 0; at < keys.length; at += 16) {
      hash.compute(keys, at, at + 16);
      sum += hash.low & 15;
    }
    return sum + 1;
  });
  // 20 k keys, a table of 2 MB, are in the processor's cache; a million are not.
  for (const [size, count] of [
    ['20 k', 20_000],
    ['1 M', 1_000_000],
  ]) {
    const total = scaled(count, 64);
    const present = hashesOf(total, 0);
    const others = hashesOf(total, total);
    await measure(`build, ${size} keys`, total, () => filled(total, present).bits);
    const filter = filled(total, present);
    const asked = scaled(100_000);
    const ask = (hashes) => {
      let found = 0;
      for (let i = 0; i < asked; i++) {
        const at = 2 * (i % total);
        if (filter.mayContainHash(hashes[at], hashes[at + 1])) found++;
      }
      return found;
    };
    await measure(`hit, ${size} keys`, asked, () => ask(present));
    await measure(`miss, ${size} keys`, asked, () => ask(others) + 1);
    if (size === '1 M') note('false positives', (ask(others) / asked) * 100, '%');
  }

  const count = scaled(200_000);
  const ordered = layOut(
    Array.from({ length: count }, (_, i) => i),
    keyForms.user,
  );
  await measure('write as a table does, with the hash', count, () => {
    const writer = new FilterWriter(10, defaultTableLayout);
    for (let at = 0; at < ordered.length; at += 16) {
      hash.compute(ordered, at, at + 16);
      writer.add(hash.low, hash.high, ordered, at, at + 16);
    }
    return writer.finish() === undefined ? 0 : 1;
  });
}

/** Pairs of hashes of keys that a filter has seen or has not, in random order. */
function hashesOf(count, first) {
  const hash = new KeyHash();
  const hashes = new Uint32Array(2 * count);
  const keys = layOut(new Random(1 + first).order(count).map((number) => number + first));
  for (let i = 0; i < count; i++) {
    hash.compute(keys, 16 * i, 16 * i + 16);
    hashes[2 * i] = hash.low;
    hashes[2 * i + 1] = hash.high;
  }
  return hashes;
}

function filled(count, hashes) {
  const filter = BloomFilter.create(count, 10);
  for (let i = 0; i < count; i++) filter.addHash(hashes[2 * i], hashes[2 * i + 1]);
  return filter;
}

await runAlone(import.meta.url, define);
