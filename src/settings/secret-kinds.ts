// The readers of build secrets and of the SSH key. Here no message shows any text of a value: positions only.
import { readJson, scalarText, type Item } from './list-kinds.ts';
import { andThen, atItem, bad, gather, good, type Kind, type ReadContext, type Reading } from './reading.ts';
import { readSpecs, type Spec } from './spec-kinds.ts';

/** Where the value of a build secret comes from. */
export type SecretOrigin =
  | { readonly kind: 'environment'; readonly variable: string }
  | { readonly kind: 'file'; readonly path: string }
  /** The variable if there is one, else the file of that name. */
  | { readonly kind: 'either'; readonly name: string }
  | { readonly kind: 'inline'; readonly value: string };

/** A build secret as RUN --mount=type=secret,id=… asks for it. */
export interface SecretSpec {
  readonly id: string;
  readonly origin: SecretOrigin;
}

const maxIdLength = 128;
const idRule = `must be letters, digits, "_", "." and "-", at most ${maxIdLength} of them`;

function checkId(id: string): Reading<string> {
  return new RegExp(`^[A-Za-z0-9_.-]{1,${maxIdLength}}$`).test(id) ? good(id) : bad('its id is not allowed', idRule);
}

const specRule = 'must be written id=NAME,env=VARIABLE or id=NAME,src=FILE, or be a JSON object of ids and values';

/** `id=…,env=…` and `id=…,src=…` in a list, or a JSON object of ids and values. */
export const secretSpecs: Kind<readonly SecretSpec[]> = {
  name: 'list of secrets',
  repeatable: true,
  read(text, context) {
    const start = text.trimStart();
    if (start.startsWith('{')) return inlineSecrets(text, context);
    return andThen(readSpecs(text), (specs) => gather(specs.map((spec, index) => atItem(toSecret(spec), index + 1))));
  },
};

function inlineSecrets(text: string, context: ReadContext): Reading<readonly SecretSpec[]> {
  const json = readJson(text);
  if (!json.ok) return json;
  if (json.value.kind !== 'object') return bad('it is not an object', specRule);
  return gather(
    [...json.value.members].map(([id, value], index) => {
      const reading = andThen(scalarText(value), (secret): Reading<SecretSpec> => {
        context.redact(secret);
        return andThen(checkId(id), () => good({ id, origin: { kind: 'inline', value: secret } }));
      });
      return atItem(reading, index + 1);
    }),
  );
}

const fieldNames = new Set(['id', 'env', 'src', 'source', 'type']);

function toSecret(spec: Spec): Reading<SecretSpec> {
  const id = spec.fields.get('id');
  if (id === undefined) return bad('it has no id', specRule);
  if ([...spec.fields.keys()].some((name) => !fieldNames.has(name)))
    return bad('it has a field that is not known', specRule);
  return andThen(checkId(id), () => andThen(secretOrigin(spec, id), (origin) => good({ id, origin })));
}

function secretOrigin(spec: Spec, id: string): Reading<SecretOrigin> {
  const variable = spec.fields.get('env');
  const path = spec.fields.get('src') ?? spec.fields.get('source');
  const type = spec.fields.get('type');
  if (variable !== undefined && path !== undefined) return bad('it has both env and src', specRule);
  if (type !== undefined && type !== 'env' && type !== 'file')
    return bad('its type is not known', 'must be type=env or type=file');
  if (variable === '' || path === '') return bad('its env or src is empty', specRule);
  if (variable !== undefined)
    return type === 'file' ? bad('type=file with env', specRule) : good({ kind: 'environment', variable });
  // As in buildx, `type=env,id=x,src=NAME` names a variable.
  if (path !== undefined)
    return good(type === 'env' ? { kind: 'environment', variable: path } : { kind: 'file', path });
  if (type === 'env') return good({ kind: 'environment', variable: id });
  return good(type === 'file' ? { kind: 'file', path: id } : { kind: 'either', name: id });
}

/** `id=VARIABLE`. */
export const secretFromVariable: Item<SecretSpec> = {
  name: 'id=VARIABLE',
  read: (text) =>
    cutPair(text, 'must be written id=VARIABLE', (id, variable) => ({ id, origin: { kind: 'environment', variable } })),
};

/** `id=path`. */
export const secretFromFile: Item<SecretSpec> = {
  name: 'id=path',
  read: (text) => cutPair(text, 'must be written id=path', (id, path) => ({ id, origin: { kind: 'file', path } })),
};

function cutPair(text: string, right: string, make: (id: string, rest: string) => SecretSpec): Reading<SecretSpec> {
  const equals = text.indexOf('=');
  if (equals < 0) return bad('it has no "="', right);
  const id = text.slice(0, equals).trim();
  const rest = text.slice(equals + 1).trim();
  if (id === '' || rest === '') return bad(`nothing stands ${id === '' ? 'before' : 'after'} "="`, right);
  return andThen(checkId(id), () => good(make(id, rest)));
}

const keyRule = 'must be the text of a private key without passphrase (OpenSSH or PEM)';

/** A private SSH key. Only its shape is judged here; the agent parses it before the build. */
export const sshPrivateKey: Kind<string> = {
  name: 'secret',
  read(text, context) {
    context.redact(text);
    const repaired = repairLines(text);
    context.redact(repaired);
    if (/^(?:ssh-|ecdsa-|sk-)\S+ /.test(repaired) || /-----BEGIN [A-Z0-9 ]*PUBLIC KEY-----/.test(repaired)) {
      return bad('it is a public key', keyRule);
    }
    if (repaired.startsWith('PuTTY-User-Key-File-')) return bad('it is a PuTTY key', keyRule);
    const type = /^-----BEGIN ([A-Z0-9 ]*)PRIVATE KEY-----\n/.exec(repaired)?.[1];
    if (type === undefined) return bad('it does not begin with a line -----BEGIN … PRIVATE KEY-----', keyRule);
    const body = new RegExp(`PRIVATE KEY-----\\n([\\s\\S]+?)-----END ${type}PRIVATE KEY-----\\n$`).exec(repaired)?.[1];
    if (body === undefined) return bad('it is cut off: the END line is missing', keyRule);
    if (isEncrypted(type.trim(), body)) return bad('it is protected by a passphrase', keyRule);
    return good(repaired);
  },
};

/** Secrets stores turn line ends into the two characters `\n`, or cut off the last one. */
export function repairLines(text: string): string {
  const lines = text.includes('\n') ? text : text.replaceAll('\\r', '').replaceAll('\\n', '\n');
  return `${lines.replaceAll('\r', '').trim()}\n`;
}

/** See PROTOCOL.key of OpenSSH: magic, then the name of the cipher with its length in front. */
function isEncrypted(type: string, body: string): boolean {
  if (type === 'ENCRYPTED' || /^Proc-Type:.*ENCRYPTED/m.test(body)) return true;
  if (type !== 'OPENSSH') return false;
  const bytes = Buffer.from(body.replace(/\s/g, ''), 'base64');
  const magic = 'openssh-key-v1\0';
  if (bytes.toString('latin1', 0, magic.length) !== magic || bytes.length < magic.length + 4) return false;
  const length = bytes.readUInt32BE(magic.length);
  return bytes.toString('latin1', magic.length + 4, magic.length + 4 + length) !== 'none';
}
