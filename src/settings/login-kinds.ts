// The reader of `logins`: a JSON array with an entry for each registry, as Woodpecker's plugin has it. No message shows any
// text of it but names of keys; positions only. Every secret is registered before anything is judged.
import { checkDockerConfig } from './docker-config.ts';
import { readHost } from './destination-kinds.ts';
import type { Json } from './json-text.ts';
import { readJson } from './list-kinds.ts';
import { andThen, atItem, bad, gather, good, quote, type Kind, type ReadContext, type Reading } from './reading.ts';

/** Where an entry's login is for. */
interface Place {
  /** `host[:port]`; `docker.io` for Docker Hub. */
  readonly registry: string;
  /** Only for this repository and those below it. */
  readonly path?: string;
}

/** One entry of `logins`. */
export type LoginEntry =
  | (Place & { readonly kind: 'password'; readonly username: string; readonly password: string })
  | (Place & { readonly kind: 'access-token'; readonly token: string })
  /** Keys of an AWS session of its own for a registry at Amazon. */
  | (Place & {
      readonly kind: 'aws';
      readonly region?: string;
      readonly accessKeyId?: string;
      readonly secretAccessKey?: string;
    })
  /** Text of a docker config.json. */
  | { readonly kind: 'config'; readonly text: string };

const secretKeys = ['password', 'access_token', 'aws_access_key_id', 'aws_secret_access_key'];
const awsKeys = ['aws_access_key_id', 'aws_secret_access_key', 'aws_region'];
/** Understood, and without effect here: nobody asks for the address, and mirrors belong to the daemon. */
const inertKeys = ['email', 'mirrors'];
const knownKeys = new Set([...secretKeys, ...awsKeys, ...inertKeys, 'registry', 'username', 'config']);
const entryRule = 'must have username and password, access_token, config, or the aws_ keys';

/** The entries, in order. */
export const loginEntries: Kind<readonly LoginEntry[]> = {
  name: 'JSON array of logins',
  read(text, context) {
    // What cannot be read may still be, or hold, a secret.
    if (!/^\s*\[/.test(text)) {
      context.redact(text);
      return bad('it is not a JSON array', 'must be a list of maps with registry, username and password');
    }
    return andThen(readJson(text), (json) => {
      if (json.kind !== 'array') return bad('it is not a JSON array', 'must be a list of maps');
      const readings = json.items.map((item, index) => atItem(readEntry(item, context), index + 1));
      return andThen(gather(readings), (entries) => good(entries.flat()));
    });
  },
};

function readEntry(item: Json, context: ReadContext): Reading<readonly LoginEntry[]> {
  if (item.kind !== 'object') return bad('it is no map', entryRule);
  const fields = new Map<string, string>();
  for (const [key, value] of item.members) {
    if (value.kind === 'string' || value.kind === 'number' || value.kind === 'boolean') fields.set(key, value.text);
  }
  for (const [key, value] of fields) if (secretKeys.includes(key) || !knownKeys.has(key)) context.redact(value);
  const odd = [...item.members].find(([key, value]) => !fields.has(key) && value.kind !== 'null' && key !== 'mirrors');
  if (odd !== undefined && knownKeys.has(odd[0])) return bad(`its ${odd[0]} is no text`, 'must be text');
  const reading = entryOf(fields, context);
  return { ...reading, warnings: [...reading.warnings, ...keyWarnings(item.members)] };
}

function keyWarnings(members: ReadonlyMap<string, Json>): readonly string[] {
  return [...members.keys()].flatMap((key) => {
    if (key === 'mirrors') return ['mirrors are not used: an administrator sets registry-mirrors in the daemon.json'];
    return knownKeys.has(key) ? [] : [`key ${quote(key)} is not known and not used`];
  });
}

function entryOf(fields: ReadonlyMap<string, string>, context: ReadContext): Reading<readonly LoginEntry[]> {
  const field = (name: string): string => (fields.get(name) ?? '').replace(/\r?\n$/, '');
  const config = field('config').trim();
  if (config !== '') return configEntry(config, context);
  return andThen(placeOf(field('registry').trim(), context), (place): Reading<readonly LoginEntry[]> => {
    const username = field('username');
    const password = field('password');
    const token = field('access_token');
    if (username !== '' && password !== '') {
      context.redact(`${username}:${password}`);
      return good([{ ...place, kind: 'password', username, password }]);
    }
    if (username !== '' && token === '') return bad('it has a username and no password', entryRule);
    if (password !== '') return bad('it has a password and no username', entryRule);
    if (token !== '') return good([{ ...place, kind: 'access-token', token }]);
    if (awsKeys.some((key) => field(key) !== '')) return awsEntry(place, field);
    return inertKeys.some((key) => fields.has(key)) || fields.size === 0
      ? good([], [`it has no login, and is not used`])
      : bad('it has no login', entryRule);
  });
}

function configEntry(text: string, context: ReadContext): Reading<readonly LoginEntry[]> {
  const check = checkDockerConfig(text, context.redact);
  if (check.kind === 'usable' && check.brokenEntries.length === 0) return good([{ kind: 'config', text }]);
  context.redact(text);
  const wrong = check.kind === 'no-logins' ? 'has no "auths"' : check.kind === 'unusable' ? check.wrong : undefined;
  return bad(
    `its config ${wrong ?? 'has a login that cannot be read'}`,
    'must hold the text of a docker config.json as config',
  );
}

function awsEntry(place: Place, field: (name: string) => string): Reading<readonly LoginEntry[]> {
  const [accessKeyId, secretAccessKey, region] = [
    field('aws_access_key_id'),
    field('aws_secret_access_key'),
    field('aws_region'),
  ];
  if ((accessKeyId === '') !== (secretAccessKey === '')) {
    return bad(
      'it has one half of an AWS key',
      'must have aws_access_key_id and aws_secret_access_key, or neither of them',
    );
  }
  if (!/(?:^|\.)(?:amazonaws\.com(?:\.cn)?|ecr\.aws)$/.test(place.registry)) {
    return bad('it has aws_ keys, and its registry is not at Amazon', entryRule);
  }
  return good([
    {
      ...place,
      kind: 'aws',
      ...(accessKeyId === '' ? {} : { accessKeyId, secretAccessKey }),
      ...(region === '' ? {} : { region }),
    },
  ]);
}

/** `host`, `https://host/v1/`, or `host/team` for the repositories below. */
function placeOf(text: string, context: ReadContext): Reading<Place> {
  if (text === '') return good({ registry: 'docker.io' });
  if (text.includes('@')) return bad('its registry holds a login', 'must name the host alone as registry');
  const isUrl = /^[a-z][a-z0-9+.-]*:\/\//i.test(text);
  const [host = '', ...rest] = text.replace(/^[a-z][a-z0-9+.-]*:\/\//i, '').split('/');
  const path = rest.join('/').replace(/\/+$/, '');
  return andThen(readHost(host, context), (registry) =>
    good(isUrl || path === '' || /^v[12]$/.test(path) ? { registry } : { registry, path }),
  );
}
