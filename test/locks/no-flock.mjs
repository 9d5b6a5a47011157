// Loaded before a peer: a host without flock(1).
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

const { existsSync } = fs;
fs.existsSync = (path) => !String(path).endsWith('/flock') && existsSync(path);
syncBuiltinESMExports();
