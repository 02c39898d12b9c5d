// A build that failed, with the setting that would cure it. The BuildKit client says what happened and knows no settings;
// here is known what this step was given.
import { PluginError } from '../base/plugin-error.ts';
import type { SolveError } from '../buildkit/solve-error.ts';

/** What of a step its failures may be about. */
export interface GivenToBuild {
  readonly secrets: ReadonlyMap<string, unknown>;
  readonly ssh?: readonly { readonly id: string }[];
}

/** A failed build. */
export class BuildFailure extends PluginError {
  /** The failed step, as in the progress messages. */
  readonly vertexDigest: string | undefined;
  /** Present when the daemon built and could not push. */
  readonly push: SolveError['push'];

  constructor(error: SolveError, given: GivenToBuild) {
    const { code, exitCode, message, details } = error;
    super({ code, exitCode, message, details, hint: error.hint ?? hintFor(error, given), cause: error });
    this.vertexDigest = error.vertexDigest;
    this.push = error.push;
  }
}

function hintFor({ kind, exitCode }: SolveError, given: GivenToBuild): string | undefined {
  switch (kind) {
    case 'secret-missing':
      return given.secrets.size === 0
        ? 'give the secret by secrets_from_env, secrets_from_file or secret'
        : `the step gives the secrets ${[...given.secrets.keys()].join(', ')}; add the missing one by secrets_from_env, secrets_from_file or secret`;
    case 'ssh-missing':
      return given.ssh === undefined || given.ssh.length === 0
        ? 'set ssh_agent_key, or ssh'
        : `the step gives keys for the ids ${given.ssh.map(({ id }) => id).join(', ')}; add the missing one by ssh: id=path`;
    case 'image-missing':
      return 'check the name and tag; base images are looked up at their registry, not among the images of the daemon';
    case 'image-denied':
      return 'give a login for that registry in config; username and password belong to registry only';
    case 'platform-missing':
      return 'set platform to one that the base image is made for';
    case 'push-failed':
      if (exitCode === 3) return 'give a login that may push there: registry, username and password, or config';
      return 'this daemon pushes by itself: it must reach the registry, and trust it in its own daemon.json or certs.d; `push_via: plugin` pushes from here';
    case 'daemon-disk-full':
      return 'free disk space on the runner, or set builder.gc in the daemon.json of its daemon';
    case 'cache-lost':
      return 'nobody should prune images or build cache of this daemon while it builds; run the step again';
    case 'cancelled':
    case 'connection-lost':
    case 'session-lost':
      return 'run the step again';
    case 'build-failed':
    case 'not-allowed':
    case 'registry-unavailable':
    case 'daemon-cannot':
    case 'limit-exceeded':
      return undefined;
  }
}
