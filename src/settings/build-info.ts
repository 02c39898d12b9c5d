// What the pipeline says about the build: ref, branch, commit, repository. Drone's variables first, then Woodpecker's,
// which has a layer of Drone's names too. All of it is text that a pull request may choose: it is data, never a path.
import type { Environment } from './reading.ts';

/** Facts about the build; empty text where the pipeline says nothing. */
export interface BuildInfo {
  /** Full git ref, e.g. `refs/tags/v1.2.3`. */
  readonly ref: string;
  readonly defaultBranch: string;
  readonly commit: string;
  /** `owner/name`. */
  readonly repository: string;
  /** Number of the build in its repository. */
  readonly number: string;
  /** Clone address; may hold a login. */
  readonly remoteUrl: string;
  /** `push`, `tag`, `pull_request`, ... */
  readonly event: string;
  /** Unix seconds: when the pipeline was started. */
  readonly createdSeconds?: number;
  /** Unix seconds: when the commit of the workspace was made; looked up only when it is wanted. */
  readonly commitSeconds?: number;
}

/** Reads the facts from the environment of a step. */
export function readBuildInfo(environment: Environment): BuildInfo {
  const first = (...names: readonly string[]) =>
    names.map((name) => environment[name]).find((value) => value !== undefined && value !== '') ?? '';
  const created = first('DRONE_BUILD_CREATED', 'CI_PIPELINE_CREATED');
  return {
    ...(/^[1-9]\d{0,11}$/.test(created) ? { createdSeconds: Number(created) } : {}),
    ref: first('DRONE_COMMIT_REF', 'CI_COMMIT_REF'),
    defaultBranch: first('DRONE_REPO_BRANCH', 'CI_REPO_DEFAULT_BRANCH'),
    commit: first('DRONE_COMMIT_SHA', 'CI_COMMIT_SHA'),
    repository: first('DRONE_REPO', 'CI_REPO'),
    number: first('DRONE_BUILD_NUMBER', 'CI_PIPELINE_NUMBER', 'CI_BUILD_NUMBER'),
    remoteUrl: first('DRONE_REMOTE_URL', 'CI_REMOTE_URL', 'CI_REPO_CLONE_URL'),
    event: first('DRONE_BUILD_EVENT', 'CI_PIPELINE_EVENT', 'CI_BUILD_EVENT'),
  };
}
