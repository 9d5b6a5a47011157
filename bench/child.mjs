// One store, one run: prints a line of JSON for each workload. Started by run.mjs.
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DataSet, findWorkloads, loadStore, runFresh, runWorkload } from '../dist/bench.js';
import { deviceBytes, processBytes, sizeOnDisk } from './disk.mjs';

const task = JSON.parse(process.argv[2]);
const { store: name, names, shape, sizes, directory, operations } = task;
const { driver } = await import(`./drivers/${name}.mjs`);
const data = new DataSet(shape, driver.bytes);
const workloads = findWorkloads(names).map((workload) => ({
  ...workload,
  milliseconds: task.milliseconds[workload.name] ?? workload.milliseconds,
}));
const directories = {
  make: async () => mkdtempSync(join(directory, `${name}-`)),
  remove: async (path) => rmSync(path, { recursive: true, force: true }),
};
// No leftover of the preparation is to be collected while the clock runs.
const running = { operations, whenPrepared: () => globalThis.gc() };
const tell = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);
const { acknowledgement, settings, version } = driver;
tell({ store: name, name: driver.name, version, settings, acknowledgement });

/** After these one waits for the end of work in the background, and looks at the disk. */
const inspected = ['fillseq', 'fillrandom'];

async function measureFresh(workload) {
  if (!inspected.includes(workload.name)) {
    const result = await runFresh(driver, workload, data, { directories, sizes, ...running });
    if (result !== undefined) tell(result);
    return;
  }
  const disk = {};
  const before = { device: undefined, process: undefined };
  const counting = {
    ...directories,
    async make() {
      // The second directory is the one that is measured.
      before.device = deviceBytes(directory);
      before.process = processBytes();
      return directories.make();
    },
  };
  const inspect = async (path) => {
    disk.diskBytes = sizeOnDisk(path);
    const device = deviceBytes(directory);
    if (device !== undefined) disk.deviceBytes = device - before.device;
    disk.processBytes = processBytes() - before.process;
  };
  const result = await runFresh(driver, workload, data, {
    directories: counting,
    sizes,
    inspect,
    ...running,
  });
  if (result !== undefined) tell({ ...result, ...disk });
}

async function measureLoaded(loaded) {
  const path = await directories.make();
  const store = await driver.open({
    directory: path,
    kind: shape.kind,
    durability: 'os',
    ...sizes,
  });
  await loadStore(store, driver, data);
  for (const workload of loaded) {
    const result = await runWorkload(store, workload, data, running);
    if (result !== undefined) tell(result);
  }
  await store.close();
  await directories.remove(path);
}

const fresh = workloads.filter(({ needs }) => needs === 'fresh');
const loaded = workloads.filter(({ needs }) => needs === 'loaded');
for (const workload of fresh) await measureFresh(workload);
if (loaded.length > 0 && !driver.isEmpty) await measureLoaded(loaded);
tell({
  group: fresh.length > 0 ? 'fresh' : 'loaded',
  maxRssBytes: process.resourceUsage().maxRSS * 1024,
});
