import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { ended, ensureBuilt, makeTemporaryDirectory, nori, run, start } from './command.js';

const directory = makeTemporaryDirectory();

beforeAll(ensureBuilt);

describe('stats --watch', () => {
  it('sees what another process writes, and ends well at SIGINT', async () => {
    const db = join(directory, 'db');
    const writer = start(['load', db, '-', '--ack', '--batch-size', '1', '-q']);
    const write = async (line: string): Promise<void> => {
      writer.stdin.write(line);
      await new Promise((resolve) => writer.stdout.once('data', resolve));
    };
    await write('a\t1\n');
    const watcher = start(['stats', db, '--watch', '0.1']);
    let stdout = '';
    let stderr = '';
    const waiting: { readonly pattern: RegExp; readonly settle: () => void }[] = [];
    watcher.stderr.on('data', (chunk) => (stderr += chunk));
    watcher.stdout.on('data', (chunk) => {
      stdout += chunk;
      for (const { pattern, settle } of waiting) if (pattern.test(stdout)) settle();
    });
    const seen = (pattern: RegExp): Promise<void> =>
      new Promise((settle) => waiting.push({ pattern, settle }));
    await seen(/^\S+Z seq 1; .*\n/m);
    await Promise.all([seen(/^\S+Z seq 2 \(\+\d+\/s\); .*\n/m), write('b\t2\n')]);
    await seen(/seq 2 \(\+0\/s\); 0 tables, .*\n/);
    watcher.kill('SIGINT');
    expect(await ended(watcher)).toBe(0);
    expect(stderr).toBe('');
    writer.stdin.end();
    expect(await ended(writer)).toBe(0);
    // A line each time, nothing for a screen.
    expect(stdout).not.toContain('\x1b');
    expect(stdout).toMatch(/^(\S+Z seq [^\n]+; write amplification [^\n]+\n)+$/);
  });

  it('prints JSON lines, until its reader goes away', async () => {
    const db = join(directory, 'json');
    run(['put', db, 'a', '1', '-q']);
    const watcher = start(['stats', db, '--json', '--watch', '0.1']);
    let stdout = '';
    await new Promise<void>((settle) =>
      watcher.stdout.on('data', (chunk) => {
        stdout += chunk;
        if (stdout.split('\n').length > 2) settle();
      }),
    );
    watcher.stdout.destroy();
    expect(await ended(watcher)).toBe(0);
    for (const line of stdout.split('\n').slice(0, 2)) {
      expect(JSON.parse(line)).toMatchObject({ time: expect.any(String), seq: 1 });
    }
  });

  it('ends with an error when there is no database', () => {
    expect(nori(['stats', join(directory, 'missing'), '--watch'])).toMatchObject({ status: 66 });
  });

  it.each(['0', 'soon', '-1'])('refuses %s seconds', (seconds) => {
    const result = nori(['stats', join(directory, 'db'), `--watch=${seconds}`]);
    expect(result).toMatchObject({ status: 64, stdout: '' });
    expect(result.stderr).toMatch(/number of seconds from 0\.1 up/);
  });
});
