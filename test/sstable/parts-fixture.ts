import { readFileSync } from 'node:fs';
import { Entry } from '../../src/base/entry.js';

/** A committed table of the large form, written by make-parts-fixture.mjs. */
export function readPartsFixture(): Uint8Array {
  const url = new URL('fixtures/table-parts-v1.sst', import.meta.url);
  return new Uint8Array(readFileSync(url));
}

/** What it holds. */
export function partsFixtureEntries(): Entry[] {
  const entries: Entry[] = [];
  for (let i = 0; i < 40; i++) {
    const key = `key${String(i).padStart(3, '0')}`;
    const versions = i === 10 ? 40 : 1;
    for (let version = 0; version < versions; version++) {
      const seq = 1000 + i * 50 - version;
      entries.push(
        i % 4 === 3 ? Entry.delete(key, seq) : Entry.put(key, `value ${i}.${version}`, seq),
      );
    }
  }
  return entries;
}
