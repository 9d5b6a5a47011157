/**
 * A storage adapter for Keyv on nori-lsm, with entries that expire.
 *
 * ```js
 * import Keyv from 'keyv';
 * import KeyvNori from 'nori-lsm/keyv';
 *
 * const keyv = new Keyv({ store: new KeyvNori('./cache') });
 * await keyv.set('a', { b: 1 }, 60_000);
 * await keyv.disconnect();
 * ```
 *
 * @module nori-lsm/keyv
 */
// As the default too: so do the adapters of Keyv.
export { KeyvNori, KeyvNori as default } from './keyv/keyv-nori.js';
export type { KeyvNoriEntry, KeyvNoriOptions, KeyvNoriOpts } from './keyv/keyv-nori.js';
export type { AnyDatabase } from './keyv/store.js';
