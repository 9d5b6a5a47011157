import { describe, expect, it } from 'vitest';
import {
  defaultSettings,
  keyspaceSettingNames,
  resolveKeyspaceOptions,
  resolveOptions,
  type OpenOptions,
} from '../../src/db/options.js';
import { presets } from '../../src/db/presets.js';
import { projectFiles } from '../tidy/project-files.js';
import { readPage, sectionOf, tableLines } from './page.js';

const page = readPage('docs/options.md');
/** Where the docstrings of options are. */
const source = projectFiles()
  .filter(({ path }) => path.startsWith('src/db/'))
  .map(({ text }) => text)
  .join('\n');

/** One line of a table: default and values as the page writes them. */
interface Line {
  readonly shown: string;
  readonly values: string;
  readonly text: string;
}

/** Lines of the tables of `text` whose first column has this heading, by the name in that column. */
function linesOf(text: string, heading: string): Map<string, Line> {
  const found = new Map<string, Line>();
  let isMeant = false;
  for (const [name, shown, values = '', what = ''] of tableLines(text)) {
    const option = /^`(\w+)`$/.exec(name)?.[1];
    if (option === undefined) isMeant = name === heading || (isMeant && /^-+$/.test(name));
    else if (isMeant) found.set(option, { shown, values, text: what });
  }
  return found;
}

const settings = linesOf(page, 'Option');
const preset = settings.get('preset')!;
settings.delete('preset');
const levelSettings = linesOf(page, 'Setting of a level');
const encodings = linesOf(page, 'Encoding');
const components = linesOf(page, 'Component');

const units: Readonly<Record<string, number>> = {
  '': 1,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
};

/** `64 MiB`, `86,400,000`, `` `'os'` ``, `` `true` ``: the value that is meant. */
function valueOf(text: string): unknown {
  const number = /^([\d,]+) ?([KMGT]iB|)$/.exec(text);
  if (number !== null) return Number(number[1].replaceAll(',', '')) * units[number[2]];
  const literal = /^`([^`]*)`$/.exec(text)?.[1];
  if (literal === undefined || literal.includes('*')) return undefined;
  return JSON.parse(literal.replaceAll("'", '"'));
}

/** Whether the option may have this value, whatever the others are. */
function isAccepted(name: string, value: unknown): boolean {
  return accepts({ [name]: value }, name);
}

function isAcceptedOfLevel(name: string, value: unknown): boolean {
  return accepts({ levels: [{ [name]: value }] }, name);
}

function accepts(options: OpenOptions, name: string): boolean {
  try {
    resolveOptions(options);
    return true;
  } catch (error) {
    return !new RegExp(`${name} must be (an integer|one of|true|a list)`).test(String(error));
  }
}

/** A range, or a list, as the values column has it, is what is accepted. */
function checkValues(values: string, isFine: (value: unknown) => boolean): void {
  const [least, most] = values.split(' – ').map(valueOf);
  if (most === undefined) {
    for (const value of values.split(', ').map(valueOf)) {
      expect(value, values).not.toBe(undefined);
      expect(isFine(value), String(value)).toBe(true);
    }
    expect(isFine('something else')).toBe(false);
    return;
  }
  for (const value of [least, most]) expect(isFine(value), String(value)).toBe(true);
  for (const value of [Number(least) - 1, Number(most) + 1]) {
    expect(isFine(value), String(value)).toBe(false);
  }
}

describe('the page on options', () => {
  it('lists every setting, and no other', () => {
    expect([...settings.keys()].sort()).toEqual(Object.keys(defaultSettings).sort());
  });

  it('tells the settings of a keyspace from those of the database', () => {
    const ofKeyspace = linesOf(sectionOf(page, '## Each keyspace'), 'Option');
    expect([...ofKeyspace.keys()].sort()).toEqual([...keyspaceSettingNames].sort());
  });

  it('lists every encoding and component', () => {
    const resolved = resolveOptions();
    expect([...encodings.keys()].sort()).toEqual(Object.keys(resolved.encodings).sort());
    expect([...components.keys()].sort()).toEqual(Object.keys(resolved.components).sort());
  });

  it.each([...settings])('gives the default of %s', (name, { shown }) => {
    const expected = defaultSettings[name as keyof typeof defaultSettings];
    expect(valueOf(shown)).toEqual(expected);
    if (expected !== undefined) return;
    // Where there is no one default, the page says what decides, or the formula of the docstring.
    if (!shown.startsWith('by ')) expect(source).toContain(`efault ${shown}`);
  });

  it.each([...settings])('gives the values that %s may have, and why', (name, { values, text }) => {
    expect(text.length).toBeGreaterThan(40);
    if (name !== 'levels') checkValues(values, (value) => isAccepted(name, value));
  });

  it.each([...encodings])('gives default and values of %s', (name, { shown, values }) => {
    expect(resolveOptions().encodings).toHaveProperty(name, valueOf(shown));
    checkValues(values, (value) => isAccepted(name, value));
  });

  it('gives the settings of a level', () => {
    const names = [...levelSettings.keys()];
    // The message of a wrong one lists those that there are.
    const refused = /objects with ([\w, ]+) \(/.exec(
      String(catchError(() => resolveOptions({ levels: [{ nothing: 1 } as object] }))),
    );
    expect(names.join(', ')).toBe(refused?.[1]);
    for (const [name, { values }] of levelSettings) {
      checkValues(values, (value) => isAcceptedOfLevel(name, value));
    }
    const most = Number(/up to (\d+) objects/.exec(settings.get('levels')!.values)![1]);
    const levels = (count: number): object[] => Array.from({ length: count }, () => ({}));
    expect(isAccepted('levels', levels(most))).toBe(true);
    expect(isAccepted('levels', levels(most + 1))).toBe(false);
  });

  it('gives the presets, and what they set', () => {
    expect(preset.values.split(', ').map(valueOf)).toEqual(Object.keys(presets));
    checkValues(preset.values, (value) => isAccepted('preset', value));
    const { levels, ...others } = presets.recipe;
    const shown = linesOf(page, 'Option in `recipe`');
    expect(shown.get('levels')?.shown).toBe('as in the table below');
    shown.delete('levels');
    const values = [...shown].map(([name, line]) => [name, valueOf(line.shown)]);
    expect(Object.fromEntries(values)).toEqual(others);
    expect(levelLines()).toEqual(levels);
  });

  it('says rightly what is kept of a keyspace: its settings, and nothing else', () => {
    const base = resolveOptions().settings;
    const resolve = (options: object): unknown =>
      resolveKeyspaceOptions(options, base, resolveOptions().encodings);
    for (const name of Object.keys(defaultSettings)) {
      const isOfKeyspace = keyspaceSettingNames.some((each) => each === name);
      const error = catchError(() => resolve({ [name]: null }));
      expect(String(error)).toContain(
        isOfKeyspace ? `${name} must be` : 'is an option of the database',
      );
    }
  });
});

/** The table of the preset's levels. */
function levelLines(): object[] {
  const lines = tableLines(page);
  const at = lines.findIndex(([name]) => name === 'Level in `recipe`');
  const names = lines[at].slice(1).map((name) => name.replaceAll('`', ''));
  return lines
    .slice(at + 2)
    .filter(([name]) => /^L\d/.test(name))
    .map(([, ...cells]) =>
      Object.fromEntries(
        cells
          .map((cell, i) => [names[i], valueOf(cell)] as const)
          .filter(([, value]) => value !== undefined),
      ),
    );
}

function catchError(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  throw new Error('it did not throw');
}
