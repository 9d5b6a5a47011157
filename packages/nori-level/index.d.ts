export * from 'nori-lsm/level';
export { NoriLevel as ClassicLevel } from 'nori-lsm/level';
