// Which logins a step has, in the order in which they are asked: entries of `logins`, then username/password, then the access
// token. Logins for base images are kept apart, since nothing is ever pushed with them.
import { accessTokenUser } from '../base/credentials.ts';
import type { DockerConfigText, Settings } from '../settings/settings.ts';
import { loginHost } from './variant.ts';

/** Logins for registries. */
export interface LoginsPlan {
  /** In the order in which they are asked. */
  readonly logins: readonly LoginPlan[];
  /** For pulling only. */
  readonly baseImageLogins: readonly LoginPlan[];
  /** Configs inside of `logins`, asked before all others. */
  readonly loginConfigs: readonly DockerConfigText[];
  /** Registries at Amazon with a session of their own. */
  readonly awsLogins: readonly AwsLoginPlan[];
}

/** A login for exactly one registry, or the repositories below a path there. */
export interface LoginPlan {
  /** `host[:port]`; `docker.io` for Docker Hub. */
  readonly registry: string;
  readonly path?: string;
  readonly username: string;
  readonly password: string;
  /** Names the settings, never the value. */
  readonly source: string;
  /** The setting that names its registry. */
  readonly hostSetting?: string;
}

/** A registry whose password Amazon is asked for, by `logins` or a docker config. Without keys: the usual places. */
export interface AwsLoginPlan {
  readonly registry: string;
  readonly region?: string;
  readonly accessKeyId?: string;
  readonly secretAccessKey?: string;
  readonly source: string;
}

/** Logins, by the settings. */
export function loginsPlan(settings: Settings): LoginsPlan {
  const { values, dockerConfigs } = settings;
  const entries = (values.logins ?? []).map((entry) => ({ entry, source: 'settings logins' }));
  return {
    logins: [
      ...entries.flatMap(({ entry, source }): LoginPlan[] => {
        if (entry.kind === 'config' || entry.kind === 'aws') return [];
        const { registry, path } = entry;
        const place = { registry, ...(path === undefined ? {} : { path }), source };
        return entry.kind === 'password'
          ? [{ ...place, username: entry.username, password: entry.password }]
          : [{ ...place, username: accessTokenUser, password: entry.token }];
      }),
      ...ownLogin(values, loginHost(settings)),
    ],
    baseImageLogins: baseImageLogin(values),
    loginConfigs: entries.flatMap(({ entry, source }) =>
      entry.kind === 'config' ? [{ text: entry.text, source }] : [],
    ),
    awsLogins: [
      ...entries.flatMap(({ entry, source }) => {
        if (entry.kind !== 'aws') return [];
        const { kind: _, path: __, ...login } = entry;
        return [{ ...login, source }];
      }),
      ...dockerConfigs.flatMap(({ helperHosts = [], source }) =>
        helperHosts.flatMap(({ host, cloud }) => (cloud === 'aws' ? [{ registry: host, source }] : [])),
      ),
    ],
  };
}

function ownLogin(
  { username, password, access_token: token }: Settings['values'],
  registry: string,
): readonly LoginPlan[] {
  const place = { registry, hostSetting: 'registry' };
  if (password !== undefined) {
    return username === undefined ? [] : [{ ...place, username, password, source: 'settings username/password' }];
  }
  if (token === undefined) return [];
  return [{ ...place, username: accessTokenUser, password: token, source: 'settings access_token' }];
}

function baseImageLogin(values: Settings['values']): readonly LoginPlan[] {
  const { base_image_registry: registry, base_image_username: username, base_image_password: password } = values;
  if (registry === undefined || username === undefined || password === undefined) return [];
  return [{ registry, username, password, source: 'settings base_image_username/password' }];
}
