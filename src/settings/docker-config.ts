// Docker's config.json with logins: checked for shape before anything is connected, and every secret in it registered for
// masking. The logins themselves are read by credentials/. Format: docker/cli, cli/config/configfile.
import { parseJson, type Json } from './json-text.ts';
import { bad, good, type Reading } from './reading.ts';

const rule = 'must be the text of a docker config.json, or the path of one';

/** Checks a text; messages give positions and hosts, never values. */
export function checkDockerConfig(text: string, redact: (secret: string) => void): Reading<string> {
  const json = parseJson(text);
  if (!json.ok) return bad(json.wrong, rule);
  if (json.value.kind !== 'object') return bad('is not a JSON object', rule);
  registerSecrets(json.value, redact);
  const { members } = json.value;
  const auths = members.get('auths');
  const helpers = helperNames(members);
  if (auths === undefined && helpers.length === 0) return bad('has no "auths"', rule);
  const problem = auths === undefined ? undefined : authsProblem(auths, redact);
  if (problem !== undefined) return bad(problem, rule);
  return good(
    text,
    helpers.map(
      (helper) => `names the credential program ${helper}, which is not in this image; its logins are not available`,
    ),
  );
}

/** What is wrong with `auths`. */
function authsProblem(auths: Json, redact: (secret: string) => void): string | undefined {
  if (auths.kind !== 'object') return 'has an "auths" that is no object';
  for (const [index, entry] of [...auths.members.values()].entries()) {
    const where = `entry ${index + 1} of "auths"`;
    if (entry.kind !== 'object') return `${where} is no object`;
    const auth = entry.members.get('auth');
    if (auth === undefined) continue;
    if (auth.kind !== 'string') return `${where}: "auth" is no text`;
    if (auth.text === '') continue;
    const login = decodeLogin(auth.text);
    if (login === undefined) return `${where}: "auth" is not base64 of user:password`;
    redact(login);
    redact(login.slice(login.indexOf(':') + 1));
  }
  return undefined;
}

function decodeLogin(auth: string): string | undefined {
  const compact = auth.replace(/[\r\n]/g, '');
  if (!/^[A-Za-z0-9+/_-]+={0,2}$/.test(compact)) return undefined;
  const login = Buffer.from(compact, 'base64').toString('utf8').replace(/\0+$/, '');
  return login.indexOf(':') > 0 ? login : undefined;
}

const secretKeys = new Set(['auth', 'password', 'identitytoken', 'registrytoken']);

function registerSecrets(json: Json, redact: (secret: string) => void): void {
  if (json.kind === 'array') for (const item of json.items) registerSecrets(item, redact);
  if (json.kind !== 'object') return;
  for (const [key, value] of json.members) {
    if (value.kind === 'string' && secretKeys.has(key.toLowerCase()) && value.text !== '') redact(value.text);
    registerSecrets(value, redact);
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
