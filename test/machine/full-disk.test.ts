import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { ensureBuilt } from '../cli/command.js';
import { cannotMount, makePlace, see, withSmallDisk } from './machine.js';

/*
 * A disk filled to the last byte, or to its last file: a small tmpfs that only the
 * program sees that fills it. Where the machine lets us mount nothing, the names of
 * these tests say that they have tried nothing.
 */
const place = makePlace();
const disk = join(place, 'disk');
const size = 1024 * 1024;

beforeAll(() => {
  ensureBuilt();
  mkdirSync(disk);
});

function named(name: string): string {
  return cannotMount === undefined ? name : `${name} (${cannotMount})`;
}

function seeOnSmallDisk(
  program: string,
  settings: Readonly<Record<string, unknown>>,
  files?: number,
): Record<string, unknown> | undefined {
  if (cannotMount !== undefined) return undefined;
  return see(program, { disk, ...settings }, withSmallDisk(disk, size, files));
}

describe('a disk that is written full', () => {
  const nothingLost = {
    isLoaded: true,
    lostWhileFull: 0,
    lostAfterOpening: 0,
    lastFlush: 'ok',
    damages: [],
  };

  it.each([
    { isSync: false, durability: 'none' },
    { isSync: false, durability: 'os' },
    { isSync: false, durability: 'disk' },
    { isSync: true, durability: 'none' },
    { isSync: true, durability: 'os' },
    { isSync: true, durability: 'disk' },
  ])(named('loses nothing that was acknowledged: %o'), (settings) => {
    const seen = seeOnSmallDisk('fill-by-writing', settings);
    if (seen === undefined) return;
    expect(seen).toMatchObject({ ...nothingLost, lostWithRoom: 0, close: 'ok' });
    // In the log it is final, in a table it is not.
    const log = { isFailed: true, goesOn: 'LSM_FAILED LSM_NO_SPACE' };
    const table = { isFailed: false, error: 'LSM_NO_SPACE', goesOn: 'ok' };
    expect(seen).toMatchObject(seen.isFailed === true ? log : table);
    if (seen.error !== 'LSM_NO_SPACE') expect(seen.error).toBe('LSM_FAILED LSM_NO_SPACE');
  });

  it(named('can be closed, read and, once there is room, opened'), () => {
    const seen = seeOnSmallDisk('fill-by-writing', { durability: 'os', closesFull: true });
    if (seen === undefined) return;
    const wanted = { close: 'ok', openFull: 'LSM_NO_SPACE', lostReadOnly: 0 };
    expect(seen).toMatchObject({ ...nothingLost, ...wanted });
  });

  it.each([false, true])(
    named('goes on by itself when only names had run out (synchronously: %s)'),
    (isSync) => {
      const seen = seeOnSmallDisk('fill-by-writing', { isSync, durability: 'os' }, 34);
      if (seen === undefined) return;
      const error = { error: 'LSM_NO_SPACE', isFailed: false };
      expect(seen).toMatchObject({ ...nothingLost, ...error, goesOn: 'ok', close: 'ok' });
    },
  );
});

it(named('a disk without a byte left has its error in each place'), () => {
  const seen = seeOnSmallDisk('fill-around', {});
  if (seen === undefined) return;
  expect(seen).toEqual({
    create: 'LSM_NO_SPACE',
    createWithRoom: 'ok',
    open: 'LSM_NO_SPACE',
    openChanges: false,
    lostReadOnly: 0,
    openWithRoom: 'ok',
    flush: 'LSM_NO_SPACE',
    writeBesides: 'ok',
    isFailed: false,
    flushWithRoom: 'ok',
    compact: 'LSM_NO_SPACE',
    lostWhileFull: 0,
    compactWithRoom: 'ok',
    keyspaces: 'LSM_FAILED LSM_NO_SPACE',
    writeAfter: 'LSM_FAILED LSM_NO_SPACE',
    lostAfterFailure: 0,
    close: 'ok',
    openAfter: 'LSM_NO_SPACE',
    lostAfterOpening: 0,
    // Whether the manifest's last page has room for that it was closed.
    closeFull: expect.stringMatching(/^(ok|LSM_FAILED LSM_NO_SPACE)$/) as string,
    lostAtEnd: 0,
    damages: [],
    backgroundErrors: [
      'compaction LSM_NO_SPACE',
      'flush LSM_NO_SPACE',
      'manifest LSM_NO_SPACE fatal',
    ],
  });
});
