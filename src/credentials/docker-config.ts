// Logins from the text of a Docker config.json (or of a containers auth.json, which may have keys for paths). Credential
// helpers are programs that this image does not have: whoever asks for their host is told so.
// https://docs.docker.com/reference/cli/docker/login/ and containers-auth.json(5).
import type { Credentials, CredentialSource } from '../base/credentials.ts';
import type { Log } from '../base/log.ts';
import { PluginError } from '../base/plugin-error.ts';
import { hostKey, withoutLineEnd } from './host-key.ts';

export interface DockerConfigOptions {
  /** For messages: "settings config", "~/.docker/config.json". */
  readonly source: string;
  readonly log: Log;
  /** Told each secret when the text is read. */
  readonly redact: (secret: string) => void;
}

const identityUser = '<token>';
/** Paths that old clients write behind a host; they name an API, not a repository. */
const apiPaths = /\/v[12]\/?$/;

interface Entry {
  /** Of the key, for repositories below which this login is meant; undefined for a whole host. */
  readonly path: string | undefined;
  readonly host: string;
  readonly isExactKey: boolean;
  /** undefined for an empty entry, which says "ask the helper". */
  readonly credentials: Credentials | undefined;
}

/** Reads the text at once. Throws PluginError (exit 2) with the place of the problem, never with text of the config. */
export function dockerConfigLogins(text: string, options: DockerConfigOptions): CredentialSource {
  const config = parse(text, options.source);
  const entries = readEntries(config, options);
  const helpers = new Map(
    membersOf(config.get('credHelpers')).map(([host, program]): [string, unknown] => [hostKey(host), program]),
  );
  const store = config.get('credsStore');
  const warned = new Set<string>();

  const warnOfHelper = (host: string, isListed: boolean): void => {
    const program = helpers.get(host) ?? (isListed ? store : undefined);
    if (typeof program !== 'string' || program === '' || warned.has(host)) return;
    warned.add(host);
    options.log.warn(
      `${options.source} names credential helper ${JSON.stringify(program)} for ${host}, which is not in this image: ` +
        `put the login itself into the config, or set \`username\` and \`password\``,
    );
  };

  return {
    searched: options.source,
    async find(host, path) {
      const key = hostKey(host);
      const ofHost = entries.filter((entry) => entry.host === key);
      const best = ofHost.filter((entry) => matchesPath(entry, path)).sort(byPrecision)[0];
      if (best?.credentials === undefined) warnOfHelper(key, ofHost.length > 0);
      return best?.credentials;
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
      host: hostKey(key),
      path: path === '' ? undefined : path,
      isExactKey: key === hostKey(key),
      credentials: readCredentials(key, value, options),
    };
  });
}

function readCredentials(key: string, value: unknown, options: DockerConfigOptions): Credentials | undefined {
  const { source, redact } = options;
  const fields = new Map(membersOf(value));
  const text = (name: string): string => {
    const field = fields.get(name);
    return typeof field === 'string' ? withoutLineEnd(field) : '';
  };
  const login = readLogin(key, text, source);
  const identity = text('identitytoken') || (login?.username === identityUser ? login.password : '');
  const ready = text('registrytoken');
  for (const secret of [identity, ready, login?.password ?? '', text('auth')]) if (secret !== '') redact(secret);
  if (ready !== '') return { kind: 'registry-token', token: ready, source };
  if (identity !== '') return { kind: 'identity-token', token: identity, source };
  if (login === undefined) return undefined;
  redact(`${login.username}:${login.password}`);
  return { kind: 'basic', ...login, source };
}

/** `auth` is base64 of `user:password`, in whatever alphabet and padding, with NULs at the end from some tools. */
function readLogin(
  key: string,
  text: (name: string) => string,
  source: string,
): { readonly username: string; readonly password: string } | undefined {
  const auth = text('auth').replace(/\s+/g, '');
  if (auth === '') {
    const username = text('username');
    return username === '' ? undefined : { username, password: text('password') };
  }
  const decoded = /^[A-Za-z0-9+/_-]+={0,2}$/.test(auth) ? Buffer.from(auth, 'base64').toString('utf8') : '';
  const colon = decoded.indexOf(':');
  if (colon < 1) throw bad(source, `has an \`auth\` for ${hostKey(key)} that is not base64 of user:password`);
  return {
    username: decoded.slice(0, colon),
    password: withoutLineEnd(decoded.slice(colon + 1).replace(/\0+$/, '')),
  };
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
