// Writes docs/api: one page for each public entry and for what it exports, from
// the docstrings in src/. Anything public without a docstring, or a link that
// leads nowhere, is an error. `--check` changes nothing: it fails when docs/api is
// not what would be written.
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Application } from 'typedoc';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const committed = join(root, 'docs', 'api');
const entries = [
  'index',
  'sstable',
  'fs',
  'inspect',
  'bench',
  'level',
  'leveldown',
  'keyv',
  'testing',
];

/** @returns true when nothing was found wanting */
async function generate(out) {
  const app = await Application.bootstrapWithPlugins({
    entryPoints: entries.map((name) => join(root, 'src', `${name}.ts`)),
    tsconfig: join(root, 'tsconfig.build.json'),
    plugin: ['typedoc-plugin-markdown'],
    outputs: [{ name: 'markdown', path: out }],
    router: 'module',
    name: 'nori-lsm',
    readme: 'none',
    // The same text wherever and whenever it is made: no links to a revision.
    disableSources: true,
    disableGit: true,
    hideGenerator: true,
    includeVersion: false,
    excludeInternal: true,
    excludePrivate: true,
    excludeExternals: true,
    sort: ['kind', 'source-order'],
    // Helpers that say nothing by themselves: what they make is shown in their place.
    intentionallyNotExported: ['Optional', 'Reads', 'MemoryTree', 'changingOperations', 'presets'],
    validation: { notExported: true, invalidLink: true, notDocumented: true },
    requiredToBeDocumented: [
      'Class',
      'Interface',
      'Function',
      'TypeAlias',
      'Variable',
      'Property',
      'Method',
      'Accessor',
    ],
    treatWarningsAsErrors: true,
    treatValidationWarningsAsErrors: true,
    logLevel: 'Warn',
    hidePageHeader: true,
    useCodeBlocks: true,
    parametersFormat: 'table',
    interfacePropertiesFormat: 'table',
    classPropertiesFormat: 'table',
    typeAliasPropertiesFormat: 'table',
    propertyMembersFormat: 'table',
    enumMembersFormat: 'table',
    typeDeclarationFormat: 'table',
    entryFileName: 'README',
  });
  const project = await app.convert();
  if (project === undefined) return false;
  sortByName(project);
  app.validate(project);
  await app.generateOutputs(project);
  return !app.logger.hasErrors() && !app.logger.hasWarnings();
}

/** Members stay in their order in the source; modules, and what each exports, should not move with it. */
function sortByName(project) {
  const compare = (a, b) => (a.name < b.name ? -1 : 1);
  for (const parent of [project, ...(project.children ?? [])]) {
    parent.children?.sort(compare);
    for (const group of parent.groups ?? []) group.children.sort(compare);
  }
}

/** Paths of all files below `directory`, relative to it, in order. */
function listFiles(directory) {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter((path) => statSync(join(directory, path)).isFile())
    .map((path) => path.replaceAll('\\', '/'))
    .sort();
}

/** Paths whose content differs, or that only one of both has. */
function differences(a, b) {
  const [inA, inB] = [listFiles(a), listFiles(b)];
  const isSame = (path) =>
    inA.includes(path) &&
    inB.includes(path) &&
    readFileSync(join(a, path), 'utf8') === readFileSync(join(b, path), 'utf8');
  return [...new Set([...inA, ...inB])].filter((path) => !isSame(path));
}

const fresh = mkdtempSync(join(tmpdir(), 'nori-api-'));
try {
  const isCheck = process.argv.includes('--check');
  const isComplete = await generate(isCheck ? fresh : committed);
  if (!isComplete) {
    console.error('docs/api: mend what is named above, in the docstrings of src/');
    process.exitCode = 1;
  } else if (isCheck) {
    const stale = differences(fresh, committed);
    if (stale.length > 0) {
      console.error(`docs/api is not current: run npm run docs:api and commit it`);
      for (const path of stale) console.error(`  ${join(relative(root, committed), path)}`);
      process.exitCode = 1;
    }
  }
} finally {
  rmSync(fresh, { recursive: true, force: true });
}
