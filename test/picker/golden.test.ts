import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Interpreter } from './interpreter.js';

const directory = import.meta.dirname;
const isUpdate = process.env.NORI_UPDATE_GOLDEN === '1';

/** The file with every answer replaced by what the picker says now. */
function replay(text: string): string {
  const interpreter = new Interpreter();
  const blocks = text.trimEnd().split(/\n\n+/);
  return `${blocks.map((block) => answerBlock(interpreter, block)).join('\n\n')}\n`;
}

function answerBlock(interpreter: Interpreter, block: string): string {
  const lines = block.split('\n');
  const begin = lines.findIndex((line) => !line.startsWith('#'));
  if (begin < 0) return block;
  const separator = lines.indexOf('----');
  const asked = separator < 0 ? lines : lines.slice(0, separator);
  const answer = interpreter.run(lines[begin], asked.slice(begin + 1));
  return [...asked, '----', answer].join('\n');
}

describe('the picker decides as written down', () => {
  const names = readdirSync(directory).filter((name) => name.endsWith('.txt'));

  it('in files that are found', () => {
    expect(names.length).toBe(9);
  });

  it.each(names)('%s', (name) => {
    const path = join(directory, name);
    const text = readFileSync(path, 'utf8');
    const now = replay(text);
    if (isUpdate) writeFileSync(path, now);
    else expect(now).toBe(text);
  });
});
