/*
 * The layering of docs/architecture.md as rules. Left: a folder of src/. Right:
 * what it may import besides itself. Anything not listed is upward or sideways.
 */
const layers = {
  base: [],
  iterator: ['base'],
  memtable: ['base', 'iterator'],
  fs: ['base'],
  kernel: ['base'],
  wal: ['base', 'fs'],
  manifest: ['base', 'fs', 'wal'],
  sstable: ['base', 'iterator', 'fs', 'kernel'],
  compaction: ['base', 'iterator', 'fs', 'kernel', 'memtable', 'sstable', 'manifest'],
  inspect: ['base', 'iterator', 'fs', 'kernel', 'wal', 'sstable', 'manifest'],
};
layers.tree = Object.keys(layers).filter((name) => name !== 'inspect');
layers.verify = [...layers.inspect, 'inspect'];
layers.db = Object.keys(layers).filter((name) => name !== 'inspect');
layers.repair = [...layers.verify, 'verify', 'memtable', 'compaction'];

/** The outer shell: these import public entries only. */
const shells = ['level', 'leveldown', 'keyv', 'cli', 'bench'];

const entry = '^src/[^/]+\\.ts$';
// A unit test may set its stage with any folder; the layers are a promise of the product.
const test = '\\.test\\.ts$';

const folders = (names) => `^src/(${names.join('|')})/`;

/** Who alone may import a core module or a package. */
function only(name, modules, importers, comment) {
  return {
    name,
    comment,
    severity: 'error',
    from: { path: '^src/', pathNot: [test, ...importers] },
    to: { path: modules },
  };
}

module.exports = {
  forbidden: [
    ...Object.entries(layers).map(([name, below]) => ({
      name: `layer-${name}`,
      comment: `${name}/ may import ${below.length === 0 ? 'nothing' : below.join(', ')}`,
      severity: 'error',
      from: { path: folders([name]), pathNot: test },
      to: { path: '^src/', pathNot: folders([name, ...below]) },
    })),
    ...shells.map((name) => ({
      name: `shell-${name}`,
      comment: `${name}/ stands outside: it imports public entries only`,
      severity: 'error',
      from: { path: folders([name]), pathNot: test },
      to: { path: '^src/', pathNot: [folders([name]), entry] },
    })),
    {
      name: 'entry-from-outside',
      comment: 'a public entry is for the shell around the engine; inside, import the file itself',
      severity: 'error',
      from: { path: '^src/', pathNot: [test, folders(shells)] },
      to: { path: entry },
    },
    {
      name: 'no-test-in-product',
      comment: 'test code stays out of what is shipped',
      severity: 'error',
      from: { path: '^src/', pathNot: test },
      to: { path: ['^test/', test] },
    },
    {
      name: 'no-cycle',
      comment: 'a file must be understood without the file that imports it',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'no-unresolved',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    only(
      'disk-through-fs',
      '^(node:)?fs(/promises)?$',
      ['^src/fs/', '^src/cli/'],
      'the disk enters through the FileSystem interface',
    ),
    only(
      'threads-in-compaction',
      '^(node:)?worker_threads$',
      ['^src/compaction/'],
      'threads are started and spoken to in compaction/ only',
    ),
    only(
      'child-process-in-lock',
      '^(node:)?child_process$',
      ['^src/fs/[a-z-]*lock[a-z-]*\\.ts$'],
      'flock is the only program we start',
    ),
    only(
      'zlib-in-checksum-and-codecs',
      '^(node:)?zlib$',
      ['^src/base/checksum(-damage)?\\.ts$', '^src/sstable/[a-z-]*(codec|zstd)[a-z0-9-]*\\.ts$'],
      'checksums have one home, codecs another',
    ),
    only(
      'codec-packages',
      'node_modules/@bokuweb/zstd-wasm/',
      ['^src/sstable/'],
      'see docs/dependencies.md',
    ),
    only(
      'terminal-packages',
      'node_modules/(commander|cli-progress|cli-table3)/',
      ['^src/cli/'],
      'see docs/dependencies.md',
    ),
    only(
      'level-in-adapter',
      'node_modules/abstract-level/',
      ['^src/level/'],
      'the engine knows nothing of the Level world',
    ),
    only(
      'leveldown-in-bridge',
      'node_modules/abstract-leveldown/',
      ['^src/leveldown/'],
      'the engine knows nothing of the Level world',
    ),
    {
      name: 'known-packages',
      comment: 'each package has its reason in docs/dependencies.md',
      severity: 'error',
      from: { path: '^src/', pathNot: test },
      to: {
        path: 'node_modules/',
        pathNot:
          'node_modules/(@bokuweb/zstd-wasm|commander|(@types/)?cli-progress|cli-table3|abstract-level|abstract-leveldown|@types/node)/',
      },
    },
    {
      name: 'no-dev-package',
      comment: 'a development dependency is not there for users',
      severity: 'error',
      from: { path: '^src/', pathNot: test },
      to: {
        dependencyTypes: ['npm-dev'],
        // An optional peer: whoever imports nori-lsm/leveldown installs it.
        pathNot: 'node_modules/(@types|abstract-leveldown)/',
      },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
      extensions: ['.ts', '.js', '.d.ts'],
    },
  },
};
