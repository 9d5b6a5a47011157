import { isLsmError } from '../base/errors.js';
import type { DamageFact } from './facts.js';

/**
 * Damage, or what only a newer version reads, as a fact: told, and passed over.
 * Any other error is rethrown.
 */
export function toDamage(error: unknown, offset: number, bytes?: number): DamageFact {
  const isTold = isLsmError(error, 'LSM_CORRUPTION') || isLsmError(error, 'LSM_UNSUPPORTED_FORMAT');
  if (!isTold) throw error;
  return {
    type: 'damage',
    offset: error.offset ?? offset,
    what: error.message,
    ...(bytes === undefined ? {} : { bytes }),
    ...(error.damage === undefined ? {} : { checksum: error.damage }),
  };
}
