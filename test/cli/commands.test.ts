import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { ended, ensureBuilt, makeTemporaryDirectory, nori, run, start } from './command.js';

const directory = makeTemporaryDirectory();
const db = join(directory, 'db');
const words = ['', 'a', 'app', 'apple', 'apply', 'b', 'banana', 'ü', '\u{1f34e}'];

beforeAll(() => {
  ensureBuilt();
  run(['load', db, '-'], words.map((word) => `${word}\tvalue of ${word}\n`).join(''));
});

function keys(...flags: string[]): string[] {
  return run(['scan', db, '--keys-only', ...flags])
    .split('\n')
    .slice(0, -1);
}

describe('scan', () => {
  it('prints key, tab, value, in order', () => {
    expect(run(['scan', db])).toBe(words.map((word) => `${word}\tvalue of ${word}\n`).join(''));
    expect(keys('--reverse')).toEqual([...words].reverse());
  });

  it('keeps to bounds, prefix and limit, both ways', () => {
    expect(keys('--gte', 'app', '--lt', 'b')).toEqual(['app', 'apple', 'apply']);
    expect(keys('--gt', 'app', '--lte', 'b')).toEqual(['apple', 'apply', 'b']);
    expect(keys('--prefix', 'app')).toEqual(['app', 'apple', 'apply']);
    expect(keys('--prefix', 'app', '--reverse', '--limit', '2')).toEqual(['apply', 'apple']);
    expect(keys('--prefix', 'hex:c3')).toEqual(['ü']);
    expect(keys('--gte', 'base64:YmE=', '--limit', '1')).toEqual(['banana']);
    expect(keys('--prefix', '')).toEqual(words);
    expect(keys('--limit', '0')).toEqual([]);
    expect(keys('--gte', 'z', '--lt', 'a')).toEqual([]);
  });

  it('prints bytes as asked', () => {
    expect(run(['scan', db, '--prefix', 'ü', '--key-format', 'hex'])).toBe('c3bc\tvalue of ü\n');
    expect(run(['scan', db, '--gte', 'b', '--limit', '1', '--value-format', 'base64'])).toBe(
      'b\tdmFsdWUgb2YgYg==\n',
    );
    expect(
      run(['scan', db, '--prefix', 'app', '--limit', '1', '--json', '--key-format', 'base64']),
    ).toBe('{"keyBase64":"YXBw","value":"value of app"}\n');
    expect(run(['scan', db, '--limit', '1', '--json', '--keys-only'])).toBe('{"key":""}\n');
  });

  it('ends quietly when its reader goes away', async () => {
    const large = join(directory, 'large');
    run(
      ['load', large, '-'],
      Array.from({ length: 50_000 }, (_, i) => `key ${i}\t${'v'.repeat(100)}\n`).join(''),
    );
    const child = start(['scan', large]);
    let stderr = '';
    child.stderr.on('data', (chunk) => (stderr += chunk));
    child.stdout.once('data', () => child.stdout.destroy());
    expect(await ended(child)).toBe(0);
    expect(stderr).toBe('');
  });
});

describe('get, put, delete', () => {
  const point = join(directory, 'point');

  it('store, print and delete', () => {
    expect(nori(['put', point, 'k', 'hex:not decoded'])).toEqual({
      status: 0,
      stdout: '',
      stderr: `created the database ${point}\n`,
    });
    expect(run(['get', point, 'k'])).toBe('hex:not decoded\n');
    expect(run(['get', point, 'k', '--raw'])).toBe('hex:not decoded');
    expect(run(['get', point, 'k', '--value-format', 'hex', '--raw'])).toMatch(/^686578/);
    expect(nori(['put', point, 'k', '-'], Buffer.from('from\nstdin\n'))).toMatchObject({
      status: 0,
      stderr: '',
    });
    expect(run(['get', point, 'k', '--raw'])).toBe('from\nstdin\n');
    run(['put', point, 'text:hex:00', 'literal']);
    run(['put', point, 'hex:00', 'binary', '--durability', 'disk']);
    expect(run(['scan', point, '--json'])).toBe(
      '{"key":"\\u0000","value":"binary"}\n{"key":"hex:00","value":"literal"}\n{"key":"k","value":"from\\nstdin\\n"}\n',
    );
    run(['delete', point, 'k', 'hex:00', 'never there']);
    expect(run(['scan', point, '--keys-only'])).toBe('hex:00\n');
    run(['del', point, 'text:hex:00']);
    expect(run(['scan', point])).toBe('');
  });

  it('say when a key is not there', () => {
    expect(nori(['get', db, 'nowhere'])).toEqual({
      status: 1,
      stdout: '',
      stderr: `nori: there is no key 'nowhere' in ${db}\n`,
    });
  });

  it('refuse a key above the limit before they make anything', () => {
    const path = join(directory, 'never');
    const result = nori(['put', path, 'k'.repeat(65_536), 'v']);
    expect(result.status).toBe(1);
    expect(result.stderr).toMatch(/^nori: the key has 65536 bytes, the limit is 65535; .*\n$/);
    expect(existsSync(path)).toBe(false);
  });
});

describe('stats, compact, verify', () => {
  it('show the levels as a table, and all figures as JSON', () => {
    const path = join(directory, 'shape');
    run(
      ['load', path, '-'],
      Array.from({ length: 2000 }, (_, i) => `key ${i % 1000}\tv${i}\n`).join(''),
    );
    run(['compact', path]);
    const text = run(['stats', path]);
    expect(text).toMatch(/^level +tables +size/);
    expect(text).toMatch(/^L\d +1 +[\d.]+ KiB +█{24} +1,000 +0 /m);
    expect(text).toMatch(/^write amplification +\d+\.\d\d /m);
    const figures = JSON.parse(run(['stats', path, '--json']));
    const levels = figures.levels as { entries: number; tables: number }[];
    expect(levels.reduce((sum, level) => sum + level.entries, 0)).toBe(1000);
    expect(figures.written.userBytes).toBeGreaterThan(0);
  });

  it('compact drops what is deleted', () => {
    const path = join(directory, 'drop');
    run(['load', path, '-'], 'a\t1\nb\t2\nc\t3\n');
    run(['compact', path, '-q']);
    run(['delete', path, 'a', 'b']);
    const result = nori(['compact', path]);
    expect(result).toMatchObject({ status: 0, stdout: '' });
    expect(result.stderr).toMatch(/^compacted: .* → 1 tables?, .*\n$/);
    const { levels } = JSON.parse(run(['stats', path, '--json'])) as {
      levels: { entries: number; tombstones: number }[];
    };
    expect(levels.reduce((sum, level) => sum + level.entries, 0)).toBe(1);
    expect(levels.reduce((sum, level) => sum + level.tombstones, 0)).toBe(0);
    expect(run(['scan', path])).toBe('c\t3\n');
  });

  it('verify reads everything', () => {
    expect(run(['verify', db])).toMatch(/^clean: \d+ files, .* checked\n$/);
    const report = JSON.parse(run(['verify', db, '--json']));
    expect(report.damages).toEqual([]);
    expect(report.filesChecked).toBeGreaterThan(0);
  });
});
