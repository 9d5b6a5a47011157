import { makeDriver } from './lmdb.mjs';

export const driver = makeDriver(true);
