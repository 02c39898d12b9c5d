// Whether a token server that a registry names may have that registry's credentials. A registry that is broken into, or a
// mirror, could name a server of its own and collect passwords: so the server must belong to the registry's house, and
// speak https unless the registry itself does not.
import { isIP } from 'node:net';
import { dockerHub } from '../base/registry-host.ts';
import { isLoopbackHost } from './neighbourhood.ts';
import type { RequestTarget } from './redirect.ts';

/** Registries whose token server lives under another name, by the registry's host. */
const knownPairs: ReadonlyMap<string, string> = new Map([[dockerHub.apiHost, 'auth.docker.io']]);

/**
 * Below these, names belong to different people. Not the public suffix list, which is 200 kB: the places where registries
 * and everybody's web sites live. Country suffixes such as co.uk are told by their form.
 */
const sharedSuffixes: readonly string[] = [
  'amazonaws.com',
  'amazonaws.com.cn',
  'appspot.com',
  'azurecr.cn',
  'azurecr.io',
  'azurecr.us',
  'azurewebsites.net',
  'b-cdn.net',
  'cloudapp.azure.com',
  'cloudapp.net',
  'cloudfront.net',
  'digitaloceanspaces.com',
  'firebaseapp.com',
  'fly.dev',
  'github.io',
  'githubusercontent.com',
  'gitlab.io',
  'googleusercontent.com',
  'herokuapp.com',
  'jfrog.io',
  'netlify.app',
  'ngrok.io',
  'ngrok-free.app',
  'ondigitalocean.app',
  'onrender.com',
  'pages.dev',
  'pkg.dev',
  'r2.dev',
  'run.app',
  'trycloudflare.com',
  'vercel.app',
  'web.app',
  'windows.net',
  'workers.dev',
];

/** What a realm is judged by. */
export interface RealmRules {
  /** Scheme, host and port at which the registry answers. */
  readonly registryOrigin: string;
  /** Further hosts that may have the credentials, from the settings. */
  readonly tokenHosts: ReadonlySet<string>;
}

/** The token server's address, or why it may not be used; `stranger` is a host that the settings could name. */
export type RealmVerdict =
  | { readonly ok: true; readonly target: RequestTarget }
  | { readonly ok: false; readonly reason: string; readonly stranger?: string };

/** Judges the `realm` of a Bearer challenge. */
export function judgeRealm(realm: string | undefined, rules: RealmRules): RealmVerdict {
  if (realm === undefined || realm.trim() === '') return { ok: false, reason: 'it names no token server' };
  if (!URL.canParse(realm)) return { ok: false, reason: 'its token server is no URL' };
  const url = new URL(realm);
  const registry = new URL(rules.registryOrigin);
  const shown = `its token server ${url.protocol}//${url.host}`;
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && registry.protocol === 'http:')) {
    return { ok: false, reason: `${shown} does not speak https` };
  }
  if (url.username !== '' || url.password !== '') return { ok: false, reason: `${shown} has a login in its address` };
  if (!belongsTo(url, registry) && !rules.tokenHosts.has(url.host)) {
    return { ok: false, reason: `${shown} belongs to somebody else`, stranger: url.host };
  }
  return { ok: true, target: { origin: url.origin, path: url.pathname + url.search } };
}

function belongsTo(realm: URL, registry: URL): boolean {
  if (realm.hostname === registry.hostname) return true;
  if (isLoopbackHost(registry.hostname)) return isLoopbackHost(realm.hostname);
  return knownPairs.get(registry.hostname) === realm.hostname || isSameHouse(realm.hostname, registry.hostname);
}

/** Whether two names lie under one name that somebody registered. When in doubt, no. */
export function isSameHouse(one: string, other: string): boolean {
  if (isIP(one.replace(/^\[|\]$/g, '')) !== 0 || isIP(other.replace(/^\[|\]$/g, '')) !== 0) return false;
  const shared = sharedLabels(one, other);
  const registered = suffixLength(shared) + 1;
  return shared.length >= registered && shared.length >= 2;
}

/** The labels that two names end in alike, in reading order. */
function sharedLabels(one: string, other: string): readonly string[] {
  const left = one.split('.').reverse();
  const right = other.split('.').reverse();
  const end = left.findIndex((label, position) => label !== right[position]);
  return left.slice(0, end < 0 ? left.length : end).reverse();
}

/** How many labels of a name's end are nobody's own: 1 for example.com, 2 for example.co.uk. */
function suffixLength(labels: readonly string[]): number {
  const name = labels.join('.');
  const suffix = sharedSuffixes.find((candidate) => name === candidate || name.endsWith(`.${candidate}`));
  // Below a cloud's suffix there may be regions and services before the customer's name: never one house.
  if (suffix !== undefined) return labels.length;
  const [second = '', top = ''] = labels.slice(-2);
  return top.length === 2 && (second.length <= 3 || countrySecondLevels.has(second)) ? 2 : 1;
}

/** Longer second levels under two-letter countries. */
const countrySecondLevels: ReadonlySet<string> = new Set(['gouv', 'asso', 'info', 'name', 'school', 'police', 'muni']);
