// What a reader sees of a build while it runs: numbered lines, or BuildKit's own messages as JSON lines.
import type { StatusUpdate } from '../buildkit/status.ts';
import type { Plan } from '../plan/plan.ts';
import { RawProgress } from '../report/raw-progress.ts';
import { reportSteps } from './report.ts';
import type { Tools } from './tools.ts';

export interface BuildWatch {
  readonly onStatus: (status: StatusUpdate) => void;
  /** Prints what is left, and writes how the steps ended; also after a failure. */
  readonly end: () => Promise<void>;
}

/** JSON lines take the place of the lines for people where the plan says so; steps are counted either way. */
export function watchBuild(plan: Plan, tools: Tools): BuildWatch {
  const { log, mask, progress } = tools;
  const raw = plan.report.rawProgress ? new RawProgress((line) => log.json(line), mask) : undefined;
  if (raw !== undefined) progress.mute();
  return {
    onStatus: (status) => {
      progress.update(status);
      raw?.update(status);
    },
    end: async () => {
      progress.end();
      raw?.end();
      await reportSteps(plan, tools);
    },
  };
}
