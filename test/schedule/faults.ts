import type { Prng } from '../../src/base/prng.js';

const operations = [
  'write',
  'write',
  'sync',
  'sync',
  'create',
  'open',
  'read',
  'truncate',
  'rename',
  'remove',
  'sync-directory',
];
const codes = ['EIO', 'EIO', 'ENOSPC', 'EMFILE'] as const;
const paths = [/./, /./, /\.log$/, /\.sst$/, /MANIFEST/];

/** A disk that fails some calls for a while, as the seed has it. */
export class Faults {
  readonly #operation: string;
  readonly #code: string;
  readonly #path: RegExp;
  #untilFirst: number;
  #left: number;
  count = 0;

  constructor(random: Prng) {
    const anyOf = <T>(choices: readonly T[]): T => choices[random.below(choices.length)];
    this.#operation = anyOf(operations);
    this.#code = anyOf(codes);
    this.#path = anyOf(paths);
    this.#untilFirst = random.below(random.chance(0.7) ? 3 : 30);
    this.#left = anyOf([1, 1, 3, 30]);
  }

  /** @throws what the call throws instead of having an effect */
  check(operation: string, path: string): void {
    if (operation !== this.#operation || !this.#path.test(path)) return;
    if (this.#untilFirst-- > 0 || this.#left <= 0) return;
    this.#left--;
    this.count++;
    const message = `${this.#code}: a fault, ${operation} ${path}`;
    throw Object.assign(new Error(message), { code: this.#code });
  }
}
