// A private key that signs as cosign does: SHA-256 with ECDSA (of any curve) and with RSA PKCS #1 v1.5, Ed25519 over the
// bytes themselves. That is what `cosign verify --key` checks when it is told nothing else. The key stays in memory.
import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { PluginError } from '../base/plugin-error.ts';

/** A private key block in PEM form, and the password that may be needed. */
export interface SigningKeyText {
  readonly pem: string;
  readonly password: string | undefined;
}

/** A key that is open. */
export interface SigningKey {
  /** "ECDSA P-256": for people. */
  readonly kind: string;
  sign(payload: Uint8Array): Buffer;
  /** Whether a signature is one of this very key. */
  verifies(payload: Uint8Array, signature: Uint8Array): boolean;
}

const curves: ReadonlyMap<string, string> = new Map([
  ['prime256v1', 'P-256'],
  ['secp384r1', 'P-384'],
  ['secp521r1', 'P-521'],
]);

/** Shorter ones count as broken; longer ones than this take seconds. */
const minRsaBits = 2048;
const maxRsaBits = 16_384;

/** Opens a key. Throws PluginError (exit 2) that shows nothing of the text. */
export async function openSigningKey({ pem, password }: SigningKeyText): Promise<SigningKey> {
  if (/^-----BEGIN ENCRYPTED (?:SIGSTORE|COSIGN) PRIVATE KEY-----/.test(pem)) {
    const { openSealedKey } = await import('./sealed-key.ts');
    return signingKey(readDer(await openSealedKey(pem, password)));
  }
  return signingKey(readPem(pem, password));
}

/** The error of a key that is no good. `setting` is the one to change. */
export function keyRefusal(
  setting: 'cosign_private_key' | 'cosign_password',
  problem: string,
  hint: string,
): PluginError {
  return new PluginError({
    code: 'signing-key-unusable',
    exitCode: 2,
    message: `settings.${setting}: ${problem}`,
    hint,
  });
}

/** What to do about a password that does not fit. */
export const passwordHint = 'set cosign_password to the password that the key was encrypted with';

function readPem(pem: string, password: string | undefined): KeyObject {
  const isEncrypted = /^-----BEGIN ENCRYPTED |^Proc-Type:.*ENCRYPTED/m.test(pem);
  try {
    return createPrivateKey({ key: pem, format: 'pem', ...(isEncrypted ? { passphrase: password ?? '' } : {}) });
  } catch {
    // What OpenSSL says of it depends on its version, and a wrong password looks like damage to it.
    if (isEncrypted) throw keyRefusal('cosign_password', 'it does not open cosign_private_key', passwordHint);
    throw damaged();
  }
}

function readDer(der: Uint8Array): KeyObject {
  try {
    return createPrivateKey({ key: Buffer.from(der), format: 'der', type: 'pkcs8' });
  } catch {
    throw damaged();
  }
}

function damaged(): PluginError {
  return keyRefusal('cosign_private_key', 'it cannot be read as a private key', 'give the whole key, as it was made');
}

function signingKey(privateKey: KeyObject): SigningKey {
  const { kind, hash } = algorithmOf(privateKey);
  const publicKey = createPublicKey(privateKey);
  return {
    kind,
    sign: (payload) => sign(hash, payload, privateKey),
    verifies: (payload, signature) => verify(hash, payload, publicKey, signature),
  };
}

function algorithmOf(key: KeyObject): { readonly kind: string; readonly hash: 'sha256' | null } {
  const { namedCurve = '', modulusLength = 0 } = key.asymmetricKeyDetails ?? {};
  const curve = curves.get(namedCurve);
  if (key.asymmetricKeyType === 'ed25519') return { kind: 'Ed25519', hash: null };
  if (key.asymmetricKeyType === 'ec' && curve !== undefined) return { kind: `ECDSA ${curve}`, hash: 'sha256' };
  const isRsa = key.asymmetricKeyType === 'rsa';
  if (isRsa && modulusLength >= minRsaBits && modulusLength <= maxRsaBits)
    return { kind: `RSA ${String(modulusLength)}`, hash: 'sha256' };
  const what = isRsa
    ? `an RSA key of ${String(modulusLength)} bits`
    : `a key of type ${key.asymmetricKeyType ?? '?'} ${namedCurve}`;
  throw keyRefusal(
    'cosign_private_key',
    `${what.trim()} is not supported`,
    'use ECDSA (P-256, P-384, P-521), Ed25519, or RSA of 2048 bits or more',
  );
}
