// Compiles src/kernel/lz4.as (AssemblyScript) into src/kernel/lz4-wasm.ts, which is
// committed: installing and building the package needs no compiler of WebAssembly.
// Usage: node scripts/build-kernel.mjs [--check]
// With --check nothing is written, and it fails where the committed bytes are others.
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import asc from 'assemblyscript/asc';

const folder = join(dirname(dirname(fileURLToPath(import.meta.url))), 'src', 'kernel');
const target = join(folder, 'lz4-wasm.ts');

const outputs = new Map();
const { error, stderr } = await asc.main(
  [
    'lz4.ts',
    ...['--outFile', 'lz4.wasm', '--textFile', 'lz4.wat'],
    ...['--optimizeLevel', '3', '--shrinkLevel', '0', '--converge', '--noAssert'],
    ...['--runtime', 'stub', '--use', 'abort=', '--enable', 'simd'],
    ...['--importMemory', '--noExportMemory', '--zeroFilledMemory'],
  ],
  {
    // Not .ts on disk: to tsc and eslint its integers would be numbers.
    readFile: (name) => (name === 'lz4.ts' ? readFileSync(join(folder, 'lz4.as'), 'utf8') : null),
    writeFile: (name, contents) => void outputs.set(name, contents),
    listFiles: () => [],
  },
);
if (error) {
  console.error(`${stderr.toString()}\n${error.message}`);
  process.exit(1);
}

const wasm = Buffer.from(outputs.get('lz4.wasm'));
const lines = wasm.toString('base64').match(/.{1,92}/g);
const text = `// Made by \`npm run build:kernel\` from lz4.as: ${wasm.length} bytes of WebAssembly.
export const lz4Wasm: string = \`
${lines.join('\n')}\`;
`;

if (process.env.NORI_WAT) writeFileSync(process.env.NORI_WAT, outputs.get('lz4.wat'));
if (!process.argv.includes('--check')) {
  writeFileSync(target, text);
} else if (readFileSync(target, 'utf8') !== text) {
  console.error('src/kernel/lz4-wasm.ts is not what lz4.as gives: npm run build:kernel');
  process.exit(1);
}
