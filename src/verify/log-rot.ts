import type { FileSystem } from '../fs/file-system.js';
import type { LogReplay } from '../wal/recover-logs.js';
import { walkLog, type LogGap } from './log-walk.js';

/**
 * What in the end that recovery takes for torn is no crash but rot: fragments that were
 * whole until one bit flipped. Only the log that recovery ends with has such an end: all
 * before it are whole, those behind it are void. From the first place on that
 * no flipped bit explains, the log is what a crash has left, and nothing there counts.
 */
export async function findRot(
  fs: FileSystem,
  directory: string,
  { last, tornTail, endedEarly }: Pick<LogReplay, 'last' | 'tornTail' | 'endedEarly'>,
  nameOf: (keyspaceId: number) => string | undefined = () => undefined,
): Promise<readonly LogGap[]> {
  if (tornTail === undefined) return [];
  const { gaps } = await walkLog(fs, directory, last.number, nameOf);
  const statedEnd = endedEarly?.statedEnd ?? Infinity;
  const tear = gaps.findIndex(({ isRot, offset }) => !isRot || offset >= statedEnd);
  return tear < 0 ? gaps : gaps.slice(0, tear);
}
