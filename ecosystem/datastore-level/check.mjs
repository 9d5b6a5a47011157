// datastore-level, the LevelDB datastore of libp2p and IPFS, passes the suite of its
// interface with our class in the place of `level`.
import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { Level } from 'level';
import Mocha from 'mocha';
import { NoriLevel } from 'nori-lsm/level';

assert.equal(Level, NoriLevel, 'the override is not in place');

const mocha = new Mocha({ timeout: 120_000, reporter: 'dot' });
mocha.addFile(fileURLToPath(new URL('suite.mjs', import.meta.url)));
await mocha.loadFilesAsync();
const runner = await new Promise((resolve) => {
  const running = mocha.run(() => resolve(running));
});
const { passes, failures, pending } = runner.stats;
assert.deepEqual({ failures, pending }, { failures: 0, pending: 0 });
assert(passes >= 60, `only ${passes} tests`);

console.log(
  `datastore-level 13.0.1 (IPFS, libp2p): ${passes} of ${passes} tests of interface-datastore-tests 7.0.1`,
);
