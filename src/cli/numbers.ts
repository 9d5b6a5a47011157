/** Numbers as people read them. */

export function formatCount(count: number): string {
  return Math.round(count).toLocaleString('en-US');
}

/** `1 file`, `2 files`. */
export function formatPlural(count: number, noun: string, plural = `${noun}s`): string {
  return `${formatCount(count)} ${count === 1 ? noun : plural}`;
}

const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

/** `1.5 MiB`; three digits at most. */
export function formatSize(bytes: number): string {
  let unit = 0;
  let size = bytes;
  while (size >= 999.5 && unit < units.length - 1) {
    size /= 1024;
    unit++;
  }
  if (unit === 0) return `${size} B`;
  return `${size.toFixed(size < 9.95 ? 2 : size < 99.5 ? 1 : 0)} ${units[unit]}`;
}

export function formatRatio(ratio: number | undefined): string {
  return ratio === undefined ? '–' : ratio.toFixed(2);
}

/** `0.4 s`, `75 s`, `12 min`. */
export function formatSeconds(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  return seconds < 120 ? `${Math.round(seconds)} s` : `${Math.round(seconds / 60)} min`;
}

/** A bar of at most `width` characters, in eighths of one. */
export function bar(share: number, width: number): string {
  const eighths = Math.round(Math.min(Math.max(share, 0), 1) * width * 8);
  const rest = eighths % 8;
  const text = '█'.repeat(Math.floor(eighths / 8)) + (rest === 0 ? '' : ' ▏▎▍▌▋▊▉'[rest]);
  return share > 0 && text === '' ? '▏' : text;
}

/**
 * `4096`, `64KiB`, `1.5MiB` as a number of bytes; undefined for anything else.
 */
export function parseSize(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*(B|KiB|MiB|GiB)?$/i.exec(text);
  if (match === null) return undefined;
  const unit = units.findIndex((name) => name.toLowerCase() === (match[2] ?? 'B').toLowerCase());
  const size = Number(match[1]) * 1024 ** unit;
  return Number.isSafeInteger(size) ? size : undefined;
}
