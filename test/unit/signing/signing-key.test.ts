// Keys: every kind that signs, and what is said of those that do not. Nothing of a key's text is ever said.
import { execFileSync } from 'node:child_process';
import { createPublicKey, generateKeyPairSync, type KeyObject, randomBytes, scryptSync, verify } from 'node:crypto';
import { xsalsa20poly1305 } from '@noble/ciphers/salsa.js';
import { describe, expect, it } from 'vitest';
import { PluginError } from '../../../src/base/plugin-error.ts';
import { openSigningKey } from '../../../src/signing/signing-key.ts';

const payload = Buffer.from('what is signed');

const pkcs8 = (key: KeyObject): string => key.export({ format: 'pem', type: 'pkcs8' }).toString();
const ec = (namedCurve: string): KeyObject => generateKeyPairSync('ec', { namedCurve }).privateKey;
const rsa = (modulusLength: number): KeyObject => generateKeyPairSync('rsa', { modulusLength }).privateKey;
const p256 = ec('prime256v1');

async function refusalOf(pem: string, password?: string): Promise<PluginError> {
  const error: unknown = await openSigningKey({ pem, password }).catch((reason: unknown) => reason);
  if (!(error instanceof PluginError)) throw new Error('the key was not refused');
  expect(error.exitCode).toBe(2);
  const said = [error.message, error.hint ?? '', ...error.details].join('\n');
  const secrets = [...pem.split('\n').slice(1, -2), password ?? ''].filter((text) => text !== '');
  for (const secret of secrets) expect(said).not.toContain(secret);
  return error;
}

describe('an open key', () => {
  it.each<[string, string | null, KeyObject]>([
    ['ECDSA P-256', 'sha256', p256],
    ['ECDSA P-384', 'sha256', ec('secp384r1')],
    ['ECDSA P-521', 'sha256', ec('secp521r1')],
    ['RSA 2048', 'sha256', rsa(2048)],
    ['Ed25519', null, generateKeyPairSync('ed25519').privateKey],
  ])('%s signs, and knows its own signatures', async (kind, hash, key) => {
    const open = await openSigningKey({ pem: pkcs8(key), password: undefined });
    expect(open.kind).toBe(kind);
    const signature = open.sign(payload);
    expect(verify(hash, payload, createPublicKey(key), signature)).toBe(true);
    expect(open.verifies(payload, signature)).toBe(true);
    expect(open.verifies(Buffer.from('something else'), signature)).toBe(false);
    expect(open.verifies(payload, Buffer.from('no signature'))).toBe(false);
    const other = await openSigningKey({ pem: pkcs8(p256), password: undefined });
    expect(other.verifies(payload, signature)).toBe(key === p256);
  });

  it('needs no password when it is not encrypted, and does not mind one', async () => {
    expect((await openSigningKey({ pem: pkcs8(p256), password: 'unused' })).kind).toBe('ECDSA P-256');
  });

  it.each([
    ['curve', pkcs8(ec('secp256k1')), 'a key of type ec secp256k1 is not supported'],
    ['short RSA key', pkcs8(rsa(1024)), 'an RSA key of 1024 bits is not supported'],
    ['key for key exchange', pkcs8(generateKeyPairSync('x25519').privateKey), 'a key of type x25519 is not supported'],
    [
      'RSA-PSS key, which cosign would verify otherwise',
      pkcs8(generateKeyPairSync('rsa-pss', { modulusLength: 2048 }).privateKey),
      'a key of type rsa-pss is not supported',
    ],
    [
      'damaged key',
      '-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49\n-----END PRIVATE KEY-----\n',
      'it cannot be read as a private key',
    ],
  ])('is not made of another %s', async (_, pem, problem) => {
    expect((await refusalOf(pem)).message).toBe(`settings.cosign_private_key: ${problem}`);
  });
});

describe('a key that OpenSSL has encrypted', () => {
  const modern = p256.export({ format: 'pem', type: 'pkcs8', cipher: 'aes-256-cbc', passphrase: 'the password' });
  const old = execFileSync('openssl', ['ec', '-aes128', '-passout', 'pass:the password'], {
    input: p256.export({ format: 'pem', type: 'sec1' }),
    stdio: ['pipe', 'pipe', 'ignore'],
  });

  it.each([
    ['PKCS #8', modern.toString()],
    ['SEC1', old.toString()],
  ])('%s opens with its password only', async (_, pem) => {
    expect((await openSigningKey({ pem, password: 'the password' })).kind).toBe('ECDSA P-256');
    const { message } = await refusalOf(pem, 'another password');
    expect(message).toBe('settings.cosign_password: it does not open cosign_private_key');
  });
});

interface Sealing {
  readonly label?: string;
  readonly change?: (json: { kdf: { name: string; params: object }; cipher: object }) => object;
}

/** As cosign writes a key; `change` makes a hostile one of it. */
function seal(key: KeyObject, password: string, { label = 'SIGSTORE', change = (json) => json }: Sealing = {}): string {
  const [salt, nonce] = [randomBytes(32), randomBytes(24)];
  const params = { N: 32768, r: 8, p: 1 };
  const boxKey = scryptSync(password, salt, 32, { ...params, maxmem: 64 * 1024 * 1024 });
  const der = key.export({ format: 'der', type: 'pkcs8' });
  const ciphertext = Buffer.from(xsalsa20poly1305(boxKey, nonce).encrypt(der)).toString('base64');
  const kdf = { name: 'scrypt', params, salt: salt.toString('base64') };
  const cipher = { name: 'nacl/secretbox', nonce: nonce.toString('base64') };
  const json = { ...change({ kdf, cipher }), ciphertext };
  const body = Buffer.from(JSON.stringify(json)).toString('base64').replace(/.{64}/g, '$&\n');
  return `-----BEGIN ENCRYPTED ${label} PRIVATE KEY-----\n${body}\n-----END ENCRYPTED ${label} PRIVATE KEY-----\n`;
}

describe('a key that cosign has encrypted', () => {
  it('opens with its password, also under the older name', async () => {
    for (const label of ['SIGSTORE', 'COSIGN']) {
      const open = await openSigningKey({ pem: seal(p256, 'pässword', { label }), password: 'pässword' });
      expect(verify('sha256', payload, createPublicKey(p256), open.sign(payload))).toBe(true);
    }
  });

  it('opens without a password when that is empty', async () => {
    expect((await openSigningKey({ pem: seal(p256, ''), password: undefined })).kind).toBe('ECDSA P-256');
  });

  it('says whether its password is wrong or missing', async () => {
    const pem = seal(p256, 'the password');
    expect((await refusalOf(pem, 'another')).message).toBe(
      'settings.cosign_password: it does not open cosign_private_key',
    );
    expect((await refusalOf(pem)).message).toBe(
      'settings.cosign_password: it is missing, while cosign_private_key is encrypted',
    );
  });

  it('is held to the same kinds of key', async () => {
    const { message } = await refusalOf(seal(ec('secp256k1'), 'pass'), 'pass');
    expect(message).toBe('settings.cosign_private_key: a key of type ec secp256k1 is not supported');
  });

  it.each<[string, NonNullable<Sealing['change']>]>([
    ['asks for gigabytes', ({ kdf, cipher }) => ({ kdf: { ...kdf, params: { N: 2 ** 24, r: 8, p: 1 } }, cipher })],
    ['asks for next to nothing', ({ kdf, cipher }) => ({ kdf: { ...kdf, params: { N: 2, r: 8, p: 1 } }, cipher })],
    [
      'has blocks of another size',
      ({ kdf, cipher }) => ({ kdf: { ...kdf, params: { N: 32768, r: 64, p: 1 } }, cipher }),
    ],
    ['wants many rounds', ({ kdf, cipher }) => ({ kdf: { ...kdf, params: { N: 32768, r: 8, p: 1e6 } }, cipher })],
    ['has texts for numbers', ({ kdf, cipher }) => ({ kdf: { ...kdf, params: { N: '32768', r: 8, p: 1 } }, cipher })],
    ['has another key derivation', ({ kdf, cipher }) => ({ kdf: { ...kdf, name: 'argon2id' }, cipher })],
    ['has another cipher', ({ kdf, cipher }) => ({ kdf, cipher: { ...cipher, name: 'aes' } })],
    ['has a short nonce', ({ kdf, cipher }) => ({ kdf, cipher: { ...cipher, nonce: 'AAAA' } })],
    ['has no salt', ({ kdf: { name, params }, cipher }) => ({ kdf: { name, params }, cipher })],
    ['is empty', () => ({})],
  ])('is refused at once when it %s', async (_, change) => {
    const { message } = await refusalOf(seal(p256, 'pass', { change }), 'pass');
    expect(message).toBe('settings.cosign_private_key: it is damaged, or encrypted in a way that cosign does not use');
  });
});
