// Runs the micro-benchmarks: npm run bench:micro [-- NAME…] [-- OPTIONS]   (see harness.mjs)
import { readdirSync } from 'node:fs';
import { parseCommandLine, print, runSuite } from './harness.mjs';

/** What benchmarks share. */
const shared = ['harness', 'run', 'tables'];

const all = readdirSync(new URL('.', import.meta.url))
  .filter((file) => file.endsWith('.mjs'))
  .map((file) => file.replace('.mjs', ''))
  .filter((name) => !shared.includes(name))
  .sort();
const { options, names } = parseCommandLine(process.argv.slice(2));
const unknown = names.filter((name) => !all.includes(name));
if (unknown.length > 0) {
  console.error(`no benchmark is called ${unknown.join(', ')}; there are ${all.join(', ')}`);
  process.exit(64);
}
const results = [];
for (const name of names.length > 0 ? names : all) {
  const { define } = await import(`./${name}.mjs`);
  results.push(...(await runSuite(name, define, options)));
}
print(results, options);
