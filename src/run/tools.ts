// What every chapter of a run is given: the process as values, and what the run says, measures, hides and has to undo.
import type { Ledger } from '../base/ledger.ts';
import type { World } from '../base/world.ts';
import type { LogWriter } from '../report/log-writer.ts';
import type { Phases } from '../report/phases.ts';
import type { Progress } from '../report/progress.ts';

export interface Tools {
  readonly world: World;
  readonly log: LogWriter;
  /** Masks a secret from now on; false when it is too short for that. */
  readonly redact: (secret: string) => boolean;
  readonly ledger: Ledger;
  readonly phases: Phases;
  readonly progress: Progress;
}
