// What every chapter of a run is given: the process as values, and what the run says, measures, hides and has to undo.
import type { Deadline } from '../base/deadline.ts';
import type { Ledger } from '../base/ledger.ts';
import type { World } from '../base/world.ts';
import type { LogWriter } from '../report/log-writer.ts';
import type { Phases } from '../report/phases.ts';
import type { Progress } from '../report/progress.ts';

export interface Tools {
  /** Its signal also ends with the time limit of the step. */
  readonly world: World;
  readonly deadline: Deadline;
  readonly log: LogWriter;
  /** Masks a secret from now on; false when it is too short for that. */
  readonly redact: (secret: string) => boolean;
  /** The text with every known secret masked. */
  readonly mask: (text: string) => string;
  /** True when a text holds the value of a known secret. */
  readonly holdsSecret: (text: string) => boolean;
  readonly ledger: Ledger;
  readonly phases: Phases;
  readonly progress: Progress;
}
