import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { Prng } from '../../src/base/prng.js';
import { ended, ensureBuilt, makeTemporaryDirectory, run, start } from './command.js';

const rounds = 20;
const linesPerRound = 30_000;
const batchSize = 100;
const seed = Number(process.env.NORI_SEED ?? 1);
const directory = makeTemporaryDirectory();

beforeAll(ensureBuilt);

// Small enough that flushes and compactions run, so that some kills hit them.
const settings = ['memtableBytes=256KiB', 'tableBytes=128KiB', 'l0CompactionTrigger=2'];

function value(key: string, prng: Prng): string {
  return `${key} ${prng
    .u32()
    .toString(36)
    .repeat(1 + prng.below(20))}`;
}

/** Loads lines into `db` until a kill after `killAfterMs`; returns how many were acknowledged. */
async function loadAndKill(db: string, lines: string[], killAfterMs: number): Promise<number> {
  const child = start([
    ...['load', db, '-', '--ack', '--batch-size', String(batchSize)],
    ...settings.flatMap((setting) => ['--set', setting]),
  ]);
  let printed = '';
  child.stdout.on('data', (chunk) => (printed += chunk));
  // The pipe breaks when the child dies, which is the point.
  child.stdin.on('error', () => undefined);
  child.stdout.once('data', () => setTimeout(() => child.kill('SIGKILL'), killAfterMs));
  child.stdin.end(lines.join(''));
  await ended(child);
  const whole = printed.slice(0, printed.lastIndexOf('\n') + 1);
  return Number(/(\d+)\n$/.exec(whole)?.[1] ?? 0);
}

it(`kill -9 loses nothing that was acknowledged, ${rounds} times (NORI_SEED=${seed})`, async () => {
  const prng = new Prng(seed);
  const db = join(directory, 'db');
  const expected = new Map<string, string>();
  let killed = 0;
  for (let round = 0; round < rounds; round++) {
    const lines: [string, string][] = Array.from({ length: linesPerRound }, (_, i) => {
      const key = `${round}/${i}`;
      return [key, value(key, prng)];
    });
    const acknowledged = await loadAndKill(
      db,
      lines.map(([key, text]) => `${key}\t${text}\n`),
      prng.below(60),
    );
    if (acknowledged < lines.length) killed++;
    // A kill may leave tables and logs that nobody needs; they are no damage.
    expect(run(['verify', db])).toMatch(/^clean/m);
    for (const [key, text] of lines.slice(0, acknowledged)) expected.set(key, text);
    const stored = run(['scan', db, '--prefix', `${round}/`])
      .split('\n')
      .slice(0, -1);
    const found = new Map(stored.map((line) => line.split('\t') as [string, string]));
    for (const [key, text] of lines.slice(0, acknowledged)) {
      if (found.get(key) !== text)
        throw new Error(`round ${round}: acknowledged ${key} is ${found.get(key)}`);
    }
    // What came back is a prefix of the lines, in whole batches.
    expect(stored.length).toBeGreaterThanOrEqual(acknowledged);
    if (stored.length < lines.length) expect(stored.length % batchSize).toBe(0);
    for (const [key, text] of lines.slice(acknowledged, stored.length)) {
      expect(found.get(key)).toBe(text);
      expected.set(key, text);
    }
  }
  expect(killed).toBeGreaterThan(rounds / 2);
  // All rounds together are still there at the end.
  const all = run(['scan', db]).split('\n').slice(0, -1);
  expect(all.length).toBe(expected.size);
  for (const line of all) {
    const [key, text] = line.split('\t');
    if (expected.get(key) !== text) throw new Error(`${key} is ${text}`);
  }
}, 300_000);
