// The time that stands for "now" in an image that has to be the same on every build, from settings and build facts.
import { PluginError } from '../base/plugin-error.ts';
import type { BuildInfo } from '../settings/build-info.ts';
import type { Values } from '../settings/table.ts';

export interface SourceDate {
  /** Unix seconds; absent: the time of the build. */
  readonly seconds?: number;
  readonly warnings: readonly string[];
}

/** Decides the time. Throws PluginError (exit 2) when the commit's is asked for and nobody knows it. */
export function sourceDate(values: Pick<Values, 'source_date_epoch' | 'reproducible'>, info: BuildInfo): SourceDate {
  const asked = values.source_date_epoch ?? (values.reproducible ? 'commit' : undefined);
  if (asked === undefined) return { warnings: [] };
  if (asked !== 'commit') return { seconds: asked, warnings: [] };
  if (info.commitSeconds !== undefined) return { seconds: info.commitSeconds, warnings: [] };
  const setting = values.source_date_epoch === 'commit' ? 'source_date_epoch' : 'reproducible';
  if (info.createdSeconds === undefined) {
    throw new PluginError({
      code: 'no-commit-time',
      exitCode: 2,
      message: `settings.${setting}: the workspace has no commit that can be read, and DRONE_BUILD_CREATED is not set`,
      hint: 'set source_date_epoch to a number of seconds since 1970',
    });
  }
  const warning = `settings.${setting}: the workspace has no commit that can be read; the time of the pipeline is used, which differs from build to build`;
  return { seconds: info.createdSeconds, warnings: [warning] };
}
