// One store, one run: prints one JSON line per workload. Started by run.mjs.
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DataSet, findWorkloads, loadStore, runFresh, runWorkload } from '../dist/bench.js';

const { store: name, names, shape, sizes, directory, operations } = JSON.parse(process.argv[2]);
const { driver } = await import(`./drivers/${name}.mjs`);
const data = new DataSet(shape, driver.bytes);
const workloads = findWorkloads(names);
const directories = {
  make: async () => mkdtempSync(join(directory, `${name}-`)),
  remove: async (path) => rmSync(path, { recursive: true, force: true }),
};
const tell = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);

const { version, settings, acknowledgement } = driver;
tell({ store: driver.name, version, settings, acknowledgement });
for (const workload of workloads.filter(({ needs }) => needs === 'fresh')) {
  const result = await runFresh(driver, workload, data, directories, sizes, undefined, operations);
  if (result !== undefined) tell(result);
}
const loaded = workloads.filter(({ needs }) => needs === 'loaded');
if (loaded.length > 0) {
  const path = await directories.make();
  const store = await driver.open({
    directory: path,
    kind: shape.kind,
    durability: 'os',
    ...sizes,
  });
  await loadStore(store, driver, data);
  for (const workload of loaded) {
    const result = await runWorkload(store, workload, data, operations);
    if (result !== undefined) tell(result);
  }
  tell({ maxRssBytes: process.resourceUsage().maxRSS * 1024 });
  await store.close();
  await directories.remove(path);
}
