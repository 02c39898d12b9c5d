// What is written about a run, from the settings and the tags that were wanted.
import type { Settings } from '../settings/settings.ts';
import type { PublishTargetPlan } from './destination-plan.ts';

/** What is written about a run. */
export interface ReportPlan {
  /** By the name of the setting; `log` is the log of the step, a path is absolute. */
  readonly places: ReadonlyMap<string, { readonly kind: 'log' } | { readonly kind: 'file'; readonly path: string }>;
  /** Absolute paths of dotenv files with the outputs of the step. */
  readonly outputFiles: readonly string[];
  /** What was wanted, also in a dry run. */
  readonly wanted: readonly PublishTargetPlan[];
  /** BuildKit's progress as JSON lines. */
  readonly rawProgress: boolean;
}

/** What the settings want to be written. */
export function reportPlan({ reports, values }: Settings, wanted: readonly PublishTargetPlan[]): ReportPlan {
  return { ...reports, wanted, rawProgress: values.progress === 'rawjson' };
}
