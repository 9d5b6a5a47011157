// The official suite of Keyv's adapters: each test makes its own, all on one database.
import keyvTestSuite, { keyvIteratorTests } from '@keyv/test-suite';
import Keyv from 'keyv';
import { open } from 'nori-lsm';
import KeyvNori from 'nori-lsm/keyv';
import * as test from 'vitest';
import { temporaryDirectory } from '../temporary.mjs';

const database = await open(temporaryDirectory());
test.afterAll(() => database.close());
const store = () => new KeyvNori({ database });

keyvTestSuite(test, Keyv, store);
keyvIteratorTests(test, Keyv, store);
