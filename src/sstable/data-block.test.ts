import { expect, test } from 'vitest';
import { writeU32 } from '../base/bytes.js';
import { maxKeyBytes } from '../base/internal-key.js';
import { DataBlock } from './data-block.js';
import { dataBlockHeaderBytes } from './data-block-writer.js';

/** A block with one entry, whose key has `length` bytes, half of them in the common prefix. */
function blockWithKeyOf(length: number): Uint8Array {
  const prefix = Math.floor(length / 8) * 4;
  const columns = 4 * (1 + 3);
  const tails = dataBlockHeaderBytes + prefix + columns;
  const bytes = new Uint8Array(tails + length - prefix);
  writeU32(bytes, 0, 1);
  writeU32(bytes, 16, prefix);
  writeU32(bytes, tails - 12, tails);
  writeU32(bytes, tails - 8, bytes.length);
  writeU32(bytes, tails - 4, bytes.length);
  return bytes;
}

test('a block with a key longer than any that can be written is damaged', () => {
  expect(new DataBlock(blockWithKeyOf(maxKeyBytes), 'f', 0).count).toBe(1);
  expect(() => new DataBlock(blockWithKeyOf(maxKeyBytes + 1), 'f', 0)).toThrow(
    expect.objectContaining({ code: 'LSM_CORRUPTION' }),
  );
});
