import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FileSystem } from '../../src/fs/file-system.js';
import { MemoryFileSystem } from '../../src/fs/memory-file-system.js';
import { nodeFileSystem } from '../../src/fs/node-file-system.js';
import { RecordingFileSystem } from '../../src/fs/recording-file-system.js';
import { describeFileSystem, type Playground } from './conformance.js';

describeFileSystem('node', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'nori-fs-'));
  return {
    fs: nodeFileSystem,
    directory,
    cleanUp: () => rm(directory, { recursive: true, force: true }),
  };
});

async function inMemory(fs: FileSystem): Promise<Playground> {
  await fs.makeDirectory('/db');
  return { fs, directory: '/db', cleanUp: async () => undefined };
}

describeFileSystem('memory', () => inMemory(new MemoryFileSystem()));

describeFileSystem('recording', () => inMemory(new RecordingFileSystem(new MemoryFileSystem())));

const withoutSync = { hasSync: false };
describeFileSystem(
  'memory without synchronous calls',
  () => inMemory(new MemoryFileSystem({ sync: false })),
  withoutSync,
);
describeFileSystem(
  'recording without synchronous calls',
  () => inMemory(new RecordingFileSystem(new MemoryFileSystem({ sync: false }))),
  withoutSync,
);
