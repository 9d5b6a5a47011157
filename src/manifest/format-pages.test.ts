import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { bytes, table } from '../../test/manifest/fixtures.js';
import { toHex } from '../base/bytes.js';
import { runAsync, runSync } from '../base/task.js';
import { MemoryFileSystem } from '../fs/memory-file-system.js';
import { LogWriter } from '../wal/log-writer.js';
import { decodeCurrent, encodeCurrent } from './current-file.js';
import { describeEdit } from './describe-edit.js';
import { encodeEdit } from './edit-codec.js';
import { applyEdit, emptyState } from './manifest-state.js';
import { readManifest } from './read-manifest.js';
import { snapshotEdits } from './snapshot-edits.js';

const databaseId = { low: 0xd4c3_b2a1, high: 0x0807_f6e5 };
const fileId = { low: 0x4433_2211, high: 0x8877_6655 };

/** What stands between ```kind and ``` on a page. */
function fenced(page: string, kind: string): string {
  const text = readFileSync(new URL(`../../docs/format/${page}`, import.meta.url), 'utf8');
  return new RegExp(`\`\`\`${kind}\n([\\s\\S]*?)\`\`\``).exec(text)![1];
}

/** Sixteen bytes a line, as the pages show them. */
function dump(content: Uint8Array): string {
  let text = '';
  for (let at = 0; at < content.length; at += 16) {
    const line = toHex(content.subarray(at, at + 16)).replace(/..(?=.)/g, '$& ');
    text += `${at.toString(16).padStart(4, '0')}  ${line}\n`;
  }
  return text;
}

/** A new database, and the flush of its first memtable. */
function exampleManifest(fs: MemoryFileSystem): void {
  const path = 'MANIFEST-000001';
  const writer = runSync(LogWriter.create({ fs, path, kind: 'manifest', fileId, databaseId }));
  const state = applyEdit(emptyState, {
    addedKeyspaces: [{ id: 0, name: 'default' }],
    settings: [{ keyspaceId: 0, settings: { bloomBitsPerKey: 10 } }],
    nextFileNumber: 1002,
  });
  for (const edit of snapshotEdits(state)) writer.append(encodeEdit(edit));
  const flush = {
    flushedSeqs: [{ keyspaceId: 0, seq: 70 }],
    nextFileNumber: 1004,
    logNumber: 3,
    addedTables: [table(4, 0, 'ada', 'joan', { entries: 70, largestSeq: 70, rawBytes: 1400 })],
    cursors: [{ keyspaceId: 0, level: 1, key: bytes('grace') }],
  };
  writer.append(encodeEdit(flush));
  runSync(writer.close());
}

describe('the page on the manifest', () => {
  test('shows the bytes that the code writes', () => {
    const fs = new MemoryFileSystem();
    exampleManifest(fs);
    expect(fenced('manifest.md', 'hex')).toBe(dump(fs.readBytes('MANIFEST-000001')));
  });

  test('tells what the code reads in them', async () => {
    const hex = fenced('manifest.md', 'hex').replace(/^[0-9a-f]{4}/gm, '');
    const fs = new MemoryFileSystem();
    fs.writeBytes('MANIFEST-000001', Buffer.from(hex.replace(/\s/g, ''), 'hex'));
    let told = '';
    await runAsync(
      readManifest(fs, 'MANIFEST-000001', (edit, offset) => {
        told += `# record at ${offset}\n${describeEdit(edit)}`;
        return undefined;
      }),
    );
    expect(fenced('manifest.md', 'text')).toBe(told);
  });
});

test('the page on CURRENT shows the bytes that the code writes and reads', () => {
  const current = { databaseId, manifestNumber: 5, manifestFileId: fileId };
  const encoded = encodeCurrent(current, { low: 0xcccc_bbaa, high: 0xeeee_dddd });
  expect(fenced('current.md', 'hex')).toBe(dump(encoded));
  expect(decodeCurrent(encoded, 'CURRENT')).toEqual(current);
});
