import { invalidArgument } from '../base/errors.js';
import type { Compression, TableSettings } from '../base/table-meta.js';
import type { FileSystem } from '../fs/file-system.js';
import { nodeFileSystem } from '../fs/node-file-system.js';
import { maxBlockSizeBytes, maxBloomBitsPerKey, minBlockSizeBytes } from './format.js';

/** What `SSTableBuilder.create` takes. */
export interface SSTableBuilderOptions {
  /** Where the table will be. It appears there when `finish` is done, replacing a file of that name. */
  readonly path: string;
  /** Default `lz4`. Blocks that do not get smaller by an eighth are stored as they are. */
  readonly compression?: Compression;
  /** Raw bytes after which a data block is cut, 64 to 4 MiB. Default 4096. */
  readonly blockSizeBytes?: number;
  /** Size of the Bloom filter, 0 (none) to 20. Default 10: 0.8 % false positives. */
  readonly bloomBitsPerKey?: number;
  /** A hint that costs nothing when it is wrong: the filter is sized by the keys that came. */
  readonly estimatedEntries?: number;
  /** Default: Node's. */
  readonly fs?: FileSystem;
}

export interface ResolvedBuilderOptions {
  readonly path: string;
  readonly fs: FileSystem;
  readonly settings: TableSettings;
}

export const defaultBuilderOptions = Object.freeze({
  compression: 'lz4',
  blockSizeBytes: 4096,
  bloomBitsPerKey: 10,
  estimatedEntries: 0,
  fs: nodeFileSystem,
} as const);

const compressions: readonly string[] = ['none', 'lz4', 'zstd'];
const knownNames: ReadonlySet<string> = new Set(['path', ...Object.keys(defaultBuilderOptions)]);

/** Fills in defaults; all problems come in one error. */
export function resolveBuilderOptions(options: SSTableBuilderOptions): ResolvedBuilderOptions {
  if (typeof options !== 'object' || options === null) {
    throw invalidArgument('SSTableBuilder options must be an object');
  }
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  const resolved = {
    ...defaultBuilderOptions,
    ...(Object.fromEntries(given) as unknown as SSTableBuilderOptions),
  };
  const { path, fs, compression, blockSizeBytes, bloomBitsPerKey, estimatedEntries } = resolved;
  const problems = Object.keys(options)
    .filter((name) => !knownNames.has(name))
    .map((name) => `${name} is not an option`);
  if (typeof path !== 'string' || path === '') problems.push('path must be a non-empty string');
  if (!compressions.includes(compression)) {
    problems.push(`compression must be one of ${compressions.join(', ')}`);
  }
  const checkRange = (name: string, value: unknown, least: number, most: number): void => {
    if (!(Number.isSafeInteger(value) && Number(value) >= least && Number(value) <= most)) {
      problems.push(`${name} must be an integer from ${least} to ${most}`);
    }
  };
  checkRange('blockSizeBytes', blockSizeBytes, minBlockSizeBytes, maxBlockSizeBytes);
  checkRange('bloomBitsPerKey', bloomBitsPerKey, 0, maxBloomBitsPerKey);
  checkRange('estimatedEntries', estimatedEntries, 0, Number.MAX_SAFE_INTEGER);
  if (typeof fs !== 'object' || fs === null) problems.push('fs must be a file system');
  if (problems.length > 0) throw invalidArgument(`SSTableBuilder: ${problems.join('; ')}`);
  const settings = {
    compression,
    blockSizeBytes,
    bloomBitsPerKey,
    cachePriority: 'normal',
  } as const;
  return { path, fs, settings };
}
