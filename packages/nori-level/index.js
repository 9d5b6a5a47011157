export { Level, NoriLevel, NoriLevel as ClassicLevel } from 'nori-lsm/level';
