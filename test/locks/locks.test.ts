import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { importBuiltExecutors } from '../compaction/dist.js';
import { reportCounts } from '../support/counts.js';
import { Peer, type Action, type Place } from './peer.js';

/*
 * Who may have a database when somebody else has it, or had it: a table. Owner and
 * contender are threads of two processes with the built package.
 */

let folder: string;
let directories = 0;
let cases = 0;
const peers: Peer[] = [];

beforeAll(async () => {
  await importBuiltExecutors();
  folder = mkdtempSync(join(tmpdir(), 'nori-locks-'));
});
afterAll(async () => {
  for (const peer of peers) await peer.kill();
  rmSync(folder, { recursive: true });
});

function newDirectory(): string {
  return join(folder, String(++directories));
}

function start(hasFlock: boolean, command?: readonly string[]): Peer {
  const peer = new Peer(hasFlock, command);
  peers.push(peer);
  return peer;
}

/** Where owner and contender are: threads of one process, or main threads of two. */
type Relation = 'the same thread' | 'another thread' | 'another process';

/** [owner, what becomes of it, contender, attempt] → what the contender hears. */
function* table(hasFlock: boolean): Generator<{
  readonly place: Place;
  readonly fate: 'lives' | 'closes' | 'is terminated';
  readonly relation: Relation;
  readonly attempt: Action;
  readonly expected: string;
}> {
  const places: Place[] = ['main', 'worker'];
  const relations: Relation[] = ['the same thread', 'another thread', 'another process'];
  for (const place of places) {
    for (const relation of relations) {
      for (const attempt of ['open', 'destroy', 'repair', 'read-only'] as const) {
        const isFree = attempt === 'read-only';
        yield { place, fate: 'lives', relation, attempt, expected: isFree ? 'done' : 'LSM_LOCKED' };
        yield { place, fate: 'closes', relation, attempt, expected: 'done' };
      }
      // Without a kernel lock nothing tells that a thread is gone whose process lives.
      const expected = hasFlock ? 'done' : 'LSM_LOCKED';
      if (place === 'worker' && relation !== 'the same thread') {
        yield { place, fate: 'is terminated', relation, attempt: 'open', expected };
      }
    }
  }
}

const variants: [string, boolean][] = [['without flock', false]];
if (existsSync('/usr/bin/flock') || existsSync('/bin/flock')) variants.push(['with flock', true]);

describe.each(variants)('a lock %s', (_, hasFlock) => {
  let here: Peer;
  let there: Peer;
  beforeAll(() => {
    here = start(hasFlock);
    there = start(hasFlock);
  });

  it('keeps out whom it should, while it should', async () => {
    const wrong: unknown[] = [];
    for (const row of table(hasFlock)) {
      const { place, fate, relation, attempt, expected } = row;
      const path = newDirectory();
      expect(await here.tell('open', path, place)).toBe('done');
      if (fate === 'closes') await here.tell('close', path, place);
      if (fate === 'is terminated') await here.tell('terminate');
      const contender = relation === 'another process' ? there : here;
      const other = place === 'main' ? 'worker' : 'main';
      const contenderPlace = relation === 'another thread' ? other : place;
      const heard = await contender.tell(attempt, path, contenderPlace);
      if (heard !== expected) wrong.push({ ...row, heard });
      if (fate === 'lives') {
        // Whatever was tried, the owner is none the worse.
        await here.tell('close', path, place);
        if ((await there.tell('open', path)) !== 'done') wrong.push({ ...row, then: 'not free' });
        await there.tell('close', path);
      } else if (heard === 'done' && attempt === 'open') {
        await contender.tell('close', path, contenderPlace);
      }
      cases++;
    }
    expect(wrong).toEqual([]);
  });

  it.each([
    ['main', false],
    ['worker', false],
    // What the owner has started lives on, with the descriptors that it was given.
    ['main', true],
  ] as const)(
    'ends with a killed owner (%s thread, leaving a child: %s)',
    async (place, leavesChild) => {
      const path = newDirectory();
      const owner = start(hasFlock);
      expect(await owner.tell('open', path, place)).toBe('done');
      const child = leavesChild ? ((await owner.ask('child')).value as number) : undefined;
      expect(await there.tell('open', path)).toBe('LSM_LOCKED');
      await owner.kill();
      try {
        expect(await there.tell('open', path)).toBe('done');
      } finally {
        if (child !== undefined) process.kill(child);
      }
      await there.tell('close', path);
      cases++;
    },
  );

  it('is waited for as long as asked', async () => {
    const path = newDirectory();
    expect(await here.tell('open', path)).toBe('done');
    expect(await there.tell('open', path, 'main', { lockTimeoutMs: 30 })).toBe('LSM_LOCKED');
    const waiting = there.tell('open', path, 'main', { lockTimeoutMs: 60_000 });
    // An answer to this says that the request before it is under way.
    await there.tell('read-only', path);
    await here.tell('close', path);
    expect(await waiting).toBe('done');
    await there.tell('close', path);
    cases += 2;
  });

  it('is given back by an open that fails', async () => {
    const path = newDirectory();
    const failing: [string, object, string][] = [
      ['errorIfExists', { errorIfExists: true }, 'LSM_EXISTS'],
      ['damage', {}, 'LSM_CORRUPTION'],
    ];
    await here.tell('open', path);
    await here.tell('close', path);
    const manifests = readdirSync(path).filter((name) => name.startsWith('MANIFEST'));
    for (const [what, options, code] of failing) {
      if (what === 'damage') for (const name of manifests) truncateSync(join(path, name), 5);
      for (const peer of [here, there]) {
        for (const place of ['main', 'worker'] as const) {
          expect(await peer.tell('open', path, place, options), what).toBe(code);
          expect(existsSync(join(path, 'LOCK.owner')), what).toBe(false);
          cases++;
        }
      }
    }
    const missing = newDirectory();
    expect(await here.tell('open', missing, 'main', { createIfMissing: false })).toBe(
      'LSM_NOT_FOUND',
    );
    expect(await there.tell('open', missing)).toBe('done');
    await there.tell('close', missing);
    cases++;
  });

  const planted: [string, (owner: Record<string, unknown>) => string, string][] = [
    ['that nobody can read', () => 'garbage', 'LSM_LOCKED'],
    ['on another host', (owner) => JSON.stringify({ ...owner, host: 'elsewhere' }), 'LSM_LOCKED'],
    [
      'in another pid namespace',
      (owner) => JSON.stringify({ ...owner, pidNamespace: 'pid:[1]' }),
      'LSM_LOCKED',
    ],
    [
      'whose pid is another process by now',
      (owner) => JSON.stringify({ ...owner, processStart: '1' }),
      'done',
    ],
    ['of before the last boot', (owner) => JSON.stringify({ ...owner, bootId: 'older' }), 'done'],
  ];
  it.each(planted)('and an owner %s', async (_name, change, expected) => {
    const path = newDirectory();
    // A process that lives, but has this database no more.
    await here.tell('open', path);
    const ownerPath = join(path, 'LOCK.owner');
    const owner = JSON.parse(readFileSync(ownerPath, 'utf8')) as Record<string, unknown>;
    await here.tell('close', path);
    delete owner.kernelLock;
    writeFileSync(ownerPath, change(owner));
    expect(await there.tell('read-only', path)).toBe('done');
    expect(await there.tell('open', path)).toBe(expected);
    if (expected !== 'done') {
      expect(await there.tell('destroy', path)).toBe('LSM_LOCKED');
      expect(await there.tell('open', path, 'main', { overrideForeignOwner: true })).toBe('done');
      cases += 2;
    }
    await there.tell('close', path);
    cases += 2;
  });

  it.runIf(canUnshare())('holds across pid namespaces, and goes on only when told', async () => {
    const path = newDirectory();
    const owner = start(hasFlock, ['unshare', '--pid', '--fork', '--kill-child', '--mount-proc']);
    expect(await owner.tell('open', path)).toBe('done');
    expect(await there.tell('open', path)).toBe('LSM_LOCKED');
    // Where the kernel holds the lock, no override breaks it.
    const override = { overrideForeignOwner: true };
    if (hasFlock) expect(await there.tell('open', path, 'main', override)).toBe('LSM_LOCKED');
    await owner.kill();
    // Nobody can see from here that it is dead.
    expect(await there.tell('open', path, 'main', { lockTimeoutMs: 200 })).toBe('LSM_LOCKED');
    expect(await there.tell('open', path, 'main', { ...override, lockTimeoutMs: 60_000 })).toBe(
      'done',
    );
    await there.tell('close', path);
    cases += 4;
  });
});

function canUnshare(): boolean {
  return spawnSync('unshare', ['--pid', '--fork', '--mount-proc', 'true']).status === 0;
}

it('has tried the whole table', () => {
  reportCounts('T10', 'locks', { cases }, { cases: variants.length * 75 });
});
