import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MemoryFileSystem } from '../../src/fs/memory-file-system.js';
import { nodeFileSystem } from '../../src/fs/node-file-system.js';
import { describeFileSystem } from './conformance.js';

describeFileSystem('node', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'nori-fs-'));
  return {
    fs: nodeFileSystem,
    directory,
    cleanUp: () => rm(directory, { recursive: true, force: true }),
  };
});

describeFileSystem('memory', async () => {
  const fs = new MemoryFileSystem();
  await fs.makeDirectory('/db');
  return { fs, directory: '/db', cleanUp: async () => undefined };
});
