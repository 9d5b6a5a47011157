import { readFileSync } from 'node:fs';
import { noriDriver } from '../../dist/bench.js';

const { version } = JSON.parse(
  readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
);

export const driver = { ...noriDriver, version };
