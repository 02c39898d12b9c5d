// A private key that signs for the in-process agent. It is read from text that people paste into secret stores, so what
// such stores do to line ends is repaired; no message ever holds any part of the text.
// Blobs and signatures: RFC 4253 section 6.6, RFC 5656 section 3, RFC 8332, RFC 8709.
import { createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto';
import { PluginError } from '../../base/plugin-error.ts';

/** Flags of a sign request, for RSA keys. https://datatracker.ietf.org/doc/draft-ietf-sshm-ssh-agent/ */
const flagSha256 = 2;
const flagSha512 = 4;

/** Curves of ECDSA keys by OpenSSL's name. */
const curves: ReadonlyMap<string, { readonly name: string; readonly hash: string }> = new Map([
  ['prime256v1', { name: 'nistp256', hash: 'sha256' }],
  ['secp384r1', { name: 'nistp384', hash: 'sha384' }],
  ['secp521r1', { name: 'nistp521', hash: 'sha512' }],
]);

/** A key that can be listed and signed with, and not read. */
export interface AgentKey {
  /** The public key as SSH sends it. */
  readonly publicBlob: Buffer;
  /** A signature blob. `flags` are those of the agent protocol's sign request. */
  sign(data: Uint8Array, flags: number): Buffer;
}

/**
 * Reads a private key: OpenSSH's own format, or PEM (PKCS#1, SEC1, PKCS#8); RSA, ECDSA on the NIST curves, or Ed25519.
 * Line ends that are missing, doubled, written as `\n` or turned into spaces are repaired.
 * @throws PluginError (exit 2) that says what is wrong with the key
 */
export async function parseAgentKey(text: string): Promise<AgentKey> {
  const { label, body } = readArmor(text);
  if (label === 'OPENSSH PRIVATE KEY') return agentKey(await readOpenSsh(label, body));
  if (/^(?:(?:RSA|EC|DSA) )?PRIVATE KEY$/.test(label)) return agentKey(readPem(armor(label, body)));
  if (label === 'ENCRYPTED PRIVATE KEY') throw hasPassphrase();
  if (label.endsWith('PUBLIC KEY')) throw isPublic();
  throw refusal('it is no private key in OpenSSH or PEM format');
}

function refusal(problem: string, hint?: string): PluginError {
  return new PluginError({
    code: 'ssh-key-unusable',
    exitCode: 2,
    message: `The SSH key cannot be used: ${problem}`,
    hint,
  });
}

function hasPassphrase(): PluginError {
  return refusal('it is protected by a passphrase', 'use a key without one, made for this purpose (a deploy key)');
}

function isPublic(): PluginError {
  return refusal('it is a public key', 'give the private key that belongs to it');
}

/** Finds the armored block in the text. `body` is base64 without white space. */
function readArmor(text: string): { label: string; body: string } {
  const repaired = text.replaceAll(String.raw`\r`, '').replaceAll(String.raw`\n`, '\n');
  if (/^\s*(?:(?:ssh|ecdsa|sk)-[a-z0-9@.-]+\s|---- BEGIN SSH2 PUBLIC)/.test(repaired)) throw isPublic();
  if (/^\s*PuTTY-User-Key-File/.test(repaired)) {
    throw refusal('it is in PuTTY format', 'export it as an OpenSSH key in PuTTYgen');
  }
  const begin = /-----BEGIN ([A-Z0-9 ]+)-----/.exec(repaired);
  const label = begin?.[1];
  if (begin === null || label === undefined) throw refusal('it is no private key in OpenSSH or PEM format');
  const start = begin.index + begin[0].length;
  const end = repaired.indexOf(`-----END ${label}-----`, start);
  if (end < 0) throw refusal('its end is missing');
  const content = repaired.slice(start, end);
  // "Proc-Type: 4,ENCRYPTED": only keys with a passphrase have lines like this.
  if (content.includes(':')) throw hasPassphrase();
  return { label, body: content.replace(/\s+/g, '') };
}

function armor(label: string, body: string): string {
  const lines = body.match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n');
}

function readPem(pem: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch {
    // OpenSSL's error may quote the input: it is not passed on.
    throw refusal('it is damaged');
  }
}

/** OpenSSH's container, which node:crypto cannot read. */
async function readOpenSsh(label: string, body: string): Promise<KeyObject> {
  // Behind the magic text: the name of the cipher.
  if (!Buffer.from(body, 'base64').toString('latin1', 15).startsWith('\0\0\0\x04none')) throw hasPassphrase();
  const { default: keyParser } = await import('ssh2/lib/protocol/keyParser.js');
  const key = keyParser.parseKey(armor(label, body));
  if (key === undefined || key instanceof Error) throw refusal('it is damaged, or no RSA, ECDSA or Ed25519 key');
  return readPem(key.getPrivatePEM());
}

function agentKey(key: KeyObject): AgentKey {
  const part = (name: 'n' | 'e' | 'x' | 'y'): Buffer =>
    Buffer.from(createPublicKey(key).export({ format: 'jwk' })[name] ?? '', 'base64url');
  if (key.asymmetricKeyType === 'rsa') {
    return {
      publicBlob: Buffer.concat([sshString('ssh-rsa'), mpint(part('e')), mpint(part('n'))]),
      sign: (data, flags) => signRsa(key, data, flags),
    };
  }
  if (key.asymmetricKeyType === 'ed25519') {
    return {
      publicBlob: Buffer.concat([sshString('ssh-ed25519'), sshString(part('x'))]),
      sign: (data) => Buffer.concat([sshString('ssh-ed25519'), sshString(sign(null, data, key))]),
    };
  }
  const curve = curves.get(key.asymmetricKeyDetails?.namedCurve ?? '');
  if (curve === undefined) throw refusal('it is no RSA, ECDSA (NIST curves) or Ed25519 key');
  const type = `ecdsa-sha2-${curve.name}`;
  const point = Buffer.concat([Buffer.from([4]), part('x'), part('y')]);
  return {
    publicBlob: Buffer.concat([sshString(type), sshString(curve.name), sshString(point)]),
    sign: (data) => signEcdsa(key, type, curve.hash, data),
  };
}

function signRsa(key: KeyObject, data: Uint8Array, flags: number): Buffer {
  let [name, hash] = ['ssh-rsa', 'sha1'];
  if ((flags & flagSha512) !== 0) [name, hash] = ['rsa-sha2-512', 'sha512'];
  else if ((flags & flagSha256) !== 0) [name, hash] = ['rsa-sha2-256', 'sha256'];
  return Buffer.concat([sshString(name), sshString(sign(hash, data, key))]);
}

function signEcdsa(key: KeyObject, type: string, hash: string, data: Uint8Array): Buffer {
  const pair = sign(hash, data, { key, dsaEncoding: 'ieee-p1363' });
  const half = pair.length / 2;
  const signature = Buffer.concat([mpint(pair.subarray(0, half)), mpint(pair.subarray(half))]);
  return Buffer.concat([sshString(type), sshString(signature)]);
}

/** SSH's `string`: a length and the bytes. */
export function sshString(value: string | Uint8Array): Buffer {
  const bytes = Buffer.from(value);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

/** SSH's `mpint` of an unsigned number. */
function mpint(value: Buffer): Buffer {
  let start = 0;
  while (start < value.length && value[start] === 0) start++;
  const bytes = value.subarray(start);
  return sshString((bytes[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.from([0]), bytes]) : bytes);
}
