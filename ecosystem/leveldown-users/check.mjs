import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { temporaryDirectory } from '../temporary.mjs';
import { checkLevelup } from './levelup.mjs';
import { checkPouchDB } from './pouchdb.mjs';

const require = createRequire(import.meta.url);
// PouchDB's adapter must have been given ours too.
const adapter = createRequire(require.resolve('pouchdb-adapter-leveldb'));
assert.equal(adapter('leveldown'), require('leveldown'));
assert.equal(createRequire(adapter.resolve('level'))('leveldown'), require('leveldown'));

const directory = temporaryDirectory();
const proofs = [await checkLevelup(directory), await checkPouchDB(directory)];
console.log(proofs.join('; '));
