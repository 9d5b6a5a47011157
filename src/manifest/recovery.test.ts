import { beforeAll, describe, expect, test } from 'vitest';
import { bytes, describeState, statesOf, workload } from '../../test/manifest/fixtures.js';
import {
  applyAll,
  createSet,
  databaseId,
  describeSet,
  directory,
  emptyDisk,
  openSet,
  recoverSet,
  rejection,
  withFile,
} from '../../test/manifest/manifest-stage.js';
import { writeU32 } from '../base/bytes.js';
import { checksumAt, type FileId } from '../base/checksum.js';
import { isLsmError } from '../base/errors.js';
import { decodeFileHeader, readFileId } from '../base/file-header.js';
import { runAsync } from '../base/task.js';
import { MemoryFileSystem } from '../fs/memory-file-system.js';
import { LogWriter } from '../wal/log-writer.js';
import { encodeCurrent } from './current-file.js';
import { encodeEdit } from './edit-codec.js';
import type { VersionSet } from './version-set.js';

const edits = workload(10);
const states = statesOf(edits).map(describeState);
const manifest = 'MANIFEST-000001';

let disk: MemoryFileSystem;
let content: Uint8Array;
/** Ends of the records: of the snapshot, then of each edit. */
let ends: number[];

beforeAll(async () => {
  disk = await emptyDisk();
  const set = await createSet(disk);
  ends = [set.syncedLength];
  for (const edit of edits) {
    await runAsync(set.apply(edit));
    ends.push(set.syncedLength);
  }
  await runAsync(set.close());
  content = disk.readBytes(`${directory}/${manifest}`);
});

/** What becomes of the database with this manifest: a state, or the code of the error. */
async function outcome(fs: MemoryFileSystem): Promise<VersionSet | string> {
  try {
    const recovered = await recoverSet(fs);
    return recovered?.set ?? 'never created';
  } catch (error) {
    if (isLsmError(error)) return error.code;
    throw error;
  }
}

describe('a torn tail', () => {
  test('at every byte: the edits before it count, and it is told', async () => {
    for (let length = 0; length < content.length; length++) {
      const torn = withFile(disk, manifest, content.slice(0, length));
      const whole = ends.findLastIndex((end) => end <= length);
      if (whole < 0) {
        // CURRENT names it: its snapshot was whole once.
        expect(await outcome(torn)).toBe('LSM_CORRUPTION');
        continue;
      }
      const { set, report } = (await recoverSet(torn))!;
      expect(describeSet(set)).toBe(states[whole]);
      const lost = length - ends[whole];
      expect(report.tornTail).toEqual(
        lost === 0 ? undefined : { offset: ends[whole], bytes: lost },
      );
      expect(set.syncedLength).toBe(ends[whole]);
    }
  });

  test('is corruption below what a log claims, at every byte', async () => {
    for (let length = ends[0]; length < content.length; length += 3) {
      const { set } = (await recoverSet(withFile(disk, manifest, content.slice(0, length))))!;
      const whole = ends.findLastIndex((end) => end <= length);
      set.checkClaim(1, ends[whole]);
      set.checkClaim(0, 1_000_000);
      expect(() => set.checkClaim(1, ends[whole] + 1, '000007.log')).toThrow(
        `000007.log knows ${ends[whole] + 1} durable bytes`,
      );
      expect(() => set.checkClaim(2, 0)).toThrow('leads to an older manifest');
    }
  });

  test('of zeros, or of anything else, is a torn tail too', async () => {
    for (const tail of [new Uint8Array(40), new Uint8Array(40).fill(7), new Uint8Array(70_000)]) {
      const longer = new Uint8Array(content.length + tail.length);
      longer.set(content);
      longer.set(tail, content.length);
      const { set, report } = (await recoverSet(withFile(disk, manifest, longer)))!;
      expect(describeSet(set)).toBe(states[10]);
      expect(report.tornTail).toEqual({ offset: content.length, bytes: tail.length });
    }
  });

  test('is cut for good before anything is added', async () => {
    const torn = withFile(disk, manifest, content.slice(0, content.length - 5));
    const set = await openSet(torn);
    await applyAll(set, edits.slice(9));
    const { set: again, report } = (await recoverSet(torn))!;
    expect(describeSet(again)).toBe(states[10]);
    expect(report.tornTail).toBeUndefined();
    expect(report.manifestNumber).toBe(set.manifestNumber);
    expect(set.previousManifest).toBe(1);
  });
});

describe('a flipped bit', () => {
  test('at every byte: what was claimed is there, or it is corruption', async () => {
    const claimed = ends[9];
    const outcomes = new Map<string, number>();
    for (let at = 0; at < content.length; at++) {
      const flipped = content.slice();
      flipped[at] ^= 1 << (at % 8);
      const result = await outcome(withFile(disk, manifest, flipped));
      let name = 'LSM_CORRUPTION';
      if (typeof result === 'string') expect(result).toBe(name);
      else {
        // Only the last edit, which nothing states, may look like a crash.
        expect(at).toBeGreaterThanOrEqual(claimed);
        expect(describeSet(result)).toBe(states[9]);
        result.checkClaim(1, claimed);
        expect(() => result.checkClaim(1, ends[10])).toThrow('durable bytes');
        name = 'last edit lost';
      }
      outcomes.set(name, (outcomes.get(name) ?? 0) + 1);
    }
    expect(outcomes.get('LSM_CORRUPTION')).toBe(claimed);
    expect(outcomes.get('last edit lost')).toBe(content.length - claimed);
  });

  test('in CURRENT, at every bit: the only complete manifest counts', async () => {
    const current = disk.readBytes(`${directory}/CURRENT`);
    for (let bit = 0; bit < current.length * 8; bit++) {
      const flipped = current.slice();
      flipped[bit >>> 3] ^= 1 << (bit & 7);
      const { set, report } = (await recoverSet(withFile(disk, 'CURRENT', flipped)))!;
      expect(describeSet(set)).toBe(states[10]);
      expect(isLsmError(report.currentProblem, 'LSM_CORRUPTION')).toBe(true);
    }
  });
});

describe('CURRENT', () => {
  test('is missing: the highest manifest whose snapshot is complete counts, and CURRENT comes back', async () => {
    const rolled = disk.clone();
    await openSet(rolled);
    rolled.writeBytes(`${directory}/MANIFEST-005000`, content.slice(0, ends[0] - 1));
    const lost = withFile(rolled, 'CURRENT', undefined);
    const { set, report } = (await recoverSet(lost))!;
    expect(report.currentProblem).toBe('missing');
    expect(report.manifestNumber).toBe(1002);
    await runAsync(set.openForWriting());
    expect((await lost.list(directory)).sort()).toEqual([
      'CURRENT',
      manifest,
      'MANIFEST-001002',
      'MANIFEST-005001',
    ]);
    expect((await recoverSet(lost))!.report.currentProblem).toBeUndefined();
    expect(describeSet((await recoverSet(lost))!.set)).toBe(states[10]);
  });

  test('is missing and a log knows of a newer manifest: corruption', async () => {
    const rolled = disk.clone();
    await openSet(rolled);
    const files = withFile(withFile(rolled, 'CURRENT', undefined), 'MANIFEST-001002', undefined);
    const { set } = (await recoverSet(files))!;
    expect(() => set.checkClaim(1002, 100)).toThrow('leads to an older manifest');
  });

  test('names a manifest: no other one counts, whatever is there', async () => {
    const more = withFile(disk, 'MANIFEST-000009', content);
    expect((await recoverSet(more))!.report.manifestNumber).toBe(1);
    const gone = withFile(more, manifest, undefined);
    const error = await rejection(recoverSet(gone));
    expect(error.code).toBe('LSM_CORRUPTION');
    expect(error.message).toContain('CURRENT names MANIFEST-000001, which is missing');
    expect(error.message).toContain(
      'Nothing was changed; restore the directory from a copy, or run nori repair',
    );
  });

  test.each([
    ['of another database', { databaseId: { low: 9, high: 9 } }, 'it is of another database'],
    ['with another file id', { manifestFileId: { low: 9, high: 9 } }, 'another manifest of this'],
  ])('names a manifest %s', async (_name, change, message) => {
    const named = { databaseId, manifestNumber: 1, manifestFileId: fileIdOf() };
    const current = { ...named, ...change };
    const changed = withFile(disk, 'CURRENT', encodeCurrent(current, { low: 1, high: 1 }));
    const error = await rejection(recoverSet(changed));
    expect(error.code).toBe('LSM_CORRUPTION');
    expect(error.message).toContain(message);
  });

  test('is of a newer version: refused, not worked around', async () => {
    const current = disk.readBytes(`${directory}/CURRENT`);
    const newer = newerVersion(current);
    const error = await rejection(recoverSet(withFile(disk, 'CURRENT', newer)));
    expect(error.code).toBe('LSM_UNSUPPORTED_FORMAT');
    expect(error.message).toContain('format version 2');
  });

  test('changes while a reader without a lock looks', async () => {
    const gone = withFile(disk, manifest, undefined);
    const rolled = disk.clone();
    await openSet(rolled);
    const newCurrent = rolled.readBytes(`${directory}/CURRENT`);
    const newManifest = rolled.readBytes(`${directory}/MANIFEST-001002`);
    const open = gone.open.bind(gone);
    gone.open = async (path, options) => {
      if (path.endsWith(manifest)) {
        gone.writeBytes(`${directory}/MANIFEST-001002`, newManifest);
        gone.writeBytes(`${directory}/CURRENT`, newCurrent);
      }
      return open(path, options);
    };
    expect((await recoverSet(gone))!.report.manifestNumber).toBe(1002);
  });
});

function fileIdOf(): FileId {
  return decodeFileHeader(content, 'manifest', manifest).fileId;
}

/** The same header, of format version 2, with a checksum that fits. */
function newerVersion(header: Uint8Array): Uint8Array {
  const changed = header.slice();
  changed[8] = 2;
  const end = changed.length - 4;
  writeU32(changed, end, checksumAt(changed.subarray(0, end), readFileId(changed, 28), 0));
  return changed;
}

describe('a directory without a database', () => {
  test.each<[string, readonly string[]]>([
    ['nothing', []],
    ['lock files and lost tables', ['LOCK', 'LOCK.owner', 'lost/000001.sst']],
    ['a draft of CURRENT', ['CURRENT.tmp']],
    ['a manifest whose snapshot is not complete', ['MANIFEST-000001']],
  ])('%s: never created', async (_name, names) => {
    const fs = await emptyDisk();
    for (const name of names) fs.writeBytes(`${directory}/${name}`, content.slice(0, ends[0] - 1));
    expect(await outcome(fs)).toBe('never created');
    const set = await createSet(fs);
    expect(describeSet(set)).toBe(states[0]);
    expect(describeSet((await recoverSet(fs))!.set)).toBe(states[0]);
  });

  test('no directory at all: never created', async () => {
    expect(await outcome(new MemoryFileSystem())).toBe('never created');
  });

  test.each([['000007.sst'], ['000007.log']])(
    '%s: corruption, never an empty start',
    async (name) => {
      for (const more of [undefined, 'CURRENT', manifest]) {
        const fs = await emptyDisk();
        fs.writeBytes(`${directory}/${name}`, bytes('data'));
        if (more !== undefined) fs.writeBytes(`${directory}/${more}`, bytes('garbage'));
        const error = await rejection(recoverSet(fs));
        expect(error.code).toBe('LSM_CORRUPTION');
        expect(error.message).toContain(name);
      }
    },
  );

  test('files of others: not a database', async () => {
    const fs = await emptyDisk();
    fs.writeBytes(`${directory}/zebra.txt`, bytes('x'));
    fs.writeBytes(`${directory}/holiday.jpg`, bytes('x'));
    const error = await rejection(recoverSet(fs));
    expect(error.code).toBe('LSM_NOT_A_DATABASE');
    expect(error.message).toContain('holiday.jpg');
    expect(error.file).toBe('/db/holiday.jpg');
  });

  test('files of others beside a database do not matter', async () => {
    expect(await outcome(withFile(disk, 'notes.txt', bytes('x')))).not.toBeTypeOf('string');
  });
});

describe('damage in the middle', () => {
  test('an edit that does not fit is corruption with its offset', async () => {
    const fs = disk.clone();
    const path = `${directory}/MANIFEST-009000`;
    const fileId = { low: 3, high: 4 };
    const writer = await runAsync(
      LogWriter.create({ fs, path, kind: 'manifest', fileId, databaseId }),
    );
    writer.append(
      encodeEdit({ addedKeyspaces: [{ id: 0, name: 'default' }], isSnapshotEnd: true }),
    );
    const offset = writer.end;
    writer.append(encodeEdit({ droppedKeyspaces: [5] }));
    await writer.flush().wait();
    const current = { databaseId, manifestNumber: 9000, manifestFileId: fileId };
    fs.writeBytes(`${directory}/CURRENT`, encodeCurrent(current, { low: 1, high: 1 }));
    const error = await rejection(recoverSet(fs));
    expect(error.code).toBe('LSM_CORRUPTION');
    expect(error.message).toContain('no keyspace 5 to drop');
    expect(error.offset).toBe(offset);
    expect(error.file).toBe(path);
  });
});
