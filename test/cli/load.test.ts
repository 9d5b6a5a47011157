import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { ended, ensureBuilt, makeTemporaryDirectory, nori, run, start } from './command.js';

const directory = makeTemporaryDirectory();
let count = 0;

beforeAll(ensureBuilt);

/** A path where no database is yet. */
function freshDatabase(): string {
  return join(directory, `db-${++count}`);
}

function writeInput(name: string, content: string | Uint8Array): string {
  const path = join(directory, name);
  writeFileSync(path, content);
  return path;
}

describe('load, TSV', () => {
  it('takes the key up to the first tab and the rest verbatim', () => {
    const db = freshDatabase();
    const input = 'b\tone\ttwo\n\tempty key\na b\t\nc\t"quoted" \\n\r\nlast\tno newline';
    const result = nori(['load', db, writeInput('verbatim.tsv', input)]);
    expect(result).toMatchObject({ status: 0, stdout: '' });
    expect(result.stderr).toMatch(/^created the database .*\nloaded 5 lines \(\d+ B\) in .*\n$/);
    expect(run(['scan', db, '--json'])).toBe(
      [
        '{"key":"","value":"empty key"}',
        '{"key":"a b","value":""}',
        '{"key":"b","value":"one\\ttwo"}',
        '{"key":"c","value":"\\"quoted\\" \\\\n\\r"}',
        '{"key":"last","value":"no newline"}',
        '',
      ].join('\n'),
    );
  });

  it('stores bytes that are no text', () => {
    const db = freshDatabase();
    run(['load', db, '-'], Uint8Array.of(0xff, 0x00, 0x09, 0xfe, 0x0d));
    expect(run(['scan', db, '--key-format', 'hex', '--value-format', 'hex'])).toBe('ff00\tfe0d\n');
  });

  it('takes lines longer than its buffer', () => {
    const db = freshDatabase();
    const long = 'x'.repeat(3_000_000);
    run(['load', db, '-'], `a\t1\nlong\t${long}\nz\t2\n`);
    expect(run(['get', db, 'long'])).toBe(`${long}\n`);
    expect(run(['scan', db, '--keys-only'])).toBe('a\nlong\nz\n');
  });

  it('makes an empty database of an empty file', () => {
    const db = freshDatabase();
    run(['load', db, writeInput('empty.tsv', '')]);
    expect(run(['scan', db])).toBe('');
  });

  it('lets the last of equal keys win, across batches and loads', () => {
    const db = freshDatabase();
    run(['load', db, '-', '--batch-size', '2'], 'k\t1\nk\t2\nk\t3\n');
    expect(run(['get', db, 'k'])).toBe('3\n');
    run(['load', db, '-', '-q'], 'k\t4\n');
    expect(run(['get', db, 'k'])).toBe('4\n');
  });

  it('acknowledges batches, and the rest at the end', () => {
    const db = freshDatabase();
    const lines = Array.from({ length: 7 }, (_, i) => `k${i}\t${i}\n`).join('');
    const result = nori(['load', db, '-', '--ack', '--batch-size', '3', '--quiet'], lines);
    expect(result).toEqual({
      status: 0,
      stdout: 'acknowledged 3\nacknowledged 6\nacknowledged 7\n',
      stderr: '',
    });
  });
});

describe('load, a bad line', () => {
  it('of a file: names it and stores nothing', () => {
    const db = freshDatabase();
    const path = writeInput('bad.tsv', `${'k\tv\n'.repeat(5000)}no tab\nk\tv\n`);
    const result = nori(['load', db, path]);
    expect(result.status).toBe(1);
    expect(result.stderr).toBe(
      `nori: ${path}, line 5001: there is no tab between key and value; fix it and load again: nothing was stored\n`,
    );
    expect(existsSync(db)).toBe(false);
  });

  it('of standard input: says which lines are stored, and has stored them', () => {
    const db = freshDatabase();
    const result = nori(
      ['load', db, '-', '-q', '--batch-size', '2'],
      'a\t1\nb\t2\nc\t3\nbad\nd\t4\n',
    );
    expect(result.status).toBe(1);
    expect(result.stderr).toBe(
      'nori: standard input, line 4: there is no tab between key and value; fix it and load again: lines 1 to 3 are stored\n',
    );
    expect(run(['scan', db, '--keys-only'])).toBe('a\nb\nc\n');
  });

  it('as the first of standard input: makes no database', () => {
    const db = freshDatabase();
    const result = nori(['load', db, '-'], 'bad\n');
    expect(result.status).toBe(1);
    expect(result.stderr).toMatch(/line 1: .*no line is stored\n$/);
    expect(existsSync(db)).toBe(false);
  });

  it('with a key above the limit', () => {
    const db = freshDatabase();
    const result = nori(['load', db, '-'], `${'k'.repeat(65_536)}\tv\n`);
    expect(result.status).toBe(1);
    expect(result.stderr).toMatch(/line 1: the key has 65536 bytes, the limit is 65535;/);
    expect(existsSync(db)).toBe(false);
    run(['load', db, '-'], `${'k'.repeat(65_535)}\tv\n`);
    expect(run(['get', db, 'k'.repeat(65_535)])).toBe('v\n');
  });
});

describe('load, NDJSON', () => {
  it('is chosen by the name of the file or by --format', () => {
    const db = freshDatabase();
    run(['load', db, writeInput('a.ndjson', '{"key":"a","value":"1"}\n')]);
    run(['load', db, writeInput('b.jsonl', '{"value":"2","key":"b"}')]);
    run(['load', db, '-', '--format', 'ndjson'], '{"key":"c","value":"3"}\n');
    expect(run(['scan', db])).toBe('a\t1\nb\t2\nc\t3\n');
  });

  it('stores text as it is, and anything else as JSON text', () => {
    const db = freshDatabase();
    const lines = [
      '{"key":"a","value":"te\\tx\\u0074 ü"}',
      '{"key":"b","value":{"n": [1, null]}}',
      '{"key":"c","value":12.50}',
      '{"keyHex":"00fF","valueBase64":"/wA="}',
    ];
    run(['load', db, '-', '--format', 'ndjson'], lines.join('\n'));
    expect(run(['get', db, 'a'])).toBe('te\txt ü\n');
    expect(run(['get', db, 'b'])).toBe('{"n":[1,null]}\n');
    expect(run(['get', db, 'c'])).toBe('12.5\n');
    expect(run(['get', db, 'hex:00ff', '--value-format', 'hex'])).toBe('ff00\n');
  });

  it.each([
    ['x', 'this is not JSON'],
    ['', 'this is not JSON'],
    ['[1]', 'this is not a JSON object'],
    ['{"value":1}', 'there is no "key"'],
    ['{"key":"a"}', 'there is no "value"'],
    ['{"key":1,"value":1}', '"key" is not text'],
    ['{"key":"a","keyHex":"00","value":1}', 'there are both "key" and "keyHex"'],
    ['{"key":"a","value":1,"ttl":2}', 'there is a member "ttl" beside "key" and "value"'],
    ['{"key":"a","valueHex":"0"}', '"valueHex" is not hex'],
    ['{"key":"a","valueBase64":"abc"}', '"valueBase64" is not base64'],
  ])('refuses %s', (line, message) => {
    const db = freshDatabase();
    const result = nori(['load', db, '-', '--format', 'ndjson'], `${line}\n`);
    expect(result.status).toBe(1);
    expect(result.stderr).toBe(
      `nori: standard input, line 1: ${message}; fix it and load again: no line is stored\n`,
    );
    expect(existsSync(db)).toBe(false);
  });

  it('takes back what scan --json prints, byte for byte', () => {
    const db = freshDatabase();
    const copy = freshDatabase();
    const bytes = Uint8Array.from({ length: 256 }, (_, i) => (i === 9 || i === 10 ? 0 : i));
    run(
      ['load', db, '-'],
      Buffer.concat([bytes, Buffer.from('\t'), bytes, Buffer.from('\nü\t\u2028"\\\n')]),
    );
    const printed = run(['scan', db, '--json']);
    run(['load', copy, '-', '--format', 'ndjson'], printed);
    const hex = ['--key-format', 'hex', '--value-format', 'hex'];
    expect(run(['scan', copy, ...hex])).toBe(run(['scan', db, ...hex]));
    expect(run(['scan', copy, '--json'])).toBe(printed);
  });
});

describe('load, interrupted', () => {
  it.each(['SIGINT', 'SIGTERM'] as const)(
    'by %s: closes and says how far it came',
    async (signal) => {
      const db = freshDatabase();
      const child = start(['load', db, '-', '--ack', '--batch-size', '2', '-q']);
      let stderr = '';
      child.stderr.on('data', (chunk) => (stderr += chunk));
      const acknowledged = new Promise((resolve) => child.stdout.once('data', resolve));
      // The input stays open: the command waits for more, in the middle of a line.
      child.stdin.write('a\t1\nb\t2\nc\t3\nhalf\tof a li');
      await acknowledged;
      child.kill(signal);
      expect(await ended(child)).toBe(130);
      expect(stderr).toBe(
        'nori: interrupted: lines 1 to 3 are stored; load again to store the rest\n',
      );
      expect(run(['scan', db, '--keys-only'])).toBe('a\nb\nc\n');
    },
  );
});
