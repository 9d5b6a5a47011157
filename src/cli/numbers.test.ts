import { expect, it } from 'vitest';
import { bar, formatCount, formatPlural, formatRatio, formatSize, parseSize } from './numbers.js';

it.each([
  [0, '0 B'],
  [999, '999 B'],
  [1000, '0.98 KiB'],
  [1024, '1.00 KiB'],
  [10_189, '10.0 KiB'],
  [102_400, '100 KiB'],
  [1024 ** 2, '1.00 MiB'],
  [1023.7 * 1024 ** 2, '1.00 GiB'],
  [3.5 * 1024 ** 5, '3.50 PiB'],
])('%d bytes are %s', (bytes, text) => {
  expect(formatSize(bytes)).toBe(text);
});

it.each([
  ['0', 0],
  ['4096', 4096],
  ['64KiB', 65_536],
  ['64kib', 65_536],
  ['1.5MiB', 1_572_864],
  ['2 GiB', 2_147_483_648],
  ['10B', 10],
])('%s is %d bytes', (text, bytes) => {
  expect(parseSize(text)).toBe(bytes);
});

it.each(['', 'x', '1.', '-1', '1 MB', '1e3', '0.3', '99999999GiB'])('%j is no size', (text) => {
  expect(parseSize(text)).toBeUndefined();
});

it('writes counts and ratios', () => {
  expect(formatCount(1_234_567)).toBe('1,234,567');
  expect(formatPlural(1, 'table')).toBe('1 table');
  expect(formatPlural(0, 'table')).toBe('0 tables');
  expect(formatRatio(undefined)).toBe('–');
  expect(formatRatio(3)).toBe('3.00');
});

it('draws bars in eighths, and something for the smallest share', () => {
  expect(bar(0, 10)).toBe('');
  expect(bar(0.0001, 10)).toBe('▏');
  expect(bar(0.5, 10)).toBe('█████');
  expect(bar(0.55, 10)).toBe('█████▌');
  expect(bar(1, 10)).toBe('██████████');
  expect(bar(7, 4)).toBe('████');
});
