import { SingleBar } from 'cli-progress';
import { formatCount, formatSize } from './numbers.js';
import { isTerminal } from './terminal.js';

const barWidth = 30;
/** Redraws per second. */
const framesPerSecond = 10;

/** What the user sees while lines or entries are stored: on a terminal only, on stderr. */
export interface LoadProgress {
  /** The numbers so far; cheap enough for every batch. */
  update(bytes: number, count: number): void;
  /** Clears the bar. */
  stop(): void;
}

const silent: LoadProgress = { update: () => undefined, stop: () => undefined };

function formatRemaining(seconds: number): string {
  if (!Number.isFinite(seconds)) return 'ETA –';
  const whole = Math.round(seconds);
  const tail = String(whole % 60).padStart(2, '0');
  return `ETA ${Math.floor(whole / 60)}:${tail}`;
}

export interface ProgressOptions {
  /** What is counted. Default `lines`. */
  readonly noun?: string;
  /** Done before, by a run that was interrupted: part of the share, not of the rate. */
  readonly startBytes?: number;
  readonly startCount?: number;
}

/** `totalBytes` is undefined for a pipe, which has neither share nor ETA. */
export function startLoadProgress(
  what: string,
  totalBytes: number | undefined,
  isQuiet: boolean,
  { noun = 'lines', startBytes = 0, startCount = 0 }: ProgressOptions = {},
): LoadProgress {
  if (isQuiet || !isTerminal(process.stderr)) return silent;
  const startedAt = performance.now();
  const single = new SingleBar({
    stream: process.stderr,
    clearOnComplete: true,
    hideCursor: true,
    fps: framesPerSecond,
    // The rate and ETA of the whole load so far: steadier than the library's.
    format: (_options, { progress, value }, { count }: { count: number }) => {
      const seconds = (performance.now() - startedAt) / 1000;
      const rate = `${formatCount((count - startCount) / Math.max(seconds, 0.001))} ${noun}/s`;
      if (totalBytes === undefined) {
        return `${what} ${formatSize(value)} | ${formatCount(count)} ${noun} | ${rate}`;
      }
      const filled = Math.round(Math.min(progress, 1) * barWidth);
      const drawn = '█'.repeat(filled) + '░'.repeat(barWidth - filled);
      const done = Math.max(progress - startBytes / Math.max(totalBytes, 1), 1e-9);
      const remaining = (seconds / done) * (1 - progress);
      const percent = `${Math.floor(progress * 100)} %`.padStart(5);
      return `${what} ${drawn} ${percent} | ${formatCount(count)} ${noun} | ${rate} | ${formatRemaining(remaining)}`;
    },
  });
  single.start(totalBytes ?? 0, startBytes, { count: startCount });
  return {
    update: (bytes, count) => single.update(bytes, { count }),
    stop: () => single.stop(),
  };
}
