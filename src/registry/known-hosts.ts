// What is known about registries by their hosts. Hints only: whatever is done must be right for a host that is not here too.
import { variantOfHost } from '../base/registry-variant.ts';

/** What a host is known for. */
export interface HostFacts {
  /** DELETE of a tag takes that tag away and leaves the manifest and its other tags. */
  readonly untagsByDelete?: boolean;
  /** It takes no larger chunks. */
  readonly maxChunkBytes?: number;
  /** What it says about the bytes of an open upload is not always so. */
  readonly forgetsChunks?: boolean;
  /** It wants chunks of a size that we do not send: they are used only where they are asked for. */
  readonly noChunks?: boolean;
}

/** docs.gitlab.com/api/container_registry; cloud.google.com/artifact-registry/docs/docker/manage-images */
const factsByHost: ReadonlyMap<string, HostFacts> = new Map([
  ['registry.gitlab.com', { untagsByDelete: true }],
  ['ghcr.io', { maxChunkBytes: 4 * 1024 * 1024 }],
]);

/** The facts about a host, as image names write it; none about most. */
export function factsOf(host: string): HostFacts {
  const variant = variantOfHost(host);
  if (variant === 'gar' || variant === 'gcr') return { untagsByDelete: true };
  if (variant === 'ecr' || variant === 'ecr-public') return { forgetsChunks: true, noChunks: true };
  return factsByHost.get(host) ?? {};
}

/**
 * What to do about a repository that does not exist, where the registry does not create it; undefined when nothing special
 * is known about the host.
 *
 * @param repository `host/path`
 */
export function missingRepositoryHint(host: string, repository: string): string | undefined {
  switch (variantOfHost(host)) {
    case 'gar': {
      // Names below the second part are made when they are pushed.
      const [project = '', name = ''] = repository.slice(host.length + 1).split('/');
      return name === ''
        ? 'the name of an image there is <project>/<repository>/<image>'
        : `the Artifact Registry repository ${name} in project ${project} must exist: create it, with the format Docker`;
    }
    case 'ecr':
    case 'ecr-public':
      return 'create it, or set `create_repository: true`';
    case 'heroku':
      return 'the app must exist: create it at Heroku, or check `app`';
    case 'gcr':
    case 'acr':
    case undefined:
      return undefined;
  }
}
