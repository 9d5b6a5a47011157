import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { beforeAll, expect, it } from 'vitest';
import { ensureBuilt } from '../cli/command.js';
import { expectWork } from './work.js';

/* What operations leave to the garbage collector, by the byte: program.mjs says how. */

interface Left {
  /** Of the JavaScript heap. */
  readonly heapBytes: number;
  /** Outside of it. */
  readonly externalBytes: number;
  readonly promises: number;
  /** While it was measured: there must be none. */
  readonly collections: number;
}

/** At most, for one operation; values of 100 bytes are copied out to the caller. */
interface Limits extends Omit<Left, 'collections'> {
  /** In a million operations, with V8's own sizes. */
  readonly collections: number;
}

const none = 8;
const oneValue = 160;

const limits: Readonly<Record<string, Limits>> = {
  'put, one tick': limit(600, none, 1.2, 75),
  'put, awaited': limit(1600, none, 3.2, 200),
  putSync: limit(400, none, 0.1, 75),
  'batch of 100, per put': limit(60, none, 0.1, 25),
  'get, awaited': limit(800, oneValue, 2.2, 125),
  getSync: limit(350, oneValue, 0.1, 75),
  'getSync, absent': limit(200, none, 0.1, 50),
  'getMany of 100, per key': limit(450, oneValue, 0.2, 75),
  entriesSync: limit(900, oneValue, 0.1, 125),
  'entries, awaited': limit(2800, oneValue, 7, 400),
  'range of 10, a tenth of one': limit(1500, 1.5 * oneValue, 0.1, 250),
};

function limit(
  heapBytes: number,
  externalBytes: number,
  promises: number,
  collections: number,
): Limits {
  return { heapBytes, externalBytes, promises, collections };
}

const program = fileURLToPath(new URL('program.mjs', import.meta.url));
const count = 10_000;

async function run<T>(what: string, ...flags: string[]): Promise<Readonly<Record<string, T>>> {
  const parameters = ['--expose-gc', ...flags, program, what, String(count)];
  const { stdout } = await promisify(execFile)(process.execPath, parameters, { timeout: 100_000 });
  return JSON.parse(stdout) as Record<string, T>;
}

beforeAll(ensureBuilt);

it('an operation leaves few bytes and promises behind', async () => {
  // So that nothing is collected while it is measured.
  const young = ['--min-semi-space-size=256', '--max-semi-space-size=256'];
  const found = await run<Left>('left', ...young);
  expect(Object.keys(found)).toEqual(Object.keys(limits));
  for (const [name, most] of Object.entries(limits)) {
    const { heapBytes, externalBytes, promises, collections } = found[name];
    expect(collections, `${name}: collections while it was measured`).toBe(0);
    expectWork(`${name}: bytes of heap`, heapBytes, { least: 1, most: most.heapBytes });
    // A copy of each value, where there is one.
    const least = most.externalBytes === none ? -none : 90;
    expectWork(`${name}: bytes off the heap`, externalBytes, { least, most: most.externalBytes });
    expectWork(`${name}: promises`, promises, { most: most.promises });
  }
});

it('a million operations make few collections', async () => {
  const found = await run<number>('collect');
  expect(Object.keys(found)).toEqual(Object.keys(limits));
  let all = 0;
  for (const [name, { collections }] of Object.entries(limits)) {
    expectWork(`${name}: collections in a million`, found[name], { most: collections });
    all += found[name];
  }
  expectWork('collections in a million of each', all, { least: 100, most: 1000 });
});
