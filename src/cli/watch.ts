import { setTimeout as sleep } from 'node:timers/promises';
import type { Output } from './output.js';

const clearLine = '\x1b[K';
const home = '\x1b[H';
export const clearScreen = '\x1b[H\x1b[2J';
const clearBelow = '\x1b[J';

/**
 * Calls `step` every `seconds` until SIGINT or SIGTERM, which is the way to end
 * it and no error, or until the reader of the output goes away.
 */
export async function repeat(
  output: Output,
  seconds: number,
  step: () => Promise<void>,
): Promise<void> {
  const stop = new AbortController();
  const onSignal = (): void => stop.abort();
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  try {
    while (!stop.signal.aborted && !output.isClosed) {
      await step();
      await output.drain();
      await sleep(1000 * seconds, undefined, { signal: stop.signal }).catch(() => undefined);
    }
  } finally {
    process.off('SIGINT', onSignal);
    process.off('SIGTERM', onSignal);
  }
}

/** Text that overwrites what the terminal showed before, without flicker. */
export function inPlace(text: string): string {
  return home + text.replaceAll('\n', `${clearLine}\n`) + clearBelow;
}
