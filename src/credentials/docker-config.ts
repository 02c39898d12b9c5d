// Logins from the text of a Docker config.json (or of a containers auth.json, which may have keys for paths). Credential
// helpers are programs that this image does not have: whoever asks for their host is told so. Those of clouds have
// counterparts here, which are asked elsewhere.
// https://docs.docker.com/reference/cli/docker/login/ and containers-auth.json(5).
import { cloudSettings, helperCloud } from '../base/credential-helpers.ts';
import {
  type Credentials,
  type CredentialSource,
  decodeAuth,
  identityUser,
  withoutLineEnd,
} from '../base/credentials.ts';
import type { Log } from '../base/log.ts';
import { PluginError } from '../base/plugin-error.ts';
import { registryHost } from '../base/registry-host.ts';

export interface DockerConfigOptions {
  /** For messages: "settings config", "~/.docker/config.json". */
  readonly source: string;
  readonly log: Log;
  /** Told each secret when the text is read. */
  readonly redact: (secret: string) => void;
}

/** Paths that old clients write behind a host; they name an API, not a repository. */
const apiPaths = /\/v[12]\/?$/;

interface Entry {
  /** Of the key, for repositories below which this login is meant; undefined for a whole host. */
  readonly path: string | undefined;
  readonly host: string;
  readonly isExactKey: boolean;
  /** undefined for an empty entry, which says "ask the helper", and for a broken one. */
  readonly credentials: Credentials | undefined;
  readonly isBroken: boolean;
}

/**
 * Reads the text at once. A login in it that cannot be read is nobody's trouble until its host is asked for: then it is
 * warned of, and missing. Throws PluginError (exit 2) for a text that is no config.json. No message holds text of a login.
 */
export function dockerConfigLogins(text: string, options: DockerConfigOptions): CredentialSource {
  const config = parse(text, options.source);
  const entries = readEntries(config, options);
  const helpers = new Map(
    membersOf(config.get('credHelpers')).map(([host, program]): [string, unknown] => [registryHost(host), program]),
  );
  const store = config.get('credsStore');
  const warned = new Set<string>();
  const warnOnce = (host: string, warning: string | undefined): void => {
    if (warning === undefined || warned.has(host)) return;
    warned.add(host);
    options.log.warn(`${options.source} ${warning}`);
  };
  const missingHelper = (host: string, isListed: boolean): string | undefined => {
    const program = helpers.get(host) ?? (isListed ? store : undefined);
    if (typeof program !== 'string' || program === '' || helperCloud(program) !== undefined) return undefined;
    return (
      `names credential helper ${JSON.stringify(program)} for ${host}, which is not in this image: ` +
      `put the login itself into the config, or set \`username\` and \`password\``
    );
  };

  return {
    searched: options.source,
    async find(host, path) {
      const key = registryHost(host);
      const ofHost = entries.filter((entry) => entry.host === key);
      const best = ofHost.filter((entry) => matchesPath(entry, path)).sort(byPrecision)[0];
      if (best?.isBroken === true) {
        warnOnce(key, `has an \`auth\` for ${key} that is not base64 of user:password; it is not used`);
      } else if (best?.credentials === undefined) {
        warnOnce(key, missingHelper(key, ofHost.length > 0));
      }
      return best?.credentials;
    },
    advice(host) {
      const program = helpers.get(registryHost(host));
      const cloud = typeof program === 'string' ? helperCloud(program) : undefined;
      if (cloud === undefined) return undefined;
      const shown = JSON.stringify(program);
      return `${options.source} leaves ${host} to ${shown}, and this machine has no login for it: set ${cloudSettings[cloud]}`;
    },
  };
}

function matchesPath(entry: Entry, path: string | undefined): boolean {
  if (entry.path === undefined) return true;
  return path !== undefined && (path === entry.path || path.startsWith(`${entry.path}/`));
}

/** The longest path first, then entries that hold something, then a key that is the host as it is. */
function byPrecision(a: Entry, b: Entry): number {
  const rank = (entry: Entry): number =>
    (entry.path?.length ?? 0) * 4 + (entry.credentials === undefined ? 0 : 2) + (entry.isExactKey ? 1 : 0);
  return rank(b) - rank(a);
}

function parse(text: string, source: string): ReadonlyMap<string, unknown> {
  let json: unknown;
  try {
    json = JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch {
    throw bad(source, 'is not JSON');
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json)) throw bad(source, 'is not a JSON object');
  return new Map(membersOf(json));
}

function readEntries(config: ReadonlyMap<string, unknown>, options: DockerConfigOptions): readonly Entry[] {
  const auths = config.get('auths') ?? {};
  if (typeof auths !== 'object' || Array.isArray(auths)) {
    throw bad(options.source, 'has `auths` that is not an object');
  }
  return membersOf(auths).map(([key, value]) => {
    const isUrl = /^[a-z]+:\/\//i.test(key);
    const plain = key.replace(apiPaths, '');
    const slash = isUrl ? -1 : plain.indexOf('/');
    const path = slash < 0 ? '' : plain.slice(slash + 1).replace(/\/+$/, '');
    return {
      host: registryHost(key),
      path: path === '' ? undefined : path,
      isExactKey: key === registryHost(key),
      ...readCredentials(value, options),
    };
  });
}

function readCredentials(
  value: unknown,
  { source, redact }: DockerConfigOptions,
): { readonly credentials: Credentials | undefined; readonly isBroken: boolean } {
  const fields = new Map(membersOf(value));
  const text = (name: string): string => {
    const field = fields.get(name);
    return typeof field === 'string' ? withoutLineEnd(field) : '';
  };
  const auth = text('auth').trim();
  const login = auth === '' ? { username: text('username'), password: text('password') } : decodeAuth(auth);
  const identity = text('identitytoken') || (login?.username === identityUser ? login.password : '');
  const ready = text('registrytoken');
  for (const secret of [identity, ready, login?.password ?? '', auth]) if (secret !== '') redact(secret);
  if (ready !== '') return { credentials: { kind: 'registry-token', token: ready, source }, isBroken: false };
  if (identity !== '') return { credentials: { kind: 'identity-token', token: identity, source }, isBroken: false };
  if (login === undefined || login.username === '') return { credentials: undefined, isBroken: login === undefined };
  redact(`${login.username}:${login.password}`);
  return { credentials: { kind: 'basic', ...login, source }, isBroken: false };
}

function membersOf(json: unknown): readonly (readonly [string, unknown])[] {
  return typeof json === 'object' && json !== null && !Array.isArray(json) ? Object.entries(json) : [];
}

function bad(source: string, problem: string): PluginError {
  return new PluginError({
    code: 'bad-docker-config',
    exitCode: 2,
    message: `${source} ${problem}`,
    hint: 'it must be the text of a Docker config.json',
  });
}
