// PouchDB on its LevelDB adapter, which asks for leveldown by name.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const require = createRequire(import.meta.url);
const PouchDB = require('pouchdb-core')
  .plugin(require('pouchdb-adapter-leveldb'))
  .plugin(require('pouchdb-replication'));

const documents = 300;
const attached = Buffer.from('grüße, PouchDB');

export async function checkPouchDB(directory) {
  const name = (given) => ({
    name: join(directory, given),
    adapter: 'leveldb',
  });
  const db = new PouchDB(name('one'));
  const { rev } = await db.put({ _id: 'first', text: 'draft' });
  await db.put({ _id: 'first', _rev: rev, text: 'final' });
  assert.equal((await db.get('first')).text, 'final');
  assert.equal((await db.get('first', { rev })).text, 'draft');
  assert.equal((await db.put({ _id: 'first', text: 'late' }).catch((error) => error)).status, 409);
  await assert.rejects(db.get('nobody'), { status: 404 });

  const many = Array.from({ length: documents }, (_, i) => ({
    _id: `doc-${String(i).padStart(3, '0')}`,
    square: i * i,
  }));
  const written = await db.bulkDocs(many);
  assert.ok(written.every(({ ok }) => ok));
  await db.remove('doc-007', written[7].rev);
  await db.putAttachment('doc-008', 'note', written[8].rev, attached, 'text/plain');

  const { rows } = await db.allDocs({
    startkey: 'doc-005',
    endkey: 'doc-009',
    include_docs: true,
  });
  assert.deepEqual(
    rows.map(({ id, doc }) => [id, doc.square]),
    [5, 6, 8, 9].map((i) => [`doc-00${i}`, i * i]),
  );
  const changes = await db.changes({ since: 0 });
  assert.equal(changes.results.length, documents + 1);
  assert.ok(changes.results.some(({ id, deleted }) => id === 'doc-007' && deleted));

  const other = new PouchDB(name('two'));
  const { ok, docs_written: replicated } = await PouchDB.replicate(db, other);
  assert.ok(ok);
  assert.equal(replicated, documents + 1);
  await other.put({ _id: 'answer' });
  await PouchDB.sync(db, other);
  assert.ok(attached.equals(await db.getAttachment('doc-008', 'note')));
  assert.deepEqual((await db.allDocs()).rows, (await other.allDocs()).rows);
  await db.compact();
  await db.close();
  await other.close();

  const again = new PouchDB(name('one'));
  assert.equal((await again.info()).doc_count, documents + 1);
  assert.equal((await again.get('first')).text, 'final');
  assert.ok(attached.equals(await again.getAttachment('doc-008', 'note')));
  await again.destroy();
  return `PouchDB 9: ${documents + 2} documents written, replicated and found after reopening`;
}
