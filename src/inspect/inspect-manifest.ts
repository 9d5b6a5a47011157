import type { File } from '../fs/file-system.js';
import { describeEdit } from '../manifest/describe-edit.js';
import { decodeEdit } from '../manifest/edit-codec.js';
import type { FileFact } from './facts.js';
import { headerFact, type Beginning } from './lenient-header.js';
import { toDamage } from './to-damage.js';
import { walkRecords } from './walk-records.js';

export async function* inspectManifest(file: File, beginning: Beginning): AsyncGenerator<FileFact> {
  const { header, fileId, start, fileBytes } = beginning;
  if (header !== undefined) yield headerFact(header, fileBytes);
  let damages = 0;
  let records = 0;
  let end = start;
  for await (const found of walkRecords(file, fileId, start)) {
    if (found.type === 'walk-end') end = found.offset;
    else if (found.type !== 'record') {
      if (found.type === 'damage') damages++;
      yield found;
    } else {
      const { bytes, offset, isBehindDamage } = found;
      records++;
      try {
        const edit = decodeEdit(bytes, file.path, offset);
        const lines = describeEdit(edit).split('\n').slice(0, -1);
        yield { type: 'edit', offset, bytes: bytes.length, edit, lines, isBehindDamage };
      } catch (error) {
        damages++;
        yield toDamage(error, offset, bytes.length);
      }
    }
  }
  yield { type: 'end', offset: end, records, entries: 0, damages };
}
