import { beforeAll, describe, expect, it } from 'vitest';
import { Prng } from '../../src/base/prng.js';
import { flipped, makeDatabase, pathOf, verifyWith, type Image } from './damage.js';

let image: Image;

beforeAll(async () => {
  image = await makeDatabase();
});

const kinds = [
  ['CURRENT', /CURRENT$/, 1],
  ['MANIFEST', /MANIFEST/, 1],
  ['log', /\.log$/, 1],
  ['table', /\.sst$/, 5],
] as const;

/** Where the last edit of the manifest begins: the clean close, which no other file vouches for. */
async function lastEdit(path: string): Promise<number> {
  const bytes = image.get(path)!;
  for (let at = bytes.length - 1; at > 0; at--) {
    const { damages } = await verifyWith(image, { [path]: flipped(bytes, at) });
    if (damages.length > 0) return at + 1;
  }
  return 0;
}

describe('every flipped byte of a cleanly closed database is found and placed:', () => {
  it.each(kinds)('%s', async (kind, pattern, step) => {
    const path = pathOf(image, pattern);
    const bytes = image.get(path)!;
    const end = kind === 'MANIFEST' ? await lastEdit(path) : bytes.length;
    // Of the manifest that is all but one edit of some bytes.
    expect(bytes.length - end).toBeLessThan(50);
    for (let at = 0; at < end; at += step) {
      const { damages } = await verifyWith(image, { [path]: flipped(bytes, at) });
      expect(damages.length, `byte ${at}`).toBeGreaterThan(0);
      const [{ file, offset }] = damages;
      expect(file, `byte ${at}`).toBe(path);
      expect(offset, `byte ${at}`).toBeLessThanOrEqual(at);
    }
  });
});

describe('no damage makes it throw:', () => {
  it.each(kinds)('%s cut off at any length', async (_, pattern, step) => {
    const path = pathOf(image, pattern);
    const bytes = image.get(path)!;
    for (let length = 0; length < bytes.length; length += 3 * step) {
      const { damages } = await verifyWith(image, { [path]: bytes.slice(0, length) });
      for (const { what } of damages) expect(what).not.toBe('');
    }
  });

  it('any file with random bytes in it, or in place of another', async () => {
    const random = new Prng(5);
    const paths = [...image.keys()];
    for (let run = 0; run < 300; run++) {
      const path = paths[random.below(paths.length)];
      const bytes = Uint8Array.from(image.get(paths[random.below(paths.length)])!);
      const from = random.below(bytes.length);
      const to = Math.min(bytes.length, from + random.below(200));
      for (let at = from; at < to; at++) bytes[at] = random.u32();
      const { damages } = await verifyWith(image, { [path]: bytes });
      expect(damages.length + 1).toBeGreaterThan(0);
    }
  });
});
