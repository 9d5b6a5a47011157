import { expect, it } from 'vitest';
import { Gate } from './gate.js';

/** What happened, in order; ends when told. */
function makeJobs() {
  const log: string[] = [];
  const ends = new Map<string, (error?: Error) => void>();
  const job = (name: string) => () => {
    log.push(`${name} begins`);
    return new Promise<void>((resolve, reject) => {
      ends.set(name, (error) => {
        log.push(`${name} ends`);
        if (error === undefined) resolve();
        else reject(error);
      });
    });
  };
  const end = async (name: string, error?: Error) => {
    ends.get(name)!(error);
    await new Promise(setImmediate);
  };
  return { log, job, end };
}

it('lets writes run together and a sweep alone, in the order of their calls', async () => {
  const gate = new Gate();
  const { log, job, end } = makeJobs();
  const all = [
    gate.write(job('write 1')),
    gate.write(job('write 2')),
    gate.exclusively(job('sweep 1')),
    gate.write(job('write 3')),
    gate.exclusively(job('sweep 2')),
  ];
  await end('write 2');
  await end('write 1');
  await end('sweep 1');
  await end('write 3');
  await end('sweep 2');
  await Promise.all(all);
  expect(log).toEqual([
    'write 1 begins',
    'write 2 begins',
    'write 2 ends',
    'write 1 ends',
    'sweep 1 begins',
    'sweep 1 ends',
    'write 3 begins',
    'write 3 ends',
    'sweep 2 begins',
    'sweep 2 ends',
  ]);
});

it('opens again after a failure', async () => {
  const gate = new Gate();
  const { job, end } = makeJobs();
  const results = Promise.allSettled([
    gate.write(job('write')),
    gate.exclusively(job('sweep')),
    gate.write(() => Promise.resolve('written')),
  ]);
  await end('write', new Error('no space'));
  await end('sweep', new Error('no file'));
  expect((await results).map(({ status }) => status)).toEqual([
    'rejected',
    'rejected',
    'fulfilled',
  ]);
});
