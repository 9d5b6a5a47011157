import { afterAll, expect, test } from 'vitest';
import { Prng } from '../../src/base/prng.js';
import { verifyDatabase } from '../../src/verify/verify-database.js';
import { reportCounts } from '../support/counts.js';
import { isLongRun, isTimeUp, seedsOf, withSeed } from '../support/seeds.js';
import { answerOf, withFile, type Answer } from './open-damaged.js';
import { directory, makeSmallDatabase, type Image, type SmallDatabase } from './small-database.js';

/*
 * T6: a flipped bit in every byte of every file of a small database. Whatever
 * is read is right, or a typed error that names the file and the bit; and verify names
 * each flip in a file that counts. The file before the current manifest does not.
 *
 * By default one bit of each byte, opened in turn for writing and for reading only;
 * with NORI_LONG=1 every bit, opened both ways.
 */
const testFile = 'test/damage/flips.test.ts';
const budgetMs = 3_600_000;

const counts = {
  databases: 0,
  bytes: 0,
  flips: 0,
  opens: 0,
  refusedOpens: 0,
  readErrors: 0,
  harmless: 0,
  namedByVerify: 0,
  invisibleToVerify: 0,
};

test(
  'in every byte of every file of a closed database, and of one that was never closed',
  async () => {
    for (const seed of seedsOf(1)) {
      await withSeed(seed, testFile, async () => {
        const random = new Prng(seed);
        const places = [...(await placesInClosed(seed)), ...(await placesInUnclosed(seed))];
        // So that a run that is short of time comes everywhere.
        if (isLongRun()) shuffle(places, random);
        for (const place of places) {
          if (isTimeUp()) break;
          await flipAt(place, random);
        }
      });
    }
  },
  budgetMs,
);

/** One byte of a file of a database; `bytes` are the file's, and nobody else's. */
interface Place {
  readonly database: SmallDatabase;
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly at: number;
}

async function placesInClosed(seed: number): Promise<Place[]> {
  const database = await makeSmallDatabase(seed, true);
  const total = [...database.image.values()].reduce((sum, { length }) => sum + length, 0);
  expect(total, 'bytes after a clean close').toBeLessThanOrEqual(16 * 1024);
  return placesIn(database, [...database.image.keys()]);
}

/** Its logs up to the last record and 1 KiB, and its manifest; the other files are as in the one that was closed. */
async function placesInUnclosed(seed: number): Promise<Place[]> {
  const { image, states } = await makeSmallDatabase(seed, false);
  const files = new Map(image);
  for (const [path, bytes] of image) {
    if (!path.endsWith('.log') || bytes.length === 0) continue;
    // As in a log that was extended ahead.
    const longer = new Uint8Array(bytes.length + 1024);
    longer.set(bytes);
    files.set(path, longer);
  }
  const paths = [...files.keys()].filter((path) => /\.log$|MANIFEST-/.test(path)).sort();
  // The manifest before the current one is read by nobody.
  const older = paths.findIndex((path) => path.includes('MANIFEST-'));
  if (!isLongRun()) paths.splice(older, 1);
  return placesIn({ image: files, states }, paths);
}

function placesIn(database: SmallDatabase, paths: readonly string[]): Place[] {
  counts.databases++;
  return paths.flatMap((path) => {
    const bytes = database.image.get(path)!.slice();
    return Array.from(bytes, (_, at) => ({ database, path, bytes, at }));
  });
}

function shuffle(places: Place[], random: Prng): void {
  for (let i = places.length - 1; i > 0; i--) {
    const other = random.below(i + 1);
    [places[i], places[other]] = [places[other], places[i]];
  }
}

afterAll(() => {
  reportCounts('T6', 'a flipped bit in every byte', counts, {
    databases: 2,
    bytes: 10_000,
    flips: 10_000,
    refusedOpens: 3000,
    readErrors: 2000,
    harmless: 1000,
    namedByVerify: 8000,
  });
});

async function flipAt(
  { database: { image, states }, path, bytes, at }: Place,
  random: Prng,
): Promise<void> {
  counts.bytes++;
  const bits = isLongRun() ? [0, 1, 2, 3, 4, 5, 6, 7] : [random.below(8)];
  for (const bit of bits) {
    bytes[at] ^= 1 << bit;
    try {
      await check(withFile(image, path, bytes), { image, states }, path, at, bit);
      const { damages } = await verifyDatabase(directory, { fs: withFile(image, path, bytes) });
      const named = damages.filter(({ file }) => file === path);
      for (const { file, what } of damages) expect(isAbout(file, path, image), what).toBe(true);
      if (named.length > 0) counts.namedByVerify++;
      else {
        counts.invisibleToVerify++;
        expect(invisibleBytes(image, path)(at), 'verify sees nothing').toBe(true);
      }
      for (const { checksum } of named) {
        expect(checksum?.flippedBit, named[0].what).toEqual({ offset: at, bit });
      }
    } catch (error) {
      const place = `bit ${bit} of byte ${at} of ${path}`;
      throw new Error(`${place}: ${String(error)}`, { cause: error });
    } finally {
      bytes[at] ^= 1 << bit;
    }
  }
}

/**
 * Bytes whose flip verify may pass over: all of the manifest before the current one,
 * which nothing reads; the zeros behind the last record of a log, and the end of a
 * record in front of them whose last bits, read as zeros, look like one that was torn.
 */
function invisibleBytes(image: Image, path: string): (at: number) => boolean {
  const newest = [...image.keys()].filter((each) => each.includes('MANIFEST-')).sort();
  if (path.includes('MANIFEST-') && path !== newest.at(-1)) return () => true;
  if (!path.endsWith('.log')) return () => false;
  const bytes = image.get(path)!;
  let used = bytes.length;
  while (used > 0 && bytes[used - 1] === 0) used--;
  return (at) => at >= used - 1;
}

async function check(
  damaged: ReturnType<typeof withFile>,
  { image, states }: SmallDatabase,
  path: string,
  at: number,
  bit: number,
): Promise<void> {
  counts.flips++;
  const ways = isLongRun() ? [false, true] : [at % 2 === 0];
  for (const readOnly of ways) {
    counts.opens++;
    const answer = await answerOf(damaged.clone(), states, readOnly);
    countAnswer(answer);
    for (const { file, offset, damage, message } of answer.errors) {
      expect(isAbout(file!, path, image), message).toBe(true);
      if (file !== path) continue;
      expect(offset, message).toBeLessThanOrEqual(at);
      expect(damage?.flippedBit, message).toEqual({ offset: at, bit });
    }
  }
}

/**
 * Whether damage that `file` is said to have is that of `path`. Where the newest edit
 * of the manifest is taken for torn, a file that it had done with may be missing.
 */
function isAbout(file: string, path: string, image: Image): boolean {
  return file === path || (path.includes('MANIFEST-') && !image.has(file));
}

function countAnswer({ errors, isOpened }: Answer): void {
  if (!isOpened) counts.refusedOpens++;
  else if (errors.length > 0) counts.readErrors++;
  else counts.harmless++;
}
