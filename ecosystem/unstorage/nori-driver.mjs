// A driver of unstorage, to be taken over into your project:
//
//   const storage = createStorage({ driver: noriDriver({ path: './data' }) });
//
// Options other than `path` go to `open`.
import { open } from 'nori-lsm';

const batchSize = 1000;
const decoder = new TextDecoder();

const toText = (bytes) => (bytes === undefined ? null : decoder.decode(bytes));

export function noriDriver({ path, ...options }) {
  let opening;
  // Drivers are made without waiting: the first call opens.
  const database = () => (opening ??= open(path, { ...options, keyEncoding: 'utf8' }));

  return {
    name: 'nori-lsm',
    options: { path, ...options },
    getInstance: database,
    async hasItem(key) {
      return (await database()).has(key);
    },
    async getItem(key) {
      return toText(await (await database()).get(key));
    },
    async getItems(items) {
      const keys = items.map(({ key }) => key);
      const values = await (await database()).getMany(keys);
      return keys.map((key, i) => ({ key, value: toText(values[i]) }));
    },
    async getItemRaw(key) {
      return (await (await database()).get(key)) ?? null;
    },
    async setItem(key, value) {
      await (await database()).put(key, value);
    },
    async setItems(items) {
      const operations = items.map(({ key, value }) => ({ type: 'put', key, value }));
      await (await database()).batch(operations);
    },
    async setItemRaw(key, value) {
      await (await database()).put(key, value);
    },
    async removeItem(key) {
      await (await database()).delete(key);
    },
    async getKeys(base) {
      const keys = [];
      for await (const key of (await database()).keys({ prefix: base ?? '' })) keys.push(key);
      return keys;
    },
    async clear(base) {
      const db = await database();
      const keys = db.keys({ prefix: base ?? '' });
      for (;;) {
        const some = await keys.nextMany(batchSize);
        if (some.length === 0) return;
        await db.batch(some.map((key) => ({ type: 'delete', key })));
      }
    },
    async dispose() {
      const closing = opening;
      opening = undefined;
      await (await closing)?.close();
    },
  };
}
