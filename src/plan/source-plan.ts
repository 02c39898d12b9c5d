// Where the build's files come from, from the settings.
import type { BuildSource, NamedContext, Settings } from '../settings/settings.ts';

/** Where the build's files come from. */
export interface SourcePlan {
  readonly source: BuildSource;
  /** By the name that the Dockerfile uses. */
  readonly namedContexts: ReadonlyMap<string, NamedContext>;
  /** Relative to the folder of the Dockerfile, or inside of a remote context. */
  readonly dockerfileName: string;
  /** As the pipeline author wrote it. */
  readonly dockerfileDisplay: string;
  readonly contextDisplay: string;
}

/** Where the build's files come from, by the settings. */
export function sourcePlan({ source, namedContexts }: Settings): SourcePlan {
  return {
    source,
    namedContexts,
    dockerfileName: source.dockerfileName,
    dockerfileDisplay: source.dockerfileDisplay,
    contextDisplay: source.kind === 'local' ? source.contextDirectory : source.address,
  };
}
