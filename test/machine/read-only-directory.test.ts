import { beforeAll, expect, it } from 'vitest';
import { ensureBuilt } from '../cli/command.js';
import { makePlace, see } from './machine.js';

const place = makePlace();

beforeAll(ensureBuilt);

it('a directory that this user may not write to is an error, and what is in it stays', () => {
  const seen = see('read-only-directory', { place });
  const whileOpen = {
    write: 'ok',
    flush: 'LSM_IO',
    // Until a memtable is full.
    writeOn: 'LSM_IO',
    lost: 0,
    isFailed: false,
    goesOn: 'ok',
    writeAgain: 'ok',
    close: 'ok',
    lostAfterOpening: 0,
  };
  expect(seen).toEqual({
    isRoot: false,
    open: 'LSM_IO',
    lostReadOnly: 0,
    isUnchanged: true,
    openHidden: 'LSM_IO',
    openHiddenReadOnly: 'LSM_IO',
    create: 'LSM_IO',
    isNothingMade: true,
    openFiles: 'LSM_IO',
    async: whileOpen,
    sync: whileOpen,
    close: 'LSM_IO',
    lostAtEnd: 0,
    damages: [],
    backgroundErrors: expect.arrayContaining(['flush LSM_IO', 'log LSM_IO']) as string[],
  });
});
