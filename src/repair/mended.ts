import type { FileId } from '../base/checksum.js';
import type { ManifestState } from '../manifest/manifest-state.js';

/** What a repair leads to. */
export interface Mended {
  readonly databaseId: FileId;
  /** What the new manifest begins with. */
  readonly state: ManifestState;
  /** Names of files that the new state does not need, to be set aside. */
  readonly setAside: readonly string[];
}
