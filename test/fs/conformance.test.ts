import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { FileSystem } from '../../src/fs/file-system.js';
import { FaultFileSystem } from '../../src/fs/fault-file-system.js';
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

describeFileSystem('faulty', () => inMemory(new FaultFileSystem(new MemoryFileSystem())));

// Every call meets a fault that lets it pass in a later turn.
describeFileSystem('slow', () =>
  inMemory(new FaultFileSystem(new MemoryFileSystem(), [{ turns: 1, times: 'forever' }])),
);

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
describeFileSystem(
  'faulty without synchronous calls',
  () => inMemory(new FaultFileSystem(new MemoryFileSystem({ sync: false }))),
  withoutSync,
);

describe('the node file system', () => {
  it('makes directories through links and dots', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'nori-fs-'));
    try {
      await mkdir(join(directory, 'real/below'), { recursive: true });
      await symlink(join(directory, 'real/below'), join(directory, 'link'));
      await nodeFileSystem.makeDirectory(`${directory}/link/../one/./two/`);
      const stat = await nodeFileSystem.stat(join(directory, 'real/one/two'));
      expect(stat?.isDirectory).toBe(true);
    } finally {
      await rm(directory, { recursive: true });
    }
  });

  it('does not wait at a FIFO', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'nori-fs-'));
    try {
      const path = join(directory, '000001.sst');
      expect(spawnSync('mkfifo', [path]).status).toBe(0);
      const file = nodeFileSystem.openSync!(path);
      expect(() => file.readSync!(new Uint8Array(1), 0, 1, 0)).toThrow();
      file.closeSync!();
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});
