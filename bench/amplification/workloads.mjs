// Keys and values: 16 bytes of digits, 100 bytes that compress to about half.
import { Random } from './random.mjs';

export const keyBytes = 16;
export const valueBytes = 100;
export const entryBytes = keyBytes + valueBytes;

/** The key of the i-th entry: neighbours in `i` are far apart in the database. */
export function writeKey(key, i) {
  let rest = Math.imul(i, 0x9e3779b1) >>> 0;
  for (let at = keyBytes - 1; at >= 0; at--) {
    key[at] = 48 + (rest % 10);
    rest = Math.floor(rest / 10);
  }
  return key;
}

/** 40,000 values, of which half is random: no two in the same block are likely to be equal. */
export function makeValues(seed = 7) {
  const random = new Random(seed);
  return Array.from({ length: 40_000 }, () => {
    const value = new Uint8Array(valueBytes);
    for (let at = 0; at < valueBytes / 2; at++) value[at] = random.u32();
    return value;
  });
}

/** By name: makes what gives the index of the next key, of `count`. */
export const workloads = {
  uniform: (count, random) => () => random.below(count),
  zipfian: (count, random) => makeZipfian(count, random),
};

/** Ranks by the method of Gray et al. 1994 (as in YCSB), constant 0.99; `writeKey` scatters them. */
export function makeZipfian(count, random, theta = 0.99) {
  const zeta = (n) => {
    let sum = 0;
    for (let i = 1; i <= n; i++) sum += 1 / i ** theta;
    return sum;
  };
  const zetaN = zeta(count);
  const alpha = 1 / (1 - theta);
  const eta = (1 - (2 / count) ** (1 - theta)) / (1 - zeta(2) / zetaN);
  return () => {
    const u = random.unit();
    const uz = u * zetaN;
    if (uz < 1) return 0;
    if (uz < 1 + 0.5 ** theta) return 1;
    return Math.min(count - 1, Math.floor(count * (eta * u - eta + 1) ** alpha));
  };
}
