// Private keys as `cosign generate-key-pair` writes them: JSON with the parameters of scrypt and a NaCl secretbox
// (XSalsa20-Poly1305) round a PKCS #8 key. https://github.com/secure-systems-lab/go-securesystemslib (encrypted)
import { fieldOf, parseJson } from '../base/json-fields.ts';
import { scrypt } from 'node:crypto';
import type { PluginError } from '../base/plugin-error.ts';
import { keyRefusal, passwordHint } from './signing-key.ts';

interface SealedKey {
  /** scrypt's N. */
  readonly cost: number;
  readonly salt: Buffer;
  readonly nonce: Buffer;
  readonly ciphertext: Buffer;
}

/**
 * What keys are made with, and all that cosign opens. A file may ask for any amount of memory and time otherwise: N = 2^17
 * takes 128 MiB and half a second.
 */
const costs: readonly unknown[] = [2 ** 15, 2 ** 16, 2 ** 17];
const blockSize = 8;
const parallelization = 1;
const maxMemoryBytes = 160 * 1024 * 1024;

const keyBytes = 32;
const nonceBytes = 24;

/** The PKCS #8 DER inside. Throws PluginError (exit 2) when the password does not open it. */
export async function openSealedKey(pem: string, password: string | undefined): Promise<Uint8Array> {
  const sealed = readSealed(pem);
  const key = await deriveKey(password ?? '', sealed);
  const { xsalsa20poly1305 } = await import('@noble/ciphers/salsa.js');
  try {
    return xsalsa20poly1305(key, sealed.nonce).decrypt(sealed.ciphertext);
  } catch {
    throw password === undefined
      ? keyRefusal('cosign_password', 'it is missing, while cosign_private_key is encrypted', passwordHint)
      : keyRefusal('cosign_password', 'it does not open cosign_private_key', passwordHint);
  }
}

function readSealed(pem: string): SealedKey {
  const json = parseJson(Buffer.from(pem.replace(/-----[^-]+-----/g, ''), 'base64').toString('utf8'));
  const kdf = fieldOf(json, 'kdf');
  const params = fieldOf(kdf, 'params');
  const cipher = fieldOf(json, 'cipher');
  if (fieldOf(kdf, 'name') !== 'scrypt' || fieldOf(cipher, 'name') !== 'nacl/secretbox') throw foreign();
  const cost = fieldOf(params, 'N');
  if (typeof cost !== 'number' || !costs.includes(cost)) throw foreign();
  if (fieldOf(params, 'r') !== blockSize || fieldOf(params, 'p') !== parallelization) throw foreign();
  const nonce = bytesOf(cipher, 'nonce');
  if (nonce.length !== nonceBytes) throw foreign();
  return { cost, salt: bytesOf(kdf, 'salt'), nonce, ciphertext: bytesOf(json, 'ciphertext') };
}

async function deriveKey(password: string, { cost, salt }: SealedKey): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const options = { N: cost, r: blockSize, p: parallelization, maxmem: maxMemoryBytes };
    scrypt(password, salt, keyBytes, options, (error, key) => (error === null ? resolve(key) : reject(error)));
  });
}

function foreign(): PluginError {
  return keyRefusal(
    'cosign_private_key',
    'it is damaged, or encrypted in a way that cosign does not use',
    'give the whole key, as cosign wrote it',
  );
}

function bytesOf(json: unknown, name: string): Buffer {
  const text = fieldOf(json, name);
  if (typeof text !== 'string') throw foreign();
  return Buffer.from(text, 'base64');
}
