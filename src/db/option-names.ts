import { invalidArgument } from '../base/errors.js';

/**
 * A name that is not known is a mistake, and may be one that costs data:
 * `{ sync: true }` looks durable and is not.
 * @throws LsmError `LSM_INVALID_ARGUMENT`
 */
export function checkNames(options: object, known: readonly string[], what: string): void {
  for (const name in options) {
    if (known.includes(name)) continue;
    throw invalidArgument(`${what} takes ${known.join(', ')}; there is no '${name}'`);
  }
}

/** A value as messages show it. */
export function show(value: unknown): string {
  if (typeof value === 'string') return `'${value}'`;
  return typeof value === 'object' && value !== null ? JSON.stringify(value) : `${value as number}`;
}
