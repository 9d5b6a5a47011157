import { describe, expect, it } from 'vitest';
import { defaultSettings, resolveOptions } from '../../src/db/options.js';
import { readPage, tableLines } from './page.js';

const lines = tableLines(readPage('docs/options.md'));
/** Lines of the tables of settings by name: default and values as the page writes them. */
const settings = new Map<string, { shown: string; values: string }>();
const components: string[] = [];
for (const [name, shown, values, text] of lines) {
  const option = /^`(\w+)`$/.exec(name)?.[1];
  if (option === undefined) continue;
  if (text === undefined) components.push(option);
  else settings.set(option, { shown, values });
}

const units: Readonly<Record<string, number>> = { '': 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 };

/** `64 MiB`, `86,400,000`, `` `'os'` ``, `` `true` ``: the value that is meant. */
function valueOf(text: string): unknown {
  const number = /^([\d,]+) ?(KiB|MiB|GiB|)$/.exec(text);
  if (number !== null) return Number(number[1].replaceAll(',', '')) * units[number[2]];
  const literal = /^`([^`]*)`$/.exec(text)?.[1];
  if (literal === undefined) return undefined;
  return JSON.parse(literal.replaceAll("'", '"'));
}

/** Whether the option may have this value, whatever the others are. */
function isAccepted(name: string, value: unknown): boolean {
  try {
    resolveOptions({ [name]: value });
    return true;
  } catch (error) {
    return !new RegExp(`${name} must be (an integer|one of|true)`).test(String(error));
  }
}

describe('the page on options', () => {
  it('lists every setting, and no other', () => {
    expect([...settings.keys()].sort()).toEqual(Object.keys(defaultSettings).sort());
  });

  it('lists every component', () => {
    const { components: resolved } = resolveOptions();
    expect(components.sort()).toEqual(Object.keys(resolved).sort());
  });

  it.each([...settings])('gives the default of %s', (name, { shown }) => {
    const expected = defaultSettings[name as keyof typeof defaultSettings];
    expect(valueOf(shown)).toEqual(expected);
    // Where there is no one default, the page says what decides.
    if (expected === undefined) expect(shown).toMatch(/^by /);
  });

  it.each([...settings])('gives the values that %s may have', (name, { values }) => {
    const [least, most] = values.split(' – ').map(valueOf);
    if (most === undefined) {
      const listed = values.split(', ').map(valueOf);
      expect(listed.length).toBeGreaterThan(1);
      for (const value of listed) expect(isAccepted(name, value), String(value)).toBe(true);
      expect(isAccepted(name, 'something else')).toBe(false);
      return;
    }
    for (const value of [least, most]) expect(isAccepted(name, value), String(value)).toBe(true);
    for (const value of [Number(least) - 1, Number(most) + 1]) {
      expect(isAccepted(name, value), String(value)).toBe(false);
    }
  });
});
