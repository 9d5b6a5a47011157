import { beforeAll, describe, expect, test } from 'vitest';
import { concatBytes, writeU32 } from '../base/bytes.js';
import { checksumAt, type FileId } from '../base/checksum.js';
import { isLsmError } from '../base/errors.js';
import { encodeFileHeader, fileHeaderBytes } from '../base/file-header.js';
import { Prng } from '../base/prng.js';
import { MemoryFileSystem } from '../fs/memory-file-system.js';
import { RecordingFileSystem } from '../fs/recording-file-system.js';
import { open } from '../index.js';
import { encodeFooter } from '../sstable/footer.js';
import type { FileFact } from './facts.js';
import { inspectDirectory } from './inspect-directory.js';
import { inspectFile } from './inspect-file.js';

const seed = Number(process.env['NORI_SEED'] ?? 1);
const directory = '/db';
let disk: MemoryFileSystem;
/** The table, log and manifest of that disk. */
let table: string;
let log: string;
let manifest: string;

beforeAll(async () => {
  disk = new MemoryFileSystem();
  const options = { fs: disk, executor: 'inline', blockSizeBytes: 128 } as const;
  const db = await open(directory, options);
  for (let i = 0; i < 12; i++) await db.put(`key ${i}`, `value ${i}`);
  await db.delete('key 3');
  await db.flush();
  await db.batch([
    { type: 'put', key: 'a', value: 'b' },
    { type: 'delete', key: 'key 4' },
  ]);
  await db.put(Uint8Array.of(0xff, 0), new Uint8Array(40_000).fill(7));
  await db.put('z', 'last');
  await db.close();
  const names = await disk.list(directory);
  const find = (pattern: RegExp): string =>
    `${directory}/${names.find((name) => pattern.test(name))}`;
  table = find(/sst$/);
  log = find(/log$/);
  manifest = find(/^MANIFEST/);
});

/** A fact with its bytes as text, so that it outlives the walk. */
type Told = Record<string, unknown> & { readonly type: FileFact['type'] };

async function tell(path: string, fs = disk): Promise<Told[]> {
  const told: Told[] = [];
  for await (const fact of inspectFile(path, { fs })) {
    const entries = Object.entries(fact).map(([name, value]: [string, unknown]) => [
      name,
      value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : value,
    ]);
    told.push(Object.fromEntries(entries) as Told);
    if (told.length > 10_000) throw new Error('the walk does not end');
  }
  return told;
}

function withBytes(path: string, bytes: Uint8Array): MemoryFileSystem {
  return MemoryFileSystem.from([[path, bytes]]);
}

const ofType = (facts: readonly Told[], ...types: FileFact['type'][]): Told[] =>
  facts.filter(({ type }) => types.includes(type));

describe('a sound file', () => {
  test('CURRENT names the manifest', async () => {
    const facts = await tell(`${directory}/CURRENT`);
    expect(facts.map(({ type }) => type)).toEqual(['header', 'end']);
    expect(facts[0]).toMatchObject({ kind: 'current', formatVersion: 1 });
    expect(manifest).toContain(String(facts[0]['manifestNumber']));
  });

  test('a log gives its batches and their operations', async () => {
    const facts = await tell(log);
    expect(ofType(facts, 'batch').map(({ operations }) => operations)).toEqual([2, 1, 1]);
    const operations = ofType(facts, 'operation');
    expect(operations.map(({ seq, kind, key }) => [seq, kind, key])).toEqual([
      [14, 'put', 'a'],
      [15, 'delete', 'key 4'],
      [16, 'put', '\xff\0'],
      [17, 'put', 'z'],
    ]);
    expect(operations.map(({ value }) => (value as string | undefined)?.length)).toEqual([
      1,
      undefined,
      40_000,
      4,
    ]);
    expect(facts[0]).toMatchObject({ type: 'header', links: { firstSeq: 14 } });
    expect(facts.at(-1)).toMatchObject({ type: 'end', records: 3, entries: 4, damages: 0 });
    expect(ofType(facts, 'damage', 'torn-end')).toEqual([]);
  });

  test('a manifest gives its edits', async () => {
    const facts = await tell(manifest);
    const lines = ofType(facts, 'edit').flatMap(({ lines: each }) => each as string[]);
    expect(lines).toContain('keyspace 0 added: "default"');
    expect(lines.some((line) => line.startsWith('clean close'))).toBe(true);
    expect(facts.at(-1)).toMatchObject({ type: 'end', damages: 0 });
  });

  test('a table gives properties, blocks and entries', async () => {
    const facts = await tell(table);
    const entries = ofType(facts, 'entry');
    expect(entries.length).toBe(12);
    expect(entries.filter(({ kind }) => kind === 'delete').map(({ key }) => key)).toEqual([
      'key 3',
    ]);
    expect(entries.find(({ key }) => key === 'key 11')).toMatchObject({
      value: 'value 11',
      seq: 12,
    });
    const blocks = ofType(facts, 'block');
    const roles = blocks.map(({ role }) => role);
    expect(roles.filter((role) => role === 'data').length).toBeGreaterThan(2);
    expect(roles.slice(-4)).toEqual(['filter', 'index', 'properties', 'metaindex']);
    expect(ofType(facts, 'properties').length).toBe(1);
    // One behind the other, up to the footer.
    let end = 56;
    for (const { offset, bytes } of blocks) {
      expect(offset).toBe(end);
      end += bytes as number;
    }
    expect(end).toBe(disk.readBytes(table).length - 64);
  });
});

describe('a damaged file', () => {
  test('every flipped byte is told, and nothing that was not written', async () => {
    let unsupported = 0;
    for (const path of [`${directory}/CURRENT`, manifest, table]) {
      const whole = await tell(path);
      const facts = new Set(whole.map((fact) => JSON.stringify(fact)));
      const bytes = disk.readBytes(path);
      for (let at = 0; at < bytes.length; at++) {
        const flipped = bytes.slice();
        flipped[at] ^= 0x10;
        try {
          const told = await tell(path, withBytes(path, flipped));
          expect({ path, at, damage: ofType(told, 'damage', 'torn-end').length }).not.toMatchObject(
            {
              damage: 0,
            },
          );
          for (const fact of ofType(told, 'entry')) expect(facts).toContain(JSON.stringify(fact));
        } catch (error) {
          if (!isLsmError(error, 'LSM_UNSUPPORTED_FORMAT')) throw error;
          unsupported++;
        }
      }
    }
    expect(unsupported).toBe(0);
  });

  test('a log goes on behind the damage, and says so', async () => {
    const batches = ofType(await tell(log), 'batch');
    const bytes = disk.readBytes(log);
    // Inside the value of the second batch, which spans two blocks.
    bytes[(batches[1]['offset'] as number) + 500] ^= 1;
    const facts = await tell(log, withBytes(log, bytes));
    const behind = ofType(facts, 'batch').filter(({ isBehindDamage }) => isBehindDamage);
    expect(behind.map(({ offset }) => offset)).toEqual([batches[2]['offset']]);
    const [damage, ...more] = ofType(facts, 'damage');
    expect(more).toEqual([]);
    expect(damage).toMatchObject({ offset: batches[1]['offset'] });
    expect((damage['offset'] as number) + (damage['bytes'] as number)).toBe(batches[2]['offset']);
    expect(facts.at(-1)).toMatchObject({ records: 2, damages: 1 });
  });

  test('two damages of a log are told as two', async () => {
    const fs = new MemoryFileSystem();
    const db = await open(directory, { fs, executor: 'inline' });
    for (let i = 0; i < 9; i++) await db.put(`key ${i}`, 'value');
    await db.close();
    const [name] = (await fs.list(directory)).filter((each) => each.endsWith('.log'));
    const path = `${directory}/${name}`;
    const offsets = ofType(await tell(path, fs), 'batch').map(({ offset }) => offset as number);
    const bytes = fs.readBytes(path);
    for (const number of [2, 5]) bytes[offsets[number] + 12] ^= 1;
    const facts = await tell(path, withBytes(path, bytes));
    expect(ofType(facts, 'damage').map(({ offset }) => offset)).toEqual([offsets[2], offsets[5]]);
    expect(ofType(facts, 'batch').length).toBe(7);
  });

  test('a log and a manifest cut anywhere end torn, with the records before', async () => {
    for (const path of [log, manifest]) {
      const whole = await tell(path);
      const records = ofType(whole, 'batch', 'edit').map(
        ({ offset, bytes }) => (offset as number) + (bytes as number),
      );
      const bytes = disk.readBytes(path);
      const step = path === log ? 997 : 1;
      for (let length = 104; length < bytes.length; length += step) {
        const facts = await tell(path, withBytes(path, bytes.subarray(0, length)));
        const found = ofType(facts, 'batch', 'edit');
        expect(found).toEqual(ofType(whole, 'batch', 'edit').slice(0, found.length));
        expect(records.filter((end) => end <= length - 20).length).toBeLessThanOrEqual(
          found.length + 1,
        );
        expect(ofType(facts, 'damage')).toEqual([]);
      }
    }
  });

  test('a table cut anywhere gives its whole blocks', async () => {
    const whole = await tell(table);
    const blocks = ofType(whole, 'block').filter(({ role }) => role === 'data');
    const bytes = disk.readBytes(table);
    for (let length = 0; length < bytes.length; length += 7) {
      const facts = await tell(table, withBytes(table, bytes.subarray(0, length)));
      const expected = blocks.filter(
        ({ offset, bytes: size }) => (offset as number) + (size as number) <= length,
      );
      const found = ofType(facts, 'block').filter(({ role }) => role === 'data');
      if (length >= 56) expect({ length, found }).toEqual({ length, found: expected });
      expect(facts.at(-1)!['damages']).toBeGreaterThan(0);
    }
  });

  test(`random bytes are damage, whatever they claim (NORI_SEED=${seed})`, async () => {
    const random = new Prng(seed);
    for (const path of [`${directory}/CURRENT`, manifest, log, table]) {
      const whole = disk.readBytes(path);
      for (let i = 0; i < 40; i++) {
        const bytes = Uint8Array.from({ length: 2000 }, () => random.below(256));
        // Behind a header that is sound, every second time.
        if (i % 2 === 0) bytes.set(whole.subarray(0, Math.min(104, whole.length)));
        const facts = await tell(path, withBytes(path, bytes));
        expect(ofType(facts, 'damage', 'torn-end').length).toBeGreaterThan(0);
      }
    }
  });

  test('what is no file of ours, or is missing, is refused', async () => {
    const fs = withBytes('/x/notes.txt', Buffer.from('dear'));
    await expect(tell('/x/notes.txt', fs)).rejects.toMatchObject({ code: 'LSM_NOT_A_DATABASE' });
    await expect(tell('/x/000001.log', fs)).rejects.toMatchObject({ code: 'LSM_NOT_FOUND' });
  });

  test('a walk that is not finished closes its file', async () => {
    for await (const fact of inspectFile(table, { fs: disk })) {
      if (fact.type === 'entry') break;
    }
    expect(disk.openFiles).toBe(0);
  });
});

describe('a directory', () => {
  const stateOf = async (fs: MemoryFileSystem): Promise<Record<string, string>> => {
    const { files } = await inspectDirectory(directory, { fs });
    return Object.fromEntries(files.map(({ name, state }) => [name, state]));
  };
  const nameOf = (path: string): string => path.slice(directory.length + 1);

  test('is described file by file', async () => {
    const fs = disk.clone();
    fs.writeBytes(`${directory}/000900.sst`, disk.readBytes(table));
    fs.writeBytes(`${directory}/lost/000901.sst`, disk.readBytes(table));
    fs.writeBytes(`${directory}/notes.txt`, new Uint8Array(3));
    expect(await stateOf(fs)).toEqual({
      CURRENT: 'in-use',
      [nameOf(manifest)]: 'in-use',
      [nameOf(log)]: 'in-use',
      [nameOf(table)]: 'in-use',
      '000900.sst': 'obsolete',
      'lost/000901.sst': 'set-aside',
      'notes.txt': 'foreign',
    });
    const { files, problem, keyspaces } = await inspectDirectory(directory, { fs });
    expect(files.every((file) => file.problem === undefined)).toBe(true);
    expect(problem).toBeUndefined();
    expect(keyspaces).toEqual([{ id: 0, name: 'default' }]);
    expect(fs.openFiles).toBe(0);
  });

  test('with a table missing, cut or exchanged names it', async () => {
    const missing = disk.clone();
    await missing.remove(table);
    expect((await stateOf(missing))[nameOf(table)]).toBe('missing');
    for (const harm of [
      (bytes: Uint8Array) => bytes.subarray(0, 100),
      (bytes: Uint8Array) => bytes.map((byte, at) => (at === 30 ? byte ^ 1 : byte)),
    ]) {
      const fs = disk.clone();
      fs.writeBytes(table, harm(disk.readBytes(table)));
      const { files } = await inspectDirectory(directory, { fs });
      const problems = files.filter(({ problem }) => problem !== undefined);
      expect(problems.map(({ name }) => name)).toEqual([nameOf(table)]);
    }
  });

  test('without a manifest is described all the same', async () => {
    const fs = disk.clone();
    await fs.remove(manifest);
    const { problem, databaseId, files } = await inspectDirectory(directory, { fs });
    expect(problem).toMatch(/which is missing/);
    expect(databaseId).toBeUndefined();
    expect(files.find(({ name }) => name === nameOf(table))).toMatchObject({ state: 'unknown' });
  });

  test('of something else is refused', async () => {
    const fs = withBytes('/x/notes.txt', Buffer.from('dear'));
    await expect(inspectDirectory('/x', { fs })).rejects.toMatchObject({
      code: 'LSM_NOT_A_DATABASE',
    });
    await expect(inspectDirectory('/y', { fs })).rejects.toMatchObject({ code: 'LSM_NOT_FOUND' });
  });
});

describe('a table without an index, made by a stranger', () => {
  const tableId = { low: 1, high: 2 };
  const other = { low: 3, high: 4 };

  /** A table of these blocks whose footer has `footerId` and leads nowhere. */
  function tableOf(blocks: readonly Uint8Array[], blockId: FileId, footerId: FileId): Uint8Array {
    const parts = [encodeFileHeader({ kind: 'table', fileId: blockId })];
    let offset = fileHeaderBytes;
    for (const block of blocks) {
      const covered = block.subarray(0, block.length - 4);
      writeU32(block, covered.length, checksumAt(covered, blockId, offset));
      parts.push(block);
      offset += block.length;
    }
    const metaindex = { offset: offset - 11, size: 11 };
    const fields = { tableId: footerId, metaindex, metaindexChecksum: 0, tailOffset: offset - 11 };
    return concatBytes([...parts, encodeFooter(fields, offset)]);
  }

  const path = '/000001.sst';

  test('a block that checks out and does not decompress is damage, and no error', async () => {
    // Claims 1,000 bytes of Zstandard in three.
    const broken = Uint8Array.from([9, 9, 9, 2, 0, 0xe8, 3, 0, 0, 0, 0, 0, 0]);
    const whole = Uint8Array.from([7, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
    const facts = await tell(path, withBytes(path, tableOf([broken, whole], tableId, tableId)));
    const told = ofType(facts, 'damage').map(({ what }) => String(what));
    expect(told.some((what) => /does not decompress|impossible raw length/.test(what))).toBe(true);
    expect(ofType(facts, 'block')).toMatchObject([{ offset: 69, role: 'unknown' }]);
    expect(facts.at(-1)!.type).toBe('end');
  });

  test('the search for blocks reads each byte a bounded number of times', async () => {
    const blocks = Array.from({ length: 2000 }, () =>
      Uint8Array.from([7, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]),
    );
    const bytes = tableOf(blocks, tableId, other);
    const fs = new RecordingFileSystem(withBytes(path, bytes));
    let found = 0;
    for await (const fact of inspectFile(path, { fs })) if (fact.type === 'block') found++;
    expect(found).toBe(2000);
    // The first search with the other id goes up to the end, the rest find their block at once.
    expect(fs.lines.length).toBeLessThan(2000 + 50);
  });
});
