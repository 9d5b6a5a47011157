// A store for login sessions that expire: two keyspaces, written together.
//
// `sessions` has each session under its id. `by-expiry` has the same ids under the
// time at which they expire, so that a cleanup reads only what is due, from the
// oldest on. A batch writes both or neither: they cannot come apart.
//
//     node examples/session-store.mjs [directory]
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { open } from 'nori-lsm';

class SessionStore {
  /** @param lifetimeMs milliseconds without use after which a session expires */
  static async open(directory, lifetimeMs) {
    const db = await open(directory, { keyEncoding: 'utf8' });
    const sessions = await db.keyspace('sessions', { valueEncoding: 'json' });
    const byExpiry = await db.keyspace('by-expiry', { valueEncoding: 'utf8' });
    return new SessionStore(db, sessions, byExpiry, lifetimeMs);
  }

  constructor(db, sessions, byExpiry, lifetimeMs) {
    Object.assign(this, { db, sessions, byExpiry, lifetimeMs });
  }

  async create(user, nowMs) {
    const id = randomUUID();
    const expiresMs = nowMs + this.lifetimeMs;
    await this.db
      .batch()
      .put(id, { user, expiresMs }, { keyspace: this.sessions })
      .put(expiryKey(expiresMs, id), id, { keyspace: this.byExpiry })
      .commit();
    return id;
  }

  /** The session, whose life begins anew; undefined when there is none, or none any more. */
  async use(id, nowMs) {
    const session = await this.sessions.get(id);
    if (session === undefined || session.expiresMs <= nowMs) return undefined;
    const expiresMs = nowMs + this.lifetimeMs;
    await this.db
      .batch()
      .put(id, { ...session, expiresMs }, { keyspace: this.sessions })
      .delete(expiryKey(session.expiresMs, id), { keyspace: this.byExpiry })
      .put(expiryKey(expiresMs, id), id, { keyspace: this.byExpiry })
      .commit();
    return session;
  }

  /** Removes what has expired; returns how many. */
  async cleanUp(nowMs) {
    const batch = this.db.batch();
    let removed = 0;
    for await (const [key, id] of this.byExpiry.entries({ lt: expiryKey(nowMs, '') })) {
      batch.delete(key, { keyspace: this.byExpiry }).delete(id, { keyspace: this.sessions });
      removed++;
    }
    await batch.commit();
    return removed;
  }

  close() {
    return this.db.close();
  }
}

/** Times of equal length, so that the order of bytes is the order of time. */
function expiryKey(timeMs, id) {
  return `${String(timeMs).padStart(15, '0')}/${id}`;
}

const directory = process.argv[2] ?? mkdtempSync(join(tmpdir(), 'nori-sessions-'));
const minute = 60_000;
const store = await SessionStore.open(directory, 30 * minute);
try {
  const startMs = Date.now();
  const ids = [];
  for (let i = 0; i < 1000; i++) ids.push(await store.create(`user ${i}`, startMs + i));
  console.log(`created ${ids.length} sessions that live for 30 minutes`);

  const [ada, grace] = ids;
  console.log(`after 20 minutes, in use: ${(await store.use(ada, startMs + 20 * minute)).user}`);

  const laterMs = startMs + 40 * minute;
  console.log(`after 40 minutes, the cleanup removed ${await store.cleanUp(laterMs)}`);
  console.log(`the one that was used: ${(await store.use(ada, laterMs)).user}`);
  console.log(`another one: ${await store.use(grace, laterMs)}`);
} finally {
  await store.close();
  if (process.argv[2] === undefined) rmSync(directory, { recursive: true });
}
