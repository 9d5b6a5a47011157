import { jsonMember } from './bytes-format.js';

interface FileId {
  readonly low: number;
  readonly high: number;
}

function isFileId(value: object): value is FileId {
  const keys = Object.keys(value);
  return keys.length === 2 && 'low' in value && 'high' in value;
}

/**
 * JSON of plain data in which bytes occur as members: `"key":"…"` where they are
 * UTF-8, else `"keyBase64":"…"`. Ids of files are 16 hex digits.
 */
export function formatJson(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(formatJson).join(',')}]`;
  if (isFileId(value)) {
    const digits = [value.high, value.low].map((half) => half.toString(16).padStart(8, '0'));
    return `"${digits.join('')}"`;
  }
  const members: string[] = [];
  for (const [name, member] of Object.entries(value) as [string, unknown][]) {
    if (member === undefined) continue;
    if (member instanceof Uint8Array) members.push(jsonMember(name, member, 'text'));
    else members.push(`${JSON.stringify(name)}:${formatJson(member)}`);
  }
  return `{${members.join(',')}}`;
}
