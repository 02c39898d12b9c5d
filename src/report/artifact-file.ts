// The artifact file of Drone's plugins (kind docker/v1): what was published where, for the artifacts tab of Harness. Layout
// and order are those of github.com/drone-plugins/drone-plugin-lib, byte for byte.
import { familiarName, type RunReport } from './run-report.ts';

/** The text of the file; undefined when there is nothing to list. */
export function formatArtifacts({ tags, registryType, registryUrl }: RunReport): string | undefined {
  const images = tags.flatMap(({ repository, tag, digest, state }) =>
    digest === undefined || state === 'intended' ? [] : [{ image: familiarName({ repository, tag }), digest }],
  );
  if (images.length === 0) return undefined;
  return JSON.stringify({ kind: 'docker/v1', data: { registryType, registryUrl, images } }, undefined, '\t');
}
