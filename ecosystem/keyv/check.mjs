import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setTimeout as delay } from 'node:timers/promises';
import KeyvNori from 'nori-lsm/keyv';
import { temporaryDirectory } from '../temporary.mjs';

const require = createRequire(import.meta.url);
const here = dirname(fileURLToPath(import.meta.url));
const directory = temporaryDirectory();

/** All tests of @keyv/test-suite that know of an adapter: the others are of compression. */
const suiteTests = 42;

function runSuite() {
  const report = join(directory, 'report.json');
  const vitest = join(dirname(require.resolve('vitest/package.json')), 'vitest.mjs');
  const args = ['run', '--root', here, '--reporter=json', `--outputFile=${report}`];
  const { status, stdout, stderr } = spawnSync(process.execPath, [vitest, ...args], {
    encoding: 'utf8',
  });
  assert.equal(status, 0, stdout + stderr);
  const { numPassedTests, numTotalTests } = JSON.parse(readFileSync(report, 'utf8'));
  assert.equal(numPassedTests, numTotalTests);
  assert.ok(numTotalTests >= suiteTests, `only ${numTotalTests} tests`);
  return numPassedTests;
}

/** What the suite leaves out, and all that it cannot ask of Keyv 6, which it does not know. */
async function use(Keyv, path) {
  const store = new KeyvNori(path);
  const users = new Keyv({ store, namespace: 'users', throwOnErrors: true });
  await users.set('ada', { born: 1815 });
  await users.setMany([
    { key: 'alan', value: { born: 1912 } },
    { key: 'short', value: { born: 0 }, ttl: 20 },
  ]);
  assert.deepEqual(await users.get('ada'), { born: 1815 });
  assert.deepEqual(await users.get(['alan', 'nobody']), [{ born: 1912 }, undefined]);
  await delay(50);
  assert.equal(await users.get('short'), undefined);
  assert.equal(await users.has('short'), false);
  assert.deepEqual(await users.hasMany(['ada', 'short']), [true, false]);
  assert.equal(await store.clearExpired(), 1);
  const seen = [];
  for await (const [key, { born }] of users.iterator()) seen.push([key, born]);
  assert.deepEqual(seen, [
    ['ada', 1815],
    ['alan', 1912],
  ]);
  await users.disconnect();

  const again = new Keyv({ store: new KeyvNori(path), namespace: 'users', throwOnErrors: true });
  assert.deepEqual(await again.get('ada'), { born: 1815 });
  again.namespace = 'others';
  await again.set('ada', 'another');
  await again.clear();
  assert.equal(await again.get('ada'), undefined);
  again.namespace = 'users';
  assert.deepEqual(await again.get('ada'), { born: 1815 });
  assert.equal(await again.delete('ada'), true);
  assert.equal(await again.get('ada'), undefined);
  await again.disconnect();
}

const passed = runSuite();
await use((await import('keyv')).default, join(directory, '5'));
await use((await import('keyv-6')).default, join(directory, '6'));
console.log(`keyv: ${passed} tests of @keyv/test-suite; the adapter under Keyv 5 and Keyv 6`);
