import type { DirectoryOverview, FileFact } from '../inspect.js';
import { formatJson } from './format-json.js';
import type { Output } from './output.js';

/** One object per line, whole: keys and values as `scan --json` prints them. */
export function printFactAsJson(output: Output, fact: FileFact): boolean {
  return output.write(`${formatJson(fact)}\n`);
}

export function printOverviewAsJson(output: Output, overview: DirectoryOverview): void {
  const { files, ...directory } = overview;
  output.write(`${formatJson({ type: 'directory', ...directory })}\n`);
  for (const file of files) output.write(`${formatJson({ type: 'file', ...file })}\n`);
}
