import { InvalidArgumentError, Option, type Command } from 'commander';
import { bytesFormats } from './bytes-format.js';
import { addSetting } from './database.js';

/* Flags that several commands have. */

export function parseCount(least: number): (text: string) => number {
  return (text) => {
    const count = Number(text);
    if (!/^\d+$/.test(text) || !Number.isSafeInteger(count) || count < least) {
      throw new InvalidArgumentError(`It must be a whole number from ${least} up.`);
    }
    return count;
  };
}

export function parseSeconds(text: string): number {
  const seconds = Number(text);
  if (!/^\d*\.?\d+$/.test(text) || seconds < 0.1) {
    throw new InvalidArgumentError(
      'It must be a number of seconds from 0.1 up; the directory goes before it.',
    );
  }
  return seconds;
}

/** Shown below the help of a command. */
export function examples(...lines: readonly string[]): string {
  return `\nExamples:\n${lines.map((line) => `  ${line}`).join('\n')}`;
}

export function formatOption(flag: string, what: string): Option {
  return new Option(`${flag} <format>`, `how ${what} are printed`)
    .choices(bytesFormats)
    .default('text');
}

export const durabilityOption = (): Option =>
  new Option(
    '--durability <level>',
    'when a write counts as done: handed to the system (os) or synced (disk)',
  )
    .choices(['none', 'os', 'disk'])
    .default('os');

export const setOption = (): Option =>
  new Option(
    '--set <name=value>',
    'a setting of the database for this run, such as memtableBytes=8MiB (repeatable)',
  ).argParser(addSetting);

export const keyspaceOption = (): Option =>
  new Option('-k, --keyspace <name>', 'the keyspace, instead of the default one');

export const quietOption = (): Option => new Option('-q, --quiet', 'print errors only');

export function addRangeOptions(command: Command): Command {
  return command
    .option('--gte <key>', 'from this key on')
    .option('--gt <key>', 'from behind this key on')
    .option('--lt <key>', 'up to before this key')
    .option('--lte <key>', 'up to this key')
    .option('--prefix <key>', 'only keys that begin like this');
}
