import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The version of an installed package: not all of them export their package.json. */
export function versionOf(name) {
  for (let at = dirname(fileURLToPath(import.meta.resolve(name))); ; at = dirname(at)) {
    try {
      const found = JSON.parse(readFileSync(join(at, 'package.json'), 'utf8'));
      if (found.name === name) return found.version;
    } catch (error) {
      if (error.code !== 'ENOENT' || dirname(at) === at) throw error;
    }
  }
}
