// Starts one job and then has nothing more to do. Prints `done` if the process
// was kept alive until the job was done, and `left over` at its end.
import { WorkerExecutor } from '../../dist/internal/compaction/worker-executor.js';

const [mode, json] = process.argv.slice(2);
const settings = JSON.parse(json, (_, value) =>
  Array.isArray(value?.bytes) ? Uint8Array.from(value.bytes) : value,
);
process.on('exit', () => console.log('left over'));

const executor = new WorkerExecutor({ name: 'lifetime' });
// A thread that is ready, and idle: it must not keep the process alive later.
executor.run({ ...settings, runs: [] }).finishSync();
const { result } = executor.run(settings);
if (mode === 'ref') executor.ref();
result.then(() => {
  console.log('done');
  executor.unref();
});
