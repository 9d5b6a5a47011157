import { expect, test } from 'vitest';
import { classifyFiles, isForeign } from './classify-files.js';

const live = {
  manifestNumber: 9,
  previousManifest: 5,
  logNumber: 12,
  hasTable: (number: number) => number === 10,
};

test('what is needed is left out, what is not ours is named', () => {
  const names = [
    'CURRENT',
    'CURRENT.tmp',
    'LOCK',
    'LOCK.owner',
    'lost',
    'MANIFEST-000003',
    'MANIFEST-000005',
    'MANIFEST-000009',
    'MANIFEST-000014',
    '000011.log',
    '000012.log',
    '000013.log',
    '000010.sst',
    '000020.sst',
    '000008.sst',
    '000021.sst.tmp',
    '21.sst',
    'report.tmp',
    'notes.txt',
    '__proto__',
  ];
  expect(classifyFiles(names, live)).toEqual({
    orphanTables: [8, 20],
    oldManifests: [3, 14],
    oldLogs: [11],
    temporary: ['000021.sst.tmp', 'CURRENT.tmp'],
    foreign: ['21.sst', '__proto__', 'notes.txt', 'report.tmp'],
  });
});

test('log number 0: every log is needed', () => {
  expect(classifyFiles(['000001.log'], { ...live, logNumber: 0 }).oldLogs).toEqual([]);
});

test('without a previous manifest only the current one is kept', () => {
  const { oldManifests } = classifyFiles(['MANIFEST-000001', 'MANIFEST-000009'], {
    ...live,
    previousManifest: undefined,
  });
  expect(oldManifests).toEqual([1]);
});

test('who was killed while it took the lock has left nothing foreign', () => {
  const nonce = '70ca23baad4b09dd62e848a5c50a3033';
  const ours = ['LOCK', 'LOCK.owner', `LOCK.owner.${nonce}`, `LOCK.owner.${nonce}.tmp`];
  expect(ours.filter(isForeign)).toEqual([]);
  const foreign = ['LOCK.owner.bak', `LOCK.${nonce}`, `LOCK.owner.${nonce}.tmp.gz`, 'LOCKS'];
  expect(foreign.filter(isForeign)).toEqual(foreign);
});
