// The token for git contexts. BuildKit knows it as a build secret of a fixed name, which its git source sends as the
// password of `x-access-token` (moby/buildkit, source/git).
import { addProblem, addWarning } from './findings.ts';
import type { SecretInputs } from './read-secrets.ts';
import type { BuildSource, NamedContext } from './settings.ts';

const secretId = 'GIT_AUTH_TOKEN';

/** The secrets with the token of github_token among them, when something is fetched by git. */
export function withGitToken(
  secrets: ReadonlyMap<string, Uint8Array>,
  contexts: { readonly source: BuildSource; readonly namedContexts: ReadonlyMap<string, NamedContext> },
  { values, findings }: SecretInputs,
): ReadonlyMap<string, Uint8Array> {
  const token = values.github_token;
  if (token === undefined) return secrets;
  const all = [contexts.source, ...contexts.namedContexts.values()];
  if (!all.some((context) => 'isGit' in context && context.isGit)) {
    addWarning(findings, 'github_token', 'is not used, because no context is fetched by git');
    return secrets;
  }
  if (secrets.has(secretId)) {
    addProblem(findings, 'github_token', {
      wrong: `the secret settings have the id ${secretId} as well`,
      right: 'must be given once, here or there',
    });
  }
  return new Map([...secrets, [secretId, Buffer.from(token, 'utf8')]]);
}
