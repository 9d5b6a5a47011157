import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { RandomSettings } from '../support/random-options.js';
import { Ledger } from './ledger.js';
import type { KillPlan } from './plans.js';

const child = fileURLToPath(new URL('./child.js', import.meta.url));
const killer = new URL('./kill-at.js', import.meta.url).href;

/** Nothing takes so long: a process that hangs is a failure. */
const patienceMs = 60_000;

export interface ChildOptions {
  readonly directory: string;
  readonly settings: RandomSettings;
  readonly seed: number;
  /** Values are numbered from here on. */
  readonly firstValue: number;
  readonly batches: number;
}

export interface Outcome {
  readonly ledger: Ledger;
  /** False: it came to its end before. */
  readonly wasKilled: boolean;
}

/** Lets one process work on the database until it is killed as planned. @throws Error when it ends in any other way */
export async function workUntilKilled(
  options: ChildOptions,
  plan: KillPlan,
  ledgerFile: string,
): Promise<Outcome> {
  writeFileSync(ledgerFile, '');
  const process_ = spawn(process.execPath, ['--import', killer, child, JSON.stringify(options)], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...process.env,
      KILL_LEDGER: ledgerFile,
      KILL_PLAN: JSON.stringify({ directory: options.directory, ...plan }),
    },
  });
  const kill = (): void => void process_.kill('SIGKILL');
  const timers: NodeJS.Timeout[] = [];
  let hangs = false;
  timers.push(
    setTimeout(() => {
      hangs = true;
      kill();
    }, patienceMs),
  );
  if (plan.by === 'time') {
    const begin = (): void => void timers.push(setTimeout(kill, plan.afterMs));
    if (plan.since === 'start') begin();
    else process_.stdout.once('data', begin);
  }
  let said = '';
  process_.stderr.on('data', (chunk) => (said += chunk));
  const [code, signal] = await new Promise<[number | null, string | null]>((resolve) => {
    process_.once('close', (...end) => resolve(end));
  });
  for (const timer of timers) clearTimeout(timer);
  if (hangs) throw new Error(`the process did not come to an end in ${patienceMs} ms: ${said}`);
  const wasKilled = signal === 'SIGKILL';
  if (!wasKilled && code !== 0)
    throw new Error(`the process ended with ${code ?? signal}: ${said}`);
  return { ledger: new Ledger(readFileSync(ledgerFile, 'utf8')), wasKilled };
}
