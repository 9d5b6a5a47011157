import { beforeAll, expect, test } from 'vitest';
import { loadCodecs } from '../../src/sstable/codecs.js';
import {
  FaultFileSystem,
  MemoryFileSystem,
  type FaultyCall,
  type FileOperation,
} from '../../src/testing.js';
import { reportCounts } from '../support/counts.js';
import { isWholeRun, seedsOf, withSeed } from '../support/seeds.js';
import {
  cellOf,
  planFaults,
  possibleFaults,
  rulesOf,
  siteOf,
  type FaultPlan,
} from './fault-plan.js';
import { FaultWorker } from './fault-worker.js';
import { makeFaultWorkload, type FaultWorkload } from './fault-workload.js';

/*
 * The n-th call of the file system fails, for every n of every workload: once, or
 * from then on for a while. The engine must not hang, end the process or lie;
 * then the process or the power goes too, and what was promised is there.
 *
 * One workload alone: NORI_SEED=3; one call of it: NORI_CALL=120 too.
 */
const testFile = 'test/crash/faults.test.ts';
const onlyCall = process.env['NORI_CALL'];

const counts = {
  workloads: 0,
  calls: 0,
  faults: 0,
  syncs: 0,
  whileOpening: 0,
  whileClosing: 0,
  failStops: 0,
  refusedOpens: 0,
  refusedWrites: 0,
  seenThrough: 0,
  /** Operations on kinds of files, and how many of them with a fault that they can meet. */
  sites: 0,
  cells: 0,
};
const floors = {
  workloads: 12,
  faults: 1_700,
  syncs: 550,
  whileOpening: 550,
  whileClosing: 150,
  failStops: 400,
  seenThrough: 600,
  sites: 38,
  cells: 140,
};
const cells = new Map<string, number>();
const sites = new Map<string, FileOperation>();

/** Does a workload on a disk without faults, and notes its calls. */
async function callsOf(workload: FaultWorkload): Promise<readonly FaultyCall[]> {
  const memory = new MemoryFileSystem({ sync: workload.hasSync });
  const disk = new FaultFileSystem(memory, [{ times: 'forever', ...slowness(workload) }]);
  await new FaultWorker(workload, memory, disk).run();
  return [...disk.faults[0].calls];
}

function slowness({ isSlow }: FaultWorkload): { turns?: number } {
  return isSlow ? { turns: 1 } : {};
}

async function failAt(
  workload: FaultWorkload,
  plan: FaultPlan,
  calls: readonly FaultyCall[],
): Promise<void> {
  const memory = new MemoryFileSystem({ sync: workload.hasSync });
  const disk = new FaultFileSystem(memory, [{ times: 'forever', ...slowness(workload) }]);
  const note = ({ operation, path }: FaultyCall): void => {
    worker.noteMet();
    // As the kernel does: what was not synced counts as clean from now on.
    if (operation === 'sync' && plan.call.index % 2 === 0) memory.loseUnsynced(path);
  };
  const faults = rulesOf(plan, calls).map((rule) => disk.inject({ ...rule, onMet: note }));
  const worker = new FaultWorker(workload, memory, disk, plan, faults);
  await worker.run();
  const [first] = faults[0].calls;
  expect(first, 'a run is a function of its seed').toEqual(plan.call);
  count(plan, worker);
}

function count(plan: FaultPlan, { outcome }: FaultWorker): void {
  counts.faults++;
  if (plan.call.operation.startsWith('sync')) counts.syncs++;
  if (outcome.phase === 'opening') counts.whileOpening++;
  if (outcome.phase === 'closing') counts.whileClosing++;
  counts.failStops += outcome.failStops;
  counts.refusedOpens += outcome.refusedOpens;
  counts.refusedWrites += outcome.refusedWrites;
  if (outcome.isSeenThrough) counts.seenThrough++;
  const cell = cellOf(plan);
  cells.set(cell, (cells.get(cell) ?? 0) + 1);
  sites.set(siteOf(plan.call), plan.call.operation);
}

/** What no call of any workload has met, though there are such calls. */
function cellsNotMet(): string[] {
  const all = [...sites].flatMap(([site, operation]) =>
    possibleFaults(operation).map(({ kind, times }) => `${site}: ${kind} ${times}`),
  );
  return all.filter((cell) => !cells.has(cell));
}

// The one thing that a real thread pool does; the rest takes turns of the event loop.
beforeAll(loadCodecs);

test('a call that fails costs nothing that was promised', { timeout: 3_600_000 }, async () => {
  for (const seed of seedsOf(12)) {
    await withSeed(seed, testFile, async () => {
      const workload = makeFaultWorkload(seed);
      const calls = await callsOf(workload);
      counts.workloads++;
      counts.calls += calls.length;
      for (const plan of planFaults(calls, seed)) {
        const { index } = plan.call;
        if (onlyCall !== undefined && Number(onlyCall) !== index) continue;
        await failAt(workload, plan, calls).catch((error: unknown) => {
          const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
          throw new Error(`NORI_CALL=${index}, ${cellOf(plan)}: ${reason}`, { cause: error });
        });
      }
    });
  }
  counts.cells = cells.size;
  counts.sites = sites.size;
  if (isWholeRun()) expect(cellsNotMet()).toEqual([]);
  reportCounts('T4', 'the n-th call fails', counts, floors);
});
