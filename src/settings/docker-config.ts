// Docker's config.json with logins: checked for shape before anything is connected, and every secret in it registered for
// masking. The logins themselves are read by credentials/. Format: docker/cli, cli/config/configfile.
import { helperCloud, type HelperHost } from '../base/credential-helpers.ts';
import { decodeAuth } from '../base/credentials.ts';
import { faultOfHost, registryHost } from '../base/registry-host.ts';
import { parseJson, type Json } from './json-text.ts';
import type { Redact } from './reading.ts';

/** What a text is worth. Messages give positions, never values. */
export type DockerConfigCheck =
  /** It holds no logins, as the config.json of somebody who never logged in. */
  | { readonly kind: 'no-logins' }
  /** Not a config.json at all. */
  | { readonly kind: 'unusable'; readonly wrong: string }
  | {
      readonly kind: 'usable';
      /** Logins that cannot be read. */
      readonly brokenEntries: readonly string[];
      /** Credential programs that it names and that have no counterpart here. */
      readonly helpers: readonly string[];
      /** Hosts that it leaves to the program of a cloud. */
      readonly helperHosts: readonly HelperHost[];
      readonly holdsShortSecret: boolean;
    };

/** Checks a text. */
export function checkDockerConfig(text: string, redact: Redact): DockerConfigCheck {
  const json = parseJson(text);
  if (!json.ok) return { kind: 'unusable', wrong: json.wrong };
  if (json.value.kind !== 'object') return { kind: 'unusable', wrong: 'is not a JSON object' };
  const secrets = [...secretsIn(json.value)];
  const maskings = secrets.map((secret) => redact(secret));
  const { members } = json.value;
  const auths = members.get('auths');
  const helpers = helperNames(members);
  const helperHosts = helperHostsIn(members);
  if (auths === undefined && helpers.length === 0) return { kind: 'no-logins' };
  if (auths !== undefined && auths.kind !== 'object')
    return { kind: 'unusable', wrong: 'has an "auths" that is no object' };
  const brokenEntries = [...(auths?.members.values() ?? [])].flatMap((entry, index) => {
    const wrong = wrongWithEntry(entry);
    return wrong === undefined ? [] : [`entry ${index + 1} of "auths"${wrong}`];
  });
  const foreign = helpers.filter((name) => helperCloud(name) === undefined);
  return { kind: 'usable', brokenEntries, helpers: foreign, helperHosts, holdsShortSecret: maskings.includes(false) };
}

function wrongWithEntry(entry: Json): string | undefined {
  if (entry.kind !== 'object') return ' is no object';
  const auth = entry.members.get('auth');
  if (auth === undefined) return undefined;
  if (auth.kind !== 'string') return ': "auth" is no text';
  return auth.text === '' || decodeAuth(auth.text) !== undefined
    ? undefined
    : ': "auth" is not base64 of user:password';
}

const secretKeys = new Set(['auth', 'password', 'identitytoken', 'registrytoken']);

/** Wherever they stand, so that those of a broken config are masked too. */
function* secretsIn(json: Json): Generator<string> {
  if (json.kind === 'array') for (const item of json.items) yield* secretsIn(item);
  if (json.kind !== 'object') return;
  for (const [key, value] of json.members) {
    yield* secretsIn(value);
    if (value.kind !== 'string' || value.text === '' || !secretKeys.has(key.toLowerCase())) continue;
    yield value.text;
    const login = key.toLowerCase() === 'auth' ? decodeAuth(value.text) : undefined;
    if (login === undefined) continue;
    yield `${login.username}:${login.password}`;
    if (login.password !== '') yield login.password;
  }
}

function helperNames(members: ReadonlyMap<string, Json>): readonly string[] {
  const store = members.get('credsStore');
  const helpers = members.get('credHelpers');
  const named = helpers?.kind === 'object' ? [...helpers.members.values()] : [];
  const names = [...(store === undefined ? [] : [store]), ...named].map((value) =>
    value.kind === 'string' ? value.text : '',
  );
  return [...new Set(names)].filter((name) => /^[\w.-]{1,64}$/.test(name));
}

/** A store for all hosts names none: hosts of the image are served by their cloud anyway. */
function helperHostsIn(members: ReadonlyMap<string, Json>): readonly HelperHost[] {
  const helpers = members.get('credHelpers');
  if (helpers?.kind !== 'object') return [];
  return [...helpers.members].flatMap(([key, value]) => {
    const cloud = value.kind === 'string' ? helperCloud(value.text) : undefined;
    const host = registryHost(key);
    return cloud === undefined || faultOfHost(host) !== undefined ? [] : [{ host, cloud }];
  });
}
