/** Does nothing: what is measured with it is the runner itself. */
export const driver = {
  name: 'empty',
  version: '',
  bytes: 'view',
  loadBatch: 1000,
  acknowledgement: { os: 'nothing was done', disk: 'nothing was done' },
  settings: 'does nothing; reads are left out',
  isEmpty: true,
  async open() {
    return new EmptyStore();
  },
};

class EmptyStore {
  batch() {
    return Promise.resolve();
  }

  put() {
    return Promise.resolve();
  }

  async settle() {}

  async close() {}
}
