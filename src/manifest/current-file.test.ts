import { expect, test } from 'vitest';
import { isLsmError } from '../base/errors.js';
import { currentFileBytes, decodeCurrent, encodeCurrent } from './current-file.js';

const current = {
  databaseId: { low: 1, high: 2 },
  manifestNumber: 2 ** 40 + 5,
  manifestFileId: { low: 0xffff_ffff, high: 4 },
};
const encoded = encodeCurrent(current, { low: 5, high: 6 });

test('what goes in comes out', () => {
  expect(encoded).toHaveLength(currentFileBytes);
  expect(decodeCurrent(encoded, 'CURRENT')).toEqual(current);
});

function codeOf(content: Uint8Array): string {
  try {
    decodeCurrent(content, 'CURRENT');
  } catch (error) {
    if (isLsmError(error)) return error.code;
    throw error;
  }
  return 'read';
}

test('every flipped bit, every length but the right one is damage', () => {
  for (let bit = 0; bit < encoded.length * 8; bit++) {
    const flipped = encoded.slice();
    flipped[bit >>> 3] ^= 1 << (bit & 7);
    expect(codeOf(flipped)).toBe('LSM_CORRUPTION');
  }
  for (let length = 0; length < encoded.length; length++) {
    expect(codeOf(encoded.slice(0, length))).toBe('LSM_CORRUPTION');
  }
  expect(codeOf(Uint8Array.from([...encoded, 0]))).toBe('LSM_CORRUPTION');
});
