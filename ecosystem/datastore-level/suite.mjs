// Run by mocha: the suite that IPFS keeps for datastores, on datastore-level, whose
// `level` is ours by an override.
import { join } from 'node:path';
import { LevelDatastore } from 'datastore-level';
import { interfaceDatastoreTests } from 'interface-datastore-tests';
import { Level } from 'level';
import { temporaryDirectory } from '../temporary.mjs';

const directory = temporaryDirectory();
let stores = 0;
const makers = {
  'given a path': (path) => new LevelDatastore(path),
  'given a database': (path) =>
    new LevelDatastore(new Level(path, { keyEncoding: 'utf8', valueEncoding: 'view' })),
};

for (const [how, make] of Object.entries(makers)) {
  describe(`datastore-level, ${how}`, () => {
    interfaceDatastoreTests({
      async setup() {
        const store = make(join(directory, String(stores++)));
        await store.open();
        return store;
      },
      async teardown(store) {
        await store.close();
      },
    });
  });
}
