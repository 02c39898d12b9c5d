// The connections that a step makes to its daemon, told apart by their first line, and what tests do to a daemon's names.
import { engineJson, engineRequest } from '../../support/engine-api.ts';

/** First lines; a step makes several connections to `/grpc`. */
export const connections = {
  ping: /^GET \/_ping/,
  version: /^GET \/version/,
  session: /^POST (\/v[\d.]+)?\/session/,
  grpc: /^POST (\/v[\d.]+)?\/grpc/,
  inspect: /^GET \/images\/.*\/json/,
  exports: /^GET \/images\/.*\/get/,
  removal: /^DELETE \/images\//,
} as const satisfies Readonly<Record<string, RegExp>>;

const ours = 'docker-build.invalid/';

/** What a neighbour does who cleans up too much. */
export async function removeTemporaryNames(engine: { readonly socket: string }): Promise<void> {
  const images = (await engineJson(engine, 'GET', '/images/json')) as { RepoTags: readonly string[] | null }[];
  const names = images.flatMap(({ RepoTags }) => RepoTags ?? []).filter((name) => name.startsWith(ours));
  for (const name of names) await engineRequest(engine, 'DELETE', `/images/${name}`);
}

/** The same by the daemon's own means: build cache, and every image that no container uses. */
export async function pruneAll(engine: { readonly socket: string }): Promise<void> {
  const filters = encodeURIComponent(JSON.stringify({ dangling: { false: true } }));
  await engineRequest(engine, 'POST', `/images/prune?filters=${filters}`);
  await engineRequest(engine, 'POST', '/build/prune?all=1');
}
