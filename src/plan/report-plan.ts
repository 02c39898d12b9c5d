// What is written about a run, from the settings and the tags that were wanted.
import type { Reports } from '../settings/read-reports.ts';
import type { Settings } from '../settings/settings.ts';
import type { PublishTargetPlan } from './destination-plan.ts';

/** What is written about a run. */
export interface ReportPlan extends Reports {
  /** What was wanted, also in a dry run. */
  readonly wanted: readonly PublishTargetPlan[];
  /** BuildKit's progress as JSON lines. */
  readonly rawProgress: boolean;
}

/** What the settings want to be written. */
export function reportPlan({ reports, values }: Settings, wanted: readonly PublishTargetPlan[]): ReportPlan {
  return { ...reports, wanted, rawProgress: values.progress === 'rawjson' };
}
