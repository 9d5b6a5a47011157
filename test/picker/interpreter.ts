/** Carries out the commands of a golden file, one after the other. */
import type { TableMeta } from '../../src/base/table-meta.js';
import { levelTargets } from '../../src/compaction/level-targets.js';
import { pickCompaction } from '../../src/compaction/picker.js';
import { pickGarbage } from '../../src/compaction/picker-garbage.js';
import { pickForReads } from '../../src/compaction/picker-level0.js';
import { manualStart, pickManual, type ManualRange } from '../../src/compaction/picker-manual.js';
import { rangeOf, type PickerState } from '../../src/compaction/picker-plan.js';
import {
  pendingCompactionBytes,
  scoreLevels,
  urgencyOf,
} from '../../src/compaction/picker-score.js';
import type { CompactionPlan } from '../../src/compaction/plan.js';
import { Version } from '../../src/manifest/version.js';
import {
  defaultOptions,
  keyBytes,
  parseOptions,
  parsePairs,
  parseVersion,
  printPlan,
  printVersion,
} from './language.js';

export class Interpreter {
  #version = Version.empty();
  #options = defaultOptions;
  readonly #cursors = new Map<number, Uint8Array>();
  #running: CompactionPlan[] = [];
  #nextFile = 100;
  /** A snapshot needs all that is superseded. */
  #isPinned = false;

  /** The answer to one command; `lines` follow it in the file. */
  run(command: string, lines: readonly string[]): string {
    const [name, rest] = splitOnce(command);
    switch (name) {
      case 'define':
        this.#options = parseOptions(rest);
        this.#version = parseVersion(lines);
        this.#cursors.clear();
        this.#running = [];
        this.#nextFile = 100;
        this.#isPinned = false;
        return 'ok';
      case 'targets':
        return this.#targets();
      case 'pick':
        return this.#afterwards(rest, pickCompaction(this.#version, this.#options, this.#state));
      case 'reads':
        return printPlan(pickForReads(this.#version, this.#options, this.#state));
      case 'garbage': {
        const list = parsePairs(rest).get('snapshots');
        const snapshots = list === undefined ? [] : list.split(',').map(Number);
        return printPlan(pickGarbage(this.#version, this.#options, this.#state, snapshots));
      }
      case 'manual':
        return this.#manual(rest);
      case 'cursor':
        for (const [level, key] of parsePairs(rest)) {
          this.#cursors.set(Number(level.slice(1)), keyBytes(key));
        }
        return 'ok';
      case 'snapshot':
        this.#isPinned = true;
        return 'ok';
      case 'flush':
        this.#version = this.#version.apply([...parseVersion([`L0 ${rest}`]).tables()], []);
        return printVersion(this.#version);
      case 'finish':
        for (const plan of this.#running) this.#carryOut(plan);
        this.#running = [];
        return printVersion(this.#version);
      default:
        throw new Error(`no command ${name}`);
    }
  }

  get #state(): PickerState {
    return { cursors: this.#cursors, running: this.#running };
  }

  #targets(): string {
    const { lastLevel, bytes } = levelTargets(this.#version, this.#options);
    const lines = [];
    for (const { level, score } of scoreLevels(this.#version, this.#options, this.#running)) {
      const target =
        level === 0 ? `${this.#options.l0CompactionTrigger} tables` : `${bytes[level]} bytes`;
      lines.push(`L${level} score ${score.toFixed(2)}, target ${target}`);
    }
    lines.push(`L${lastLevel} is the last`);
    const { level0, score } = urgencyOf(this.#version, this.#options, this.#state);
    lines.push(`urgency L0 ${level0.toFixed(2)}, all ${score.toFixed(2)}`);
    lines.push(`pending ${Math.round(pendingCompactionBytes(this.#version, this.#options))} bytes`);
    return lines.join('\n');
  }

  /** `pick run` leaves the plan running, `pick apply` carries it out. */
  #afterwards(mode: string, plan: CompactionPlan | undefined): string {
    const text = printPlan(plan);
    if (plan === undefined || mode === '') return text;
    if (mode === 'run') {
      this.#running.push(plan);
      return text;
    }
    if (mode !== 'apply') throw new Error(`pick ${mode}`);
    this.#carryOut(plan);
    return `${text}\n${printVersion(this.#version)}`;
  }

  /** To the end, or with `mode=run` only to where the first step is running. */
  #manual(rest: string): string {
    const pairs = parsePairs(rest);
    const bound = (name: string): Uint8Array | undefined => {
      const text = pairs.get(name);
      return text === undefined ? undefined : keyBytes(text);
    };
    const range: ManualRange = { lower: bound('lower'), upper: bound('upper') };
    const lines: string[] = [];
    let progress = manualStart;
    for (let steps = 0; steps < 50; steps++) {
      const step = pickManual(this.#version, this.#options, this.#state, range, progress);
      if (step === 'wait') return [...lines, 'wait'].join('\n');
      if (step === undefined) return [...lines, printVersion(this.#version)].join('\n');
      lines.push(printPlan(step.plan));
      if (pairs.get('mode') === 'run') {
        this.#running.push(step.plan);
        return lines.join('\n');
      }
      this.#carryOut(step.plan);
      progress = step.next;
    }
    throw new Error('a manual compaction that does not end');
  }

  /**
   * As if: a merge makes one table as large as its inputs, without their garbage;
   * none, when they held nothing but tombstones.
   */
  #carryOut(plan: CompactionPlan): void {
    const taken = [...plan.inputs, ...plan.overlapping];
    const sum = (count: (table: TableMeta) => number): number =>
      taken.reduce((total, table) => total + count(table), 0);
    const merged: TableMeta = {
      ...plan.inputs[0],
      ...rangeOf(taken),
      level: plan.outputLevel,
      fileNumber: this.#nextFile,
      size: sum((table) => table.size),
      smallestSeq: Math.min(...taken.map((table) => table.smallestSeq)),
      largestSeq: Math.max(...taken.map((table) => table.largestSeq)),
      entries: sum((table) => table.entries),
      tombstones: plan.olderOutside.length === 0 ? 0 : sum((table) => table.tombstones),
      superseded: this.#isPinned ? sum((table) => table.superseded) : 0,
    };
    const outputs: TableMeta[] = [];
    if (plan.isTrivialMove) {
      outputs.push({ ...plan.inputs[0], level: plan.outputLevel });
    } else if (merged.tombstones > 0 || sum((table) => table.entries - table.tombstones) > 0) {
      this.#nextFile++;
      outputs.push(merged);
    }
    this.#version = this.#version.apply(
      outputs,
      taken.map((table) => table.fileNumber),
    );
    if (plan.nextCursor !== undefined) this.#cursors.set(plan.level, plan.nextCursor);
  }
}

function splitOnce(text: string): [string, string] {
  const at = text.indexOf(' ');
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1).trim()];
}
