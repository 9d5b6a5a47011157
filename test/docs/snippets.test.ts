import { join } from 'node:path';
import ts from 'typescript';
import { expect, it } from 'vitest';
import { isDocument, projectFiles, root } from '../tidy/project-files.js';
import { fenced } from './page.js';

/** Programs of the pages by the name of a file that would hold them; types as for a strict user. */
const programs = new Map<string, string>();
for (const { path, text } of projectFiles().filter(isDocument)) {
  fenced(text, 'js').forEach((program, i) => {
    const extension = program.includes('require(') ? 'cjs' : 'mjs';
    const name = path.replace(/\W/g, '-');
    programs.set(join(root, 'test/docs', `${name}-${i}.${extension}`), program);
  });
}

const options: ts.CompilerOptions = {
  noEmit: true,
  strict: true,
  allowJs: true,
  checkJs: true,
  skipLibCheck: true,
  target: ts.ScriptTarget.ES2023,
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  types: ['node'],
  paths: {
    'nori-lsm': [join(root, 'src/index.ts')],
    'nori-lsm/*': [join(root, 'src/*.ts')],
  },
};

/** What the compiler says about the programs, one line for each complaint. */
function check(sources: ReadonlyMap<string, string>): string[] {
  const host = ts.createCompilerHost(options);
  const { fileExists, readFile } = host;
  host.fileExists = (path) => sources.has(path) || fileExists(path);
  host.readFile = (path) => sources.get(path) ?? readFile(path);
  const { getSourceFile } = host;
  host.getSourceFile = (path, languageVersion, onError, shouldCreate) => {
    const source = sources.get(path);
    return source === undefined
      ? getSourceFile.call(host, path, languageVersion, onError, shouldCreate)
      : ts.createSourceFile(path, source, languageVersion);
  };
  const program = ts.createProgram([...sources.keys()], options, host);
  return [...sources.keys()].flatMap((path) => {
    const file = program.getSourceFile(path)!;
    const found = [
      ...program.getSyntacticDiagnostics(file),
      ...program.getSemanticDiagnostics(file),
    ];
    return found.map(
      ({ messageText }) => `${path}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`,
    );
  });
}

it('programs on the pages type-check against the source', () => {
  expect(programs.size).toBeGreaterThan(3);
  // One that must not pass, so that a compiler that sees nothing is noticed.
  const wrong = join(root, 'test/docs/wrong.mjs');
  const source =
    "import { open } from 'nori-lsm';\nconst db = await open('x');\ndb.putt('a', 'b');\n";
  expect(check(new Map([...programs, [wrong, source]]))).toEqual([
    expect.stringContaining("'putt' does not exist") as string,
  ]);
});

it('the first program of the README is short', () => {
  const [program] = fenced(projectFiles().find(({ path }) => path === 'README.md')!.text, 'js');
  expect(program.trimEnd().split('\n').length).toBeLessThanOrEqual(25);
});
