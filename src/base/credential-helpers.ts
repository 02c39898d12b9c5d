// Credential programs that a docker config may name. None of them is in this image; for those of clouds that are logged in to
// here, a host that is theirs is served by the cloud's own client. github.com/docker/docker-credential-helpers

/** A cloud whose logins are made here. */
export type HelperCloud = 'aws' | 'google' | 'azure';

/** A registry host that a config leaves to the program of a cloud. */
export interface HelperHost {
  /** `host[:port]`. */
  readonly host: string;
  readonly cloud: HelperCloud;
}

const clouds: ReadonlyMap<string, HelperCloud> = new Map([
  ['ecr-login', 'aws'],
  ['gcloud', 'google'],
  ['gcr', 'google'],
  ['acr-env', 'azure'],
]);

/** The cloud that a program (`docker-credential-<name>`) is for; undefined for all that is not known here. */
export function helperCloud(program: string): HelperCloud | undefined {
  return clouds.get(program);
}

/** Settings that give a cloud's logins, for hints. */
export const cloudSettings: Readonly<Record<HelperCloud, string>> = {
  aws: '`access_key` and `secret_key`',
  google: '`json_key`',
  azure: '`client_id`, `client_secret` and `tenant_id`',
};
