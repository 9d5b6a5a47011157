/**
 * The text language of the picker's golden files: versions and plans as lines
 * that fit on one screen. readme.md beside this file describes it.
 */
import type { TableMeta } from '../../src/base/table-meta.js';
import type { CompactionOptions } from '../../src/compaction/level-targets.js';
import type { CompactionPlan } from '../../src/compaction/plan.js';
import { Version } from '../../src/manifest/version.js';

export function keyBytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

export function keyText(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

/** `name=value` pairs. */
export function parsePairs(text: string): Map<string, string> {
  const pairs = new Map<string, string>();
  for (const word of text.split(/\s+/).filter((each) => each !== '')) {
    const at = word.indexOf('=');
    if (at < 0) throw new Error(`not name=value: ${word}`);
    pairs.set(word.slice(0, at), word.slice(at + 1));
  }
  return pairs;
}

const optionNames = {
  trigger: 'l0CompactionTrigger',
  multiplier: 'levelSizeMultiplier',
  base: 'baseLevelBytes',
  table: 'tableTargetBytes',
  levels: 'maxLevels',
} as const;

export const defaultOptions: CompactionOptions = {
  l0CompactionTrigger: 2,
  levelSizeMultiplier: 10,
  levelSizing: 'dynamic',
  baseLevelBytes: 100,
  tableTargetBytes: 10,
  maxLevels: 7,
  levelForms: [0],
  lastLevelForm: [0],
};

export function parseOptions(text: string): CompactionOptions {
  const options: Record<string, unknown> = { ...defaultOptions };
  for (const [name, value] of parsePairs(text)) {
    if (name === 'sizing') options.levelSizing = value;
    else if (name === 'forms') {
      options.levelForms = value.split(',').map(Number);
      options.lastLevelForm = options.levelForms;
    } else if (name === 'last') options.lastLevelForm = value.split(',').map(Number);
    else if (name in optionNames) {
      options[optionNames[name as keyof typeof optionNames]] = Number(value);
    } else throw new Error(`no option ${name}`);
  }
  return options as unknown as CompactionOptions;
}

const tablePattern = /(\d+):\[([^\s-]+)-([^\s\]]+)\]((?:\s+[a-z]+=\S+)*)/g;

/** Lines of `L1 4:[a-f] size=12 5:[g-k]`; a level may take several lines. */
export function parseVersion(lines: readonly string[]): Version {
  const tables: TableMeta[] = [];
  for (const line of lines) {
    const match = /^L(\d+)\s+(.*)$/.exec(line);
    if (match === null) throw new Error(`not a level: ${line}`);
    const rest = match[2].replace(tablePattern, (_all, number, smallest, largest, pairs) => {
      tables.push(makeTable(Number(match[1]), Number(number), smallest, largest, pairs));
      return '';
    });
    if (rest.trim() !== '') throw new Error(`not a table: ${rest}`);
  }
  return Version.empty().apply(tables, []);
}

function makeTable(
  level: number,
  fileNumber: number,
  smallest: string,
  largest: string,
  text: string,
): TableMeta {
  const pairs = parsePairs(text);
  const usualSeqs = level === 0 ? `${fileNumber * 10}-${fileNumber * 10 + 9}` : '1-9';
  const [smallestSeq, largestSeq] = (pairs.get('seqs') ?? usualSeqs).split('-').map(Number);
  const count = (name: string, otherwise: number): number => {
    const value = pairs.get(name);
    pairs.delete(name);
    return value === undefined ? otherwise : Number(value);
  };
  pairs.delete('seqs');
  const size = count('size', 10);
  const table: TableMeta = {
    keyspaceId: 0,
    level,
    run: 0,
    fileNumber,
    tableId: { low: fileNumber, high: 0 },
    size,
    checksum: 0,
    smallest: keyBytes(smallest),
    largest: keyBytes(largest),
    smallestSeq,
    largestSeq,
    entries: count('entries', 100),
    tombstones: count('tombstones', 0),
    superseded: count('superseded', 0),
    rawBytes: size,
  };
  for (const name of pairs.keys()) throw new Error(`no field ${name}`);
  return table;
}

export function printTable(table: TableMeta): string {
  const garbage =
    (table.tombstones > 0 ? ` tombstones=${table.tombstones}` : '') +
    (table.superseded > 0 ? ` superseded=${table.superseded}` : '');
  return (
    `${table.fileNumber}:[${keyText(table.smallest)}-${keyText(table.largest)}]` +
    `${table.size === 10 ? '' : ` size=${table.size}`}${garbage}`
  );
}

export function printVersion(version: Version): string {
  const lines = version.levels.map((tables, level) =>
    `L${level} ${tables.map(printTable).join(' ')}`.trim(),
  );
  return lines.join('\n');
}

function printTables(tables: readonly TableMeta[]): string {
  return tables.map((table) => `${table.fileNumber}:L${table.level}`).join(' ') || 'none';
}

export function printPlan(plan: CompactionPlan | undefined): string {
  if (plan === undefined) return 'nothing';
  const verb = plan.isTrivialMove ? 'move' : 'merge';
  return [
    `${verb} L${plan.level} to L${plan.outputLevel}: ${plan.reason}`,
    `  inputs        ${printTables(plan.inputs)}`,
    `  overlapping   ${printTables(plan.overlapping)}`,
    `  grandparents  ${printTables(plan.grandparents)}`,
    ...(plan.cutAfter === undefined ? [] : [`  cut after     ${keyText(plan.cutAfter)}`]),
    `  older outside ${printTables(plan.olderOutside)}`,
    ...(plan.nextCursor === undefined ? [] : [`  next cursor   ${keyText(plan.nextCursor)}`]),
  ].join('\n');
}
